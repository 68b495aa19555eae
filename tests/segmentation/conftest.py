"""Phantoms with their true lung masks, as arrays and as two folders."""

import numpy as np
import pytest

from cxr.images.files import write_png
from cxr.phantoms.phantom import render_phantom
from cxr.phantoms.spec import PhantomSpec

PATIENTS, IMAGE_PX = 14, 64


@pytest.fixture(scope="session")
def phantoms():
    """The first image of each of 14 patients."""
    spec = PhantomSpec(patients=PATIENTS, seed=5, image_px=IMAGE_PX)
    return [render_phantom(spec, patient, 0) for patient in range(1, PATIENTS + 1)]


@pytest.fixture(scope="session")
def pair_folders(phantoms, tmp_path_factory):
    """Folders of images and masks of one name each."""
    folder = tmp_path_factory.mktemp("pairs")
    for patient, phantom in enumerate(phantoms, 1):
        write_png(folder / "images" / f"P{patient:02d}_a.png", phantom.image)
        write_png(folder / "masks" / f"P{patient:02d}_a.png", phantom.lung_mask)
    return folder / "images", folder / "masks"


@pytest.fixture
def two_ellipses():
    """A function: a (96, 96) float32 map of two upright ellipses, the right one `right` times as large."""

    def draw(right=1.0, size=96, certainty=1.0):
        y, x = np.mgrid[:size, :size] / size
        left_lung = ((x - 0.3) / 0.13) ** 2 + ((y - 0.5) / 0.32) ** 2 < 1
        right_lung = ((x - 0.7) / 0.13) ** 2 + ((y - 0.5) / 0.32) ** 2 < right
        return ((left_lung | right_lung) * certainty).astype(np.float32)

    return draw
