"""Augmentation with everything off but what a test names."""

import numpy as np
import pytest

from cxr.config.augment import Augment

SIZE = 64
OFF = {
    "rotate_degrees": 0.0, "shift_fraction": 0.0, "zoom_fraction": 0.0, "contrast_fraction": 0.0,
    "brightness_fraction": 0.0, "flip_probability": 0.0,
}  # fmt: skip


@pytest.fixture(scope="session")
def only():
    """A function: keys -> an Augment in which nothing else is on."""

    def make(**changes):
        return Augment(**OFF | changes)

    return make


@pytest.fixture
def images():
    return np.random.default_rng(1).uniform(0, 255, (6, SIZE, SIZE)).astype(np.float32)


@pytest.fixture(scope="session")
def everything():
    """All kinds of move and distortion at once."""
    return {
        "rotate_degrees": 8.0, "shift_fraction": 0.05, "zoom_fraction": 0.1, "flip_probability": 0.5,
        "stretch_fraction": 0.1, "shear_degrees": 6.0, "crop_scale": 0.5, "grid_fraction": 0.3,
        "elastic_fraction": 0.03, "optical_fraction": 0.15,
    }  # fmt: skip
