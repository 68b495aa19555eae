"""A chest from the side: what CheXpert mixes under its frontal images. No findings are drawn in it."""

import numpy as np

from cxr.phantoms.anatomy.chest import LUNG_DENSITY, PER_CM
from cxr.phantoms.canvas import Pose, Stroke, blur, chest_grid, clouds, draw_strokes, roundness, smooth_step
from cxr.phantoms.physics.exposure import draw_exposure, expose

WIDTH_CM, LUNG_CM = 30.0, 20.0  # of a chest from side to side, and of both lungs together


def render_lateral(seed: int, patient: int, followup: int, image_px: int) -> np.ndarray:
    """A lateral chest X-ray, the breastbone on the left, (image_px, image_px) uint8; the same for the same numbers."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(patient, followup, 1)))
    pose = Pose(rng.uniform(0.9, 1.1), rng.normal(0, 0.03), rng.normal(0, 0.02), rng.normal(0, 0.02))
    x, y = chest_grid(pose, image_px)
    front, back = -rng.uniform(0.24, 0.3), rng.uniform(0.26, 0.32)
    middle, half = (front + back) / 2, (back - front) / 2
    lean = middle - np.float32(0.05) * np.sin(np.float32(3.2) * (y - np.float32(0.2)))  # the back is round
    body = roundness(half + 0.07 * smooth_step(y - 0.15, 0.3) - np.abs(x - lean), 0.3)
    dome = rng.uniform(0.60, 0.66) + np.float32(2.2) * (x + np.float32(0.06)) ** 2  # lowest behind the spine
    reach = np.float32(0.9 * half) * np.sqrt(np.clip((y - np.float32(0.1)) / np.float32(0.22), 0, 1))
    lungs = roundness(reach - np.abs(x - lean), 0.2) * smooth_step(dome - y, 0.012)
    heart_x, heart_y = np.float32(front + 0.17), np.float32(dome.min() - 0.07)
    heart = roundness(1 - np.hypot((x - heart_x) / np.float32(0.15), (y - heart_y) / np.float32(0.17)), 0.8)
    tissue_cm = WIDTH_CM * body * (1 + np.float32(0.03) * clouds(rng, image_px, 8))
    tissue_cm -= np.float32(LUNG_CM * (1 - LUNG_DENSITY)) * lungs * (1 - np.float32(0.45) * heart)
    heights = np.linspace(-0.04, 1.04, 19)
    behind = middle + half * 0.55 - 0.05 * np.sin(3.2 * (heights - 0.2))
    line = np.stack([behind, heights], axis=1)
    bones = [Stroke(line[k : k + 2] - (0, 0.01 * (k % 2)), 0.075, 0.5) for k in range(len(line) - 1)]
    for rib in range(9):
        heights = np.array([0.12, 0.24, 0.34]) + 0.06 * rib
        course = np.stack([back - np.array([0.1, 0.3, 0.46]), heights], axis=1)
        bones.append(Stroke(course, 0.014, 0.22))
    attenuation = np.float32(PER_CM) * np.maximum(tissue_cm, 0) + blur(draw_strokes(bones, pose, image_px), 0.003)
    return expose(attenuation.astype(np.float32), draw_exposure(rng, "PA"), rng)
