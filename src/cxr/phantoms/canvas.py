"""Pixels of a phantom: a pose, points in chest units and sizes in; (H, W) float32 layers out. Only this file uses cv2.

Chest units: the nominal frame is 1 wide and 1 high; x = 0 is the midline, negative towards the patient's right (left
in the image); y = 0 is the upper edge, growing downwards.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

LEVEL_STEPS = 24  # grey levels of segments
SUBPIXEL_BITS = 4  # cv2 takes fixed-point coordinates: 1/16 of a pixel


@dataclass(frozen=True)
class Pose:
    """How the chest lies in the frame: scaled and rotated about the frame's centre, then shifted (in frames)."""

    scale: float
    rotation_rad: float
    shift_x: float
    shift_y: float


@dataclass(frozen=True)
class Stroke:
    """One line to draw: (N, 2) float points and a width in chest units, and a level 0..1."""

    points: np.ndarray
    width: float
    level: float


def chest_grid(pose: Pose, image_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Chest coordinates of every pixel centre: two (image_px, image_px) float32 arrays, x and y."""
    ticks = (np.arange(image_px, dtype=np.float32) + 0.5) / image_px - 0.5
    column, row = ticks[None, :] - np.float32(pose.shift_x), ticks[:, None] - np.float32(pose.shift_y)
    cos, sin = np.float32(np.cos(pose.rotation_rad) / pose.scale), np.float32(np.sin(pose.rotation_rad) / pose.scale)
    return cos * column + sin * row, cos * row - sin * column + np.float32(0.5)


def to_pixels(points: np.ndarray, pose: Pose, image_px: int) -> np.ndarray:
    """(N, 2) chest coordinates -> (N, 2) pixel coordinates (x, y), where a pixel's centre has whole numbers."""
    x, y = points[:, 0], points[:, 1] - 0.5
    cos, sin = np.cos(pose.rotation_rad) * pose.scale, np.sin(pose.rotation_rad) * pose.scale
    column, row = cos * x - sin * y + pose.shift_x, sin * x + cos * y + pose.shift_y
    return np.stack([column, row], axis=1) * image_px + (0.5 * image_px - 0.5)


def draw_strokes(strokes: Iterable[Stroke], pose: Pose, image_px: int) -> np.ndarray:
    """Draw lines over each other, later ones on top -> (image_px, image_px) float32 in [0, 1]."""
    layer = np.zeros((image_px, image_px), np.uint8)
    for stroke in strokes:
        corners = np.round(to_pixels(stroke.points, pose, image_px) * 2**SUBPIXEL_BITS).astype(np.int32)
        width_px = max(1, round(stroke.width * pose.scale * image_px))
        level = round(255 * stroke.level)
        cv2.polylines(layer, [corners], False, level, width_px, cv2.LINE_AA, SUBPIXEL_BITS)
    return layer.astype(np.float32) / np.float32(255)


def draw_segments(
    segments: np.ndarray, widths: np.ndarray, levels: np.ndarray, pose: Pose, image_px: int
) -> np.ndarray:
    """Draw (N, 2, 2) segments with (N,) widths and levels 0..1, faint ones first -> (image_px, image_px) float32."""
    layer = np.zeros((image_px, image_px), np.uint8)
    corners = to_pixels(segments.reshape(-1, 2), pose, image_px).reshape(segments.shape)
    corners = np.round(corners * 2**SUBPIXEL_BITS).astype(np.int32)
    width_px = np.maximum(1, np.round(widths * pose.scale * image_px)).astype(int)
    step = np.clip(np.round(levels * LEVEL_STEPS), 1, LEVEL_STEPS).astype(int)
    for level, thickness_px in sorted({*zip(step.tolist(), width_px.tolist(), strict=True)}):
        same = corners[(step == level) & (width_px == thickness_px)]
        grey = round(255 * level / LEVEL_STEPS)
        cv2.polylines(layer, list(same), False, grey, thickness_px, cv2.LINE_AA, SUBPIXEL_BITS)
    return layer.astype(np.float32) / np.float32(255)


def draw_marker(text: str, x_fraction: float, y_fraction: float, height_fraction: float, image_px: int) -> np.ndarray:
    """The technician's side marker, placed in fractions of the frame -> (image_px, image_px) float32 in [0, 1]."""
    layer = np.zeros((image_px, image_px), np.uint8)
    height_px = max(6, round(height_fraction * image_px))
    font_scale = cv2.getFontScaleFromHeight(cv2.FONT_HERSHEY_SIMPLEX, height_px)
    corner = (round(x_fraction * image_px), round(y_fraction * image_px))
    thickness_px = max(1, height_px // 7)
    cv2.putText(layer, text, corner, cv2.FONT_HERSHEY_SIMPLEX, font_scale, 255, thickness_px, cv2.LINE_AA)
    return layer.astype(np.float32) / np.float32(255)


def blur(layer: np.ndarray, sigma_fraction: float) -> np.ndarray:
    """Gaussian blur of an (H, W) float32 layer; sigma as a fraction of its width. Wide blurs run on a reduced copy."""
    sigma_px = sigma_fraction * layer.shape[1]
    reduction = int(max(1, sigma_px // 2))
    if reduction == 1:
        return cv2.GaussianBlur(layer, (0, 0), sigma_px)
    small_px = max(4, layer.shape[1] // reduction)
    small = cv2.resize(layer, (small_px, small_px), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma_fraction * small_px, borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(small, layer.shape[::-1], interpolation=cv2.INTER_LINEAR)


def clouds(rng: np.random.Generator, image_px: int, cells: int) -> np.ndarray:
    """Smooth noise, mean 0 and deviation near 1, `cells` grains across the frame -> (image_px, image_px) float32."""
    grains = rng.standard_normal((cells, cells), dtype=np.float32)
    return cv2.resize(grains, (image_px, image_px), interpolation=cv2.INTER_CUBIC)


def smooth_step(distance: np.ndarray, width: float) -> np.ndarray:
    """0 below -width / 2, 1 above width / 2, smooth between: the edge of something seen through a blurring system."""
    ramp = np.clip(distance / np.float32(width) + np.float32(0.5), 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def roundness(distance: np.ndarray, radius: float) -> np.ndarray:
    """Thickness of a rounded body at `distance` inside its edge: 0 outside, a quarter circle up to 1 at `radius`."""
    return np.sqrt(1 - (1 - np.clip(distance / np.float32(radius), 0, 1)) ** 2)
