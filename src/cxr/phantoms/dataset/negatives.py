"""Images that are no frontal chest X-rays: what a data set may hold by mistake."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cxr.config.atomic import write_json
from cxr.config.errors import UserError
from cxr.config.record import read_json
from cxr.images.files import write_png
from cxr.phantoms.canvas import Pose, Stroke, blur, clouds, draw_marker, draw_strokes
from cxr.phantoms.dataset.lateral import render_lateral
from cxr.phantoms.physics.exposure import draw_exposure, expose

MARK = "negatives.json"
BONE, FLESH = 1.6, 1.9  # attenuation along the ray
WORDS = ("REPORT", "chest", "x-ray", "findings", "none", "impression", "date", "ward", "see", "above", "of", "the")


def _hand(rng: np.random.Generator, image_px: int) -> np.ndarray:
    """A hand: five fingers of three bones (the thumb two), five in the palm, two below the wrist."""
    pose = Pose(rng.uniform(0.85, 1.05), rng.normal(0, 0.3), rng.normal(0, 0.03), rng.normal(0, 0.03))
    bones, flesh, wrist = [], [], np.array([0.0, 0.80])
    for finger, angle in enumerate(np.deg2rad((-52, -20, -5, 9, 25))):
        heading = np.array([np.sin(angle), -np.cos(angle)])
        point = wrist + 0.03 * heading
        lengths = (0.19, 0.13, 0.09) if finger == 0 else (0.27, 0.16, 0.10, 0.07)
        flesh.append(Stroke(np.stack([wrist, wrist + heading * (sum(lengths) + 0.05)]), 0.085, 0.7))
        for length in lengths:
            joint = point + length * heading
            bones += [Stroke(np.stack([point, joint]), 0.026, 0.7), Stroke(np.stack([joint, joint]), 0.036, 0.75)]
            point = joint + 0.012 * heading
    for side in (-0.045, 0.04):
        bones.append(Stroke(np.array([(side, 0.83), (1.4 * side, 1.2)]), 0.05, 0.8))
    flesh += [Stroke(np.array([(0.0, 0.6), (0.0, 0.74)]), 0.3, 0.9), Stroke(np.array([(0, 0.7), (0, 1.3)]), 0.2, 0.9)]
    attenuation = FLESH * blur(draw_strokes(flesh, pose, image_px), 0.01)
    attenuation += BONE * blur(draw_strokes(bones, pose, image_px), 0.003)
    return expose(attenuation.astype(np.float32), draw_exposure(rng, "PA"), rng)


def _uniform(rng: np.random.Generator, image_px: int) -> np.ndarray:
    """One grey with the least noise: an exposure without a patient."""
    return np.round(rng.uniform(20, 235) + rng.normal(0, 0.8, (image_px, image_px))).clip(0, 255).astype(np.uint8)


def _noise(rng: np.random.Generator, image_px: int) -> np.ndarray:
    """Clouds and grain."""
    grain = 40 * clouds(rng, image_px, int(rng.integers(4, 24))) + rng.normal(0, rng.uniform(5, 50), (image_px,) * 2)
    return np.round(128 + grain).clip(0, 255).astype(np.uint8)


def _text(rng: np.random.Generator, image_px: int) -> np.ndarray:
    """A page of a report that was scanned with the images."""
    page = np.zeros((image_px, image_px), np.float32)
    for line in np.arange(0.08, 0.94, 0.05):
        if rng.random() < 0.85:
            words = " ".join(rng.choice(WORDS, rng.integers(2, 9)))
            page = np.maximum(page, draw_marker(words, 0.06, float(line), 0.022, image_px))
    return np.round(rng.uniform(225, 250) - 200 * page).astype(np.uint8)


def _lateral(rng: np.random.Generator, image_px: int) -> np.ndarray:
    """A chest, but from the side."""
    return render_lateral(int(rng.integers(2**31)), 0, 0, image_px)


NEGATIVES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "hand": _hand,
    "lateral": _lateral,
    "noise": _noise,
    "text": _text,
    "uniform": _uniform,
}
"""Kind -> how it is drawn."""


def render_negative(kind: str, number: int, seed: int, image_px: int) -> np.ndarray:
    """Image `number` of a kind in `NEGATIVES`, (image_px, image_px) uint8; the same for the same arguments."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(sorted(NEGATIVES).index(kind), number)))
    return NEGATIVES[kind](rng, image_px)


def write_negatives(folder: Path, of_each: int, seed: int, image_px: int) -> list[Path]:
    """Write `of_each` images of every kind as `{kind}_{number:04d}.png` (8-bit grey) and return their paths.

    `negatives.json` marks the folder as ours from the first moment; an interrupted run goes on. Raises UserError when
    the folder holds anything else.
    """
    wanted, mark = {"of_each": of_each, "seed": seed, "image_px": image_px}, folder / MARK
    if folder.exists() and any(folder.iterdir()) and not (mark.is_file() and read_json(mark) == wanted):
        raise UserError(f"{folder} is not empty and holds no such images; name a folder of its own")
    write_json(mark, wanted)
    paths = []
    for kind in NEGATIVES:
        for number in range(of_each):
            path = folder / f"{kind}_{number:04d}.png"
            if not path.is_file():  # written whole or not at all
                write_png(path, render_negative(kind, number, seed, image_px))
            paths.append(path)
    return paths
