"""What each augmentation does to an image, as a picture, and how many images a second they leave.

Run from the repository root:  .venv/bin/python benchmarks/augmentation.py [--write] [--image-px 224] [--images 512]
Prints images per second of CPU time of one thread: augmented by default, by everything, by each alone.
--write: draws docs/augmentation.png instead.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cxr.config.augment import Augment
from cxr.images.files import write_png
from cxr.images.geometry import resize
from cxr.phantoms.phantom import render_phantom
from cxr.phantoms.spec import PhantomSpec
from cxr.training.augment.batch import augment_batch
from cxr.training.augment.mixup import mix_pairs

OFF = Augment(rotate_degrees=0, shift_fraction=0, zoom_fraction=0, contrast_fraction=0, brightness_fraction=0)
TYPICAL = [
    {"rotate_degrees": 8.0}, {"shift_fraction": 0.05}, {"zoom_fraction": 0.1}, {"stretch_fraction": 0.1},
    {"shear_degrees": 6.0}, {"crop_scale": 0.5, "crop_ratio": 1.33}, {"flip_probability": 0.5},
    {"grid_fraction": 0.3}, {"elastic_fraction": 0.03, "elastic_smoothness": 0.08}, {"optical_fraction": 0.1},
    {"contrast_fraction": 0.2}, {"brightness_fraction": 0.1}, {"gamma_fraction": 0.3}, {"blur_fraction": 0.006},
    {"noise_sd": 10.0}, {"border_fraction": 0.15}, {"erase_probability": 0.5, "erase_fraction": 0.2},
    {"mixup_alpha": 0.4},
]  # fmt: skip
"""As README and picture show them."""
TILE_PX, COLUMNS, TITLE_PX, GAP_PX, GREYS = 104, 2, 20, 10, 48
PICTURE = Path(__file__).parents[1] / "docs" / "augmentation.png"
PATIENTS, DRAWN_PX, SEED = (6, 9, 21, 33), 416, 5


def draw_sheet() -> np.ndarray:
    """Return (H, W) uint8: for each augmentation four draws of one phantom, under its parameters."""
    phantoms = [render_phantom(PhantomSpec(image_px=DRAWN_PX), patient, 0).image for patient in PATIENTS]
    images = np.stack([resize(image, TILE_PX, TILE_PX) for image in phantoms]).astype(np.float32)
    groups = [("four phantoms as they are", images), ("the first with the defaults", draw_tiles(images, Augment(), 0))]
    for number, changes in enumerate(TYPICAL, 1):
        groups.append((title_of(changes), draw_tiles(images, OFF.model_copy(update=changes), number)))
    width, height = len(images) * TILE_PX + GAP_PX, TILE_PX + TITLE_PX
    sheet = Image.new("L", (COLUMNS * width - GAP_PX, -(-len(groups) // COLUMNS) * height), 255)
    for place, (title, tiles) in enumerate(groups):
        left, top = place % COLUMNS * width, place // COLUMNS * height
        ImageDraw.Draw(sheet).text((left + 2, top + 3), title, fill=0, font=ImageFont.load_default(13))
        for column, tile in enumerate(tiles):
            grey = np.round(tile / 255 * (GREYS - 1)) * (255 / (GREYS - 1))  # a smaller file; nobody sees more greys
            sheet.paste(Image.fromarray(grey.astype(np.uint8)), (left + column * TILE_PX, top + TITLE_PX))
    return np.asarray(sheet)


def draw_tiles(images: np.ndarray, augment: Augment, number: int) -> np.ndarray:
    """Return (n, S, S) float32: the first image n times, each changed in another way; MixUp mixes all of them."""
    rng = np.random.default_rng([SEED, number])
    if augment.mixup_alpha:
        return mix_pairs(images, np.zeros(len(images)), augment.mixup_alpha, rng)[0]
    return augment_batch(np.stack([images[0]] * len(images)), augment, rng)[0]


def title_of(changes: dict[str, float]) -> str:
    """Return e.g. `erase_probability 0.5, erase_fraction 0.2`."""
    return ", ".join(f"{key} {value:g}" for key, value in changes.items())


def measure(image_px: int, count: int) -> None:
    """Print images per second of CPU time for batches of 16."""
    cv2.setNumThreads(1)
    images = np.random.default_rng(0).uniform(0, 255, (16, image_px, image_px)).astype(np.float32)
    everything = {key: value for changes in TYPICAL for key, value in changes.items()}
    settings = [("defaults", Augment()), ("everything", Augment(**everything))]
    settings += [(title_of(changes), OFF.model_copy(update=changes)) for changes in TYPICAL]
    for name, augment in settings:
        targets, rng = np.zeros((16, 14), np.float32), np.random.default_rng(1)
        mix_pairs(augment_batch(images, augment, rng)[0], targets, augment.mixup_alpha, rng)
        started = time.process_time()
        for _ in range(count // 16):
            mix_pairs(augment_batch(images, augment, rng)[0], targets, augment.mixup_alpha, rng)
        print(
            f"{count // 16 * 16 / (time.process_time() - started):8.0f} images per CPU second at {image_px} px: {name}"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--image-px", type=int, default=224)
    parser.add_argument("--images", type=int, default=512)
    options = parser.parse_args()
    if options.write:
        write_png(PICTURE, draw_sheet())
    else:
        measure(options.image_px, options.images)


if __name__ == "__main__":
    main()
