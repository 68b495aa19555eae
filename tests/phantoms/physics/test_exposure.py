"""The display of known attenuation: order, window, noise."""

from dataclasses import replace

import numpy as np
import pytest

from cxr.phantoms.physics.exposure import draw_exposure, expose


@pytest.fixture
def steps():
    """(96, 96) attenuation: air, then five steps from thin to thick."""
    layer = np.zeros((96, 96), np.float32)
    for step in range(5):
        layer[16:, 16 + 16 * step : 32 + 16 * step] = 1.5 + 0.8 * step
    return layer


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("view", ["PA", "AP"])
def test_thicker_is_brighter_and_air_is_dark(steps, seed, view):
    rng = np.random.default_rng(seed)
    image = expose(steps, draw_exposure(rng, view), rng)
    levels = [np.median(image[40:80, 20 + 16 * step : 28 + 16 * step]) for step in range(5)]
    assert (np.diff(levels) > 0).all()
    assert np.median(image[:8]) < levels[0]
    assert image.max() <= 255 and levels[-1] > 150


def test_fewer_photons_mean_more_noise(steps):
    exposure = replace(draw_exposure(np.random.default_rng(1), "PA"), detail=0.0)
    few, many = (
        expose(steps, replace(exposure, photons=photons), np.random.default_rng(2)).astype(float)
        for photons in (2e3, 2e6)
    )
    thick = np.s_[40:80, 84:92]
    assert few[thick].std() > 3 * many[thick].std()


def test_the_median_of_the_body_gets_the_level_asked_for(steps):
    rng = np.random.default_rng(3)
    for level in (0.45, 0.6, 0.72):
        exposure = replace(draw_exposure(rng, "PA"), median_level=level, tilt_x=0.0, tilt_y=0.0)
        image = expose(steps, exposure, rng)
        assert np.median(image[steps > 0.7]) / 255 == pytest.approx(level, abs=0.05)
