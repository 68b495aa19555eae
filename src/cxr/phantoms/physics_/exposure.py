"""From attenuation to grey: an (H, W) float32 map of attenuation and an `Exposure` in, the (H, W) uint8 image out."""

from dataclasses import dataclass

import numpy as np

from cxr.phantoms.canvas import Pose, blur

SCATTER_SIGMA = 0.12  # scattered photons spread over this fraction of the frame
DETAIL_SIGMA = 0.07  # the console's contrast equalisation works on structures up to this fraction of the frame
SAMPLE_STEP = 4  # every 4th pixel is enough to find the display window
FRAME_REACH, FRAME_SLACK = 0.455, 0.02  # lungs end this far from the frame's centre; shifts beyond that
LOG_FLOOR = 1e-3  # detector counts never reach zero


@dataclass(frozen=True)
class Exposure:
    """How one image is taken and displayed."""

    photons: float  # per pixel in open air
    contrast: float  # attenuation per unit of tissue: falls with the tube voltage
    scatter: float  # fraction of scattered photons
    blur_fraction: float  # focal spot, detector and movement, sigma as a fraction of the frame
    detail: float  # strength of contrast equalisation
    black_percentile: float
    black_margin: float  # share of the window kept free below it: lungs shall not be crushed to black
    white_percentile: float
    white_level: float
    median_level: (
        float  # the display window is set so that the middle of the image has this level: hides overall density
    )
    tilt_x: float  # the beam is never quite even
    tilt_y: float


def draw_exposure(rng: np.random.Generator, view: str) -> Exposure:
    """Draw an exposure; AP images are taken at the bedside: more scatter, more noise, less contrast."""
    bedside = view == "AP"
    return Exposure(
        photons=rng.uniform(4000, 16000) * (0.6 if bedside else 1.0),
        contrast=rng.uniform(1.1, 1.6) * (0.9 if bedside else 1.0),
        scatter=rng.uniform(0.08, 0.22) + (0.08 if bedside else 0.0),
        blur_fraction=rng.uniform(0.0012, 0.0026),
        detail=rng.uniform(0.25, 0.8),
        black_percentile=rng.uniform(0.2, 2),
        black_margin=rng.uniform(0.02, 0.2),
        white_percentile=rng.uniform(98, 99.9),
        white_level=rng.uniform(0.88, 1.0),
        median_level=rng.uniform(0.48, 0.68),
        tilt_x=rng.uniform(-0.12, 0.12),
        tilt_y=rng.uniform(-0.12, 0.12),
    )


def draw_pose(rng: np.random.Generator, reach_x: float, top_y: float, bottom_y: float) -> Pose:
    """Draw a pose that keeps lungs with |x| <= reach_x and top_y <= y <= bottom_y (chest units) inside the frame."""
    scale = min(rng.uniform(0.94, 1.16), FRAME_REACH / max(reach_x, bottom_y - 0.5, 0.5 - top_y))
    lowest = FRAME_REACH + FRAME_SLACK - scale * (bottom_y - 0.5)
    highest = scale * (0.5 - top_y) - FRAME_REACH - FRAME_SLACK
    rotation_rad = float(np.clip(rng.normal(0, 0.022), -0.05, 0.05))
    shift_x, shift_y = rng.uniform(-FRAME_SLACK, FRAME_SLACK), rng.uniform(-0.03, 0.04)
    return Pose(scale, rotation_rad, shift_x, float(np.clip(shift_y, highest, lowest)))


def expose(attenuation: np.ndarray, exposure: Exposure, rng: np.random.Generator) -> np.ndarray:
    """Beer-Lambert, scatter, blur, photon noise, logarithm, equalisation and display window -> (H, W) uint8."""
    ticks = np.linspace(-0.5, 0.5, attenuation.shape[0], dtype=np.float32)
    beam = (1 + exposure.tilt_x * ticks)[None, :] * (1 + exposure.tilt_y * ticks)[:, None]
    primary = beam * np.exp(-exposure.contrast * attenuation)
    scattered = blur(primary, SCATTER_SIGMA)
    photons = blur((1 - exposure.scatter) * primary + exposure.scatter * scattered, exposure.blur_fraction)
    grain = rng.standard_normal(attenuation.shape, dtype=np.float32)
    photons = photons + np.sqrt(photons / np.float32(exposure.photons)) * grain  # Poisson, in its normal limit
    density = -np.log(np.maximum(photons, LOG_FLOOR))
    density = density + exposure.detail * (density - blur(density, DETAIL_SIGMA))
    return _display(density, exposure)


def _display(density: np.ndarray, exposure: Exposure) -> np.ndarray:
    """Window the density to uint8: the two percentiles become black and white, the median the level asked for."""
    sample = density[::SAMPLE_STEP, ::SAMPLE_STEP]
    black, middle, white = np.percentile(sample, (exposure.black_percentile, 50, exposure.white_percentile))
    black -= exposure.black_margin * (white - black)
    share = min(max((middle - black) / (white - black), 0.05), 0.95)
    gamma = np.log(exposure.median_level / exposure.white_level) / np.log(share)
    level = np.clip((density - np.float32(black)) / np.float32(white - black), 0, 1) ** np.float32(gamma)
    return np.round(level * np.float32(255 * exposure.white_level)).astype(np.uint8)
