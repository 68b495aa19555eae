"""How a chest is placed in its frame and what the frame adds: poses, the collimator's edges, side markers."""

import numpy as np

from cxr.phantoms.anatomy.outline import angle_y
from cxr.phantoms.anatomy.patient import Anatomy
from cxr.phantoms.canvas import Pose, draw_marker, smooth_step

EDGE_MARGIN = 0.03  # lungs keep this distance from the frame's edge
MARKER_SHARE, PORTABLE_SHARE, COLLIMATED_SHARE, FILM_SHARE = 0.85, 0.2, 0.35, 0.04


def draw_pose(rng: np.random.Generator, anatomy: Anatomy, view: str) -> Pose:
    """Draw a pose that keeps the lungs inside the frame; lungs fill 0.5 to 0.9 of its height, less at the bedside."""
    bottom_y = max(angle_y(anatomy, side) for side in (-1, 1))
    height = bottom_y - anatomy.apex_y
    wanted = rng.normal(0.72, 0.085) - (0.05 if view == "AP" else 0.0)
    rotation_rad = float(np.clip(rng.normal(0, 0.025), -0.07, 0.07))
    room = 0.5 - EDGE_MARGIN - 0.4 * abs(rotation_rad)
    scale = min(float(np.clip(wanted, 0.48, 0.9)) / height, room / anatomy.thorax_half, 2 * room / height)
    top = float(np.clip(rng.normal(0.12, 0.04), 0.5 - room, 0.5 + room - scale * height))
    shift_y = top - 0.5 - scale * (anatomy.apex_y - 0.5)
    spare = max(room - scale * anatomy.thorax_half, 0.0)
    return Pose(scale, rotation_rad, float(np.clip(rng.normal(0, 0.02), -spare, spare)), shift_y)


def add_markers(attenuation: np.ndarray, rng: np.random.Generator, view: str) -> np.ndarray:
    """Lay the technician's letters on top, most often an "L" beside the left shoulder; (H, W) float32 in and out."""
    image_px = attenuation.shape[0]
    high = max(float(attenuation.max()), 4.0)
    if rng.random() < MARKER_SHARE:
        left = rng.random() < 0.75
        x = rng.uniform(0.84, 0.95) if left else rng.uniform(0.03, 0.12)
        marker = draw_marker("L" if left else "R", x, rng.uniform(0.05, 0.2), rng.uniform(0.025, 0.05), image_px)
        attenuation = attenuation + marker * (high - attenuation)
    if view == "AP" and rng.random() < PORTABLE_SHARE:
        marker = draw_marker("PORTABLE", rng.uniform(0.02, 0.7), rng.uniform(0.02, 0.06), 0.018, image_px)
        attenuation = attenuation + marker * (high - attenuation)
    return attenuation


def add_borders(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cut the field as the collimator does, dark outside and seldom white (digitised film); (H, W) uint8."""
    kind = rng.random()
    if kind > COLLIMATED_SHARE + FILM_SHARE:
        return image
    image_px = image.shape[0]
    ticks = (np.arange(image_px, dtype=np.float32) + 0.5) / image_px
    turn = np.float32(rng.normal(0, 0.012))
    column, row = ticks[None, :] + turn * (ticks[:, None] - 0.5), ticks[:, None] - turn * (ticks[None, :] - 0.5)
    edges = rng.uniform(-0.04, 0.035, 4)
    inside = np.minimum(
        np.minimum(column - edges[0], 1 - edges[1] - column), np.minimum(row - edges[2], 1 - edges[3] - row)
    )
    field = smooth_step(inside, 0.004)
    outside = np.float32(rng.uniform(225, 255) if kind > COLLIMATED_SHARE else rng.uniform(0, 12))
    return np.round(outside + (image - outside) * field).astype(np.uint8)
