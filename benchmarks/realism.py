"""Do phantoms look like X-rays to a network? A U-Net trained on phantoms only, measured on real lung masks.

Run from the repository root:  .venv/bin/python benchmarks/realism.py REAL_IMAGES REAL_MASKS [--patients 120]
REAL_IMAGES and REAL_MASKS are two folders as in SETTINGS.json's `lung_masks`. With --nih FOLDER (a folder of X-rays)
histogram, edges and structure at several scales are compared as well: 10th, 50th and 90th percentile over images.
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

import keras
import numpy as np
from scipy import ndimage

from cxr.config.lungs import LungPairs, Segmentation
from cxr.images.files import read_image
from cxr.images.geometry import resize
from cxr.phantoms.dataset.folder import write_phantoms
from cxr.phantoms.phantom import render_phantom
from cxr.phantoms.spec import PhantomSpec
from cxr.preparation.lung_network import PHANTOM_PATIENT
from cxr.segmentation.measure import measure_network, train_lungs
from cxr.segmentation.pairs import find_pairs, load_pairs

COMPARED, IMAGE_PX = 150, 320


def describe(image: np.ndarray) -> dict[str, float]:
    """Grey levels, edges and the deviation of bands of structure in the middle of an (H, W) uint8 image."""
    grey = resize(image, IMAGE_PX, IMAGE_PX).astype(np.float32)
    found = {f"grey, {share} %": float(np.percentile(grey, share)) for share in (5, 25, 50, 75, 95)}
    edges = ndimage.gaussian_gradient_magnitude(grey, 0.8)
    found |= {f"edges, {share} %": float(np.percentile(edges, share)) for share in (50, 90, 99)}
    middle = grey[80:240, 60:260]
    for sigma in (1, 2, 4, 8, 16):
        band = ndimage.gaussian_filter(middle, sigma) - ndimage.gaussian_filter(middle, 2 * sigma)
        found[f"structure of {sigma} px"] = float(band.std())
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("images", type=Path)
    parser.add_argument("masks", type=Path)
    parser.add_argument("--patients", type=int, default=120)
    parser.add_argument("--nih", type=Path)
    options = parser.parse_args()
    parameters = Segmentation(weights="train")
    spec = PhantomSpec(patients=options.patients, seed=8)
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        write_phantoms(folder / "set", spec, workers=2)
        drawn = LungPairs(
            images=folder / "set/images_001/images", masks=folder / "set/masks", patient_pattern=PHANTOM_PATIENT
        )
        pairs = load_pairs(find_pairs([drawn])[0], parameters.image_px)
        own = train_lungs(pairs, parameters, folder / "unet", lambda title: None)
        model = keras.saving.load_model(folder / "unet" / "unet.keras", compile=False)
    real = load_pairs(find_pairs([LungPairs(images=options.images, masks=options.masks)])[0], parameters.image_px)
    table, _ = measure_network(model, real, range(len(real.pairs)), "", parameters.cleaning)
    dice = table["dice"]
    print(f"U-Net trained on {len(pairs.images)} phantoms: Dice {own['dice']['mean']:.3f} on held-out phantoms, "
          f"{dice.mean():.3f} (5th percentile {np.percentile(dice, 5):.3f}) on {len(dice)} real images")  # fmt: skip
    if options.nih:
        files = sorted(path for path in options.nih.iterdir() if path.suffix in (".png", ".jpg"))
        chosen = np.random.default_rng(0).choice(len(files), min(COMPARED, len(files)), replace=False)
        ours = [describe(render_phantom(PhantomSpec(), patient, 0).image) for patient in range(1, COMPARED + 1)]
        theirs = [describe(read_image(files[k])) for k in chosen]
        print("\n| | real, 10 / 50 / 90 % | phantoms |\n|---|---|---|")
        for key in ours[0]:
            levels = [np.percentile([row[key] for row in rows], (10, 50, 90)) for rows in (theirs, ours)]
            print(f"| {key} | " + " | ".join(" / ".join(f"{v:.1f}" for v in level) for level in levels) + " |")


if __name__ == "__main__":
    main()
