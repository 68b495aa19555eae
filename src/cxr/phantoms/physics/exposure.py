"""From attenuation to grey: an (H, W) float32 map of attenuation and an `Exposure` in, the (H, W) uint8 image out."""

from dataclasses import dataclass

import numpy as np

from cxr.phantoms.canvas import blur

SCATTER_SIGMA = 0.10  # scattered photons spread over this fraction of the frame
DETAIL_SIGMA = 0.08  # the console's contrast equalisation works on structures up to this fraction of the frame
SAMPLE_STEP = 4  # every 4th pixel is enough to find the display window
BODY = 0.7  # more attenuation than this belongs to the patient and counts for the window
LOG_FLOOR = 1e-4  # detector counts never reach zero


@dataclass(frozen=True)
class Exposure:
    """How one image is taken and displayed."""

    photons: float  # per pixel in open air
    contrast: float  # attenuation relative to the nominal energy: falls with the tube voltage
    scatter: float  # of the mean light around, what scattered photons add
    blur_fraction: float  # focal spot, detector and movement, sigma as a fraction of the frame
    detail: float  # strength of contrast equalisation
    black_percentile: float  # of the body's pixels: what is shown black
    white_percentile: float
    white_level: float
    median_level: float  # the display is set so that the body's median has this level: hides overall density
    curve: float  # steepness of the detector's or the display's S-shaped curve
    tilt_x: float  # the beam is never quite even
    tilt_y: float


def draw_exposure(rng: np.random.Generator, view: str) -> Exposure:
    """Draw an exposure; AP images are taken at the bedside: more scatter, more noise, less contrast."""
    bedside = view == "AP"
    return Exposure(
        photons=rng.uniform(2e5, 1.2e6) * (0.5 if bedside else 1.0),
        contrast=rng.uniform(0.75, 1.05) * (0.9 if bedside else 1.0),
        scatter=rng.uniform(0.1, 0.3) + (0.15 if bedside else 0.0),
        blur_fraction=rng.uniform(0.0008, 0.0017) + (0.0005 if bedside else 0.0),
        detail=rng.uniform(0.1, 0.7),
        black_percentile=rng.uniform(0.1, 3),
        white_percentile=rng.uniform(97, 99.9),
        white_level=rng.uniform(0.85, 1.0),
        median_level=rng.uniform(0.42, 0.74),
        curve=rng.uniform(0.0, 1.0),
        tilt_x=rng.uniform(-0.25, 0.25),
        tilt_y=rng.uniform(-0.25, 0.25),
    )


def expose(attenuation: np.ndarray, exposure: Exposure, rng: np.random.Generator) -> np.ndarray:
    """Beer-Lambert, scatter, blur, photon noise, logarithm, equalisation and display window -> (H, W) uint8."""
    ticks = np.linspace(-0.5, 0.5, attenuation.shape[0], dtype=np.float32)
    beam = (1 + exposure.tilt_x * ticks)[None, :] * (1 + exposure.tilt_y * ticks)[:, None]
    primary = beam * np.exp(np.float32(-exposure.contrast) * attenuation)
    scattered = blur(np.minimum(primary, np.float32(np.exp(-BODY))), SCATTER_SIGMA)
    photons = blur(primary + np.float32(exposure.scatter) * scattered, exposure.blur_fraction)
    grain = rng.standard_normal(attenuation.shape, dtype=np.float32)
    photons += np.sqrt(photons / np.float32(exposure.photons)) * grain  # Poisson, in its normal limit
    density = -np.log(np.maximum(photons, LOG_FLOOR))
    density += np.float32(exposure.detail) * (density - blur(density, DETAIL_SIGMA))
    return _display(density, attenuation, exposure)


def _display(density: np.ndarray, attenuation: np.ndarray, exposure: Exposure) -> np.ndarray:
    """Window the density to uint8: two percentiles of the body become black and white, its median the level asked."""
    sample = density[::SAMPLE_STEP, ::SAMPLE_STEP][attenuation[::SAMPLE_STEP, ::SAMPLE_STEP] > BODY]
    black, middle, white = np.percentile(sample, (exposure.black_percentile, 50, exposure.white_percentile))
    black -= np.float32(0.22) * (white - black)  # lungs shall not be crushed to black
    level = np.clip((density - np.float32(black)) / np.float32(white - black), 0, 1)
    share = float(np.clip((middle - black) / (white - black), 0.05, 0.95))
    curved = lambda value: (1 - exposure.curve) * value + exposure.curve * value * value * (3 - 2 * value)  # noqa: E731
    gamma = np.log(exposure.median_level / exposure.white_level) / np.log(curved(share))
    return np.round(curved(level) ** np.float32(gamma) * np.float32(255 * exposure.white_level)).astype(np.uint8)
