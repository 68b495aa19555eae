"""Grey images in, resized, cut or warped ones out; the only place where pixel coordinates are interpolated."""

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np


class Box(NamedTuple):
    """A rectangle in pixels of the original image: x0 <= x < x1, y0 <= y < y1; may reach beyond the image."""

    x0: int
    y0: int
    x1: int
    y1: int


def resize(image: np.ndarray, height_px: int, width_px: int) -> np.ndarray:
    """Resize (H, W) or (H, W, C) of uint8 or float32 to (height_px, width_px[, C]), by area when shrinking."""
    if image.shape[:2] == (height_px, width_px):
        return image
    shrinks = height_px <= image.shape[0] and width_px <= image.shape[1]
    return cv2.resize(image, (width_px, height_px), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def cut_box(image: np.ndarray, box: Box, image_px: int) -> np.ndarray:
    """Cut `box` out of an (H, W) uint8 image and resize it to (image_px, image_px); beyond the image it is black."""
    height, width = image.shape
    x0, y0, x1, y1 = box
    inside = image[max(y0, 0) : min(y1, height), max(x0, 0) : min(x1, width)]
    padding = (max(-y0, 0), max(y1 - height, 0), max(-x0, 0), max(x1 - width, 0))
    if any(padding):
        inside = cv2.copyMakeBorder(inside, *padding, cv2.BORDER_CONSTANT, value=0)
    return resize(inside, image_px, image_px)


def enlarge_map(map_: np.ndarray, height_px: int, width_px: int) -> np.ndarray:
    """Resize a coarse (h, w) map to (height_px, width_px) float32 without leaving its range.

    Cubic, so that the hottest place of a map of few cells stays round and in the middle of its cell.
    """
    map_ = np.ascontiguousarray(map_, np.float32)
    large = cv2.resize(map_, (width_px, height_px), interpolation=cv2.INTER_CUBIC)
    return np.clip(large, map_.min(), map_.max())


def draw_map(map_: np.ndarray, first: float, step: float, image_px: int) -> np.ndarray:
    """Draw a coarse (h, w) map over a square image whose width is 1: (image_px, image_px) float32 in the map's range.

    The middle of the map's first place lies at `first` (across and down) and the next one `step` further; cubic between
    them, level beyond the outer ones.
    """
    map_ = np.ascontiguousarray(map_, np.float32)
    down, across = (_cubic_weights(count, first, step, image_px) for count in map_.shape)
    return np.clip(down @ map_ @ across.T, map_.min(), map_.max())


@lru_cache(maxsize=64)
def _cubic_weights(count: int, first: float, step: float, image_px: int) -> np.ndarray:
    """Return (image_px, count) float32: how much each of `count` places gives to each pixel of a row.

    Cubic convolution (Keys, IEEE TASSP 1981, eq. 4) with the slope of cv2's, -0.75; four places give to a pixel, and
    beyond the outer ones stand copies of them. Two products with it are several times faster than cv2.warpAffine, which
    also rounds places to a 32nd.
    """
    slope = -0.75
    places = ((np.arange(image_px) + 0.5) / image_px - first) / step
    weights = np.zeros((image_px, count))
    for offset in range(-1, 3):
        given = np.floor(places) + offset
        far = np.abs(places - given)
        near = ((slope + 2) * far - (slope + 3)) * far**2 + 1
        weight = np.where(far <= 1, near, slope * (((far - 5) * far + 8) * far - 4))
        np.add.at(weights, (np.arange(image_px), np.clip(given, 0, count - 1).astype(int)), weight)
    return weights.astype(np.float32)


def place_box(map_: np.ndarray, box: Box, height_px: int, width_px: int) -> np.ndarray:
    """Undo `cut_box` for a float32 map (h, w) over a box: return (height_px, width_px) float32, 0 outside the box."""
    x0, y0, x1, y1 = box
    full = enlarge_map(map_, y1 - y0, x1 - x0)
    out = np.zeros((height_px, width_px), np.float32)
    top, left, bottom, right = max(y0, 0), max(x0, 0), min(y1, height_px), min(x1, width_px)
    out[top:bottom, left:right] = full[top - y0 : bottom - y0, left - x0 : right - x0]
    return out


def warp(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Move an (H, W) image by a (2, 3) affine matrix (source to target pixels); beyond the image it is black."""
    return cv2.warpAffine(image, matrix, image.shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)


def look_up(image: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the (S, S) image whose pixels are those of an (H, W) one at `places`; beyond the image it is black.

    places: (2, S, S) float32, x and y in pixels.
    """
    return cv2.remap(image, places[0], places[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)


def soften(image: np.ndarray, sd_px: float) -> np.ndarray:
    """Blur an (H, W) image by a Gaussian of this standard deviation, mirrored at the edges."""
    return cv2.GaussianBlur(image, (0, 0), sd_px) if sd_px > 0 else image


def affine_matrix(
    image_px: int,
    degrees: float,
    scale: float,
    shift_x_px: float,
    shift_y_px: float,
    flip: bool,
    stretch: float = 1,
    shear_degrees: float = 0,
) -> np.ndarray:
    """Return the (2, 3) float64 matrix that rotates and scales about the centre, then shifts, of a square image.

    stretch: how much wider than high it makes what it has rotated. shear_degrees: then slants what was upright, its
    lower half to the right.
    """
    centre = (image_px - 1) / 2
    matrix = cv2.getRotationMatrix2D((centre, centre), degrees, scale)
    matrix[0] *= stretch
    matrix[0, 2] += centre * (1 - stretch)
    if shear_degrees:
        slant = np.tan(np.radians(shear_degrees))
        matrix[0] += slant * matrix[1]
        matrix[0, 2] -= slant * centre
    matrix[:, 2] += (shift_x_px, shift_y_px)
    if flip:
        matrix[0] *= -1
        matrix[0, 2] += image_px - 1
    return matrix


def box_matrix(image_px: int, x0: float, y0: float, width: float, height: float) -> np.ndarray:
    """Return the (2, 3) float64 matrix that enlarges a box, in pixels with fractions, to the whole square image."""
    across, down = image_px / width, image_px / height
    return np.array([[across, 0, (0.5 - x0) * across - 0.5], [0, down, (0.5 - y0) * down - 0.5]])


def chain(first: np.ndarray, then: np.ndarray) -> np.ndarray:
    """Return the (2, 3) matrix of two moves, one after the other."""
    both = then[:, :2] @ first
    both[:, 2] += then[:, 2]
    return both


def before_affine(places: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return where `places` (2, S, S) float32 of a moved image lay before the move by a (2, 3) matrix."""
    (a, b, c), (d, e, f) = cv2.invertAffineTransform(matrix).astype(np.float32)
    x, y = places
    return np.stack([a * x + b * y + c, d * x + e * y + f])
