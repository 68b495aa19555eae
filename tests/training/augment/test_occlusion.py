"""Random erasing: how often, how large, what is left alone."""

import numpy as np
import pytest

from cxr.training.augment.batch import augment_batch
from cxr.training.augment.occlusion import ERASED_RATIO, LEAST_ERASED

SIZE, COUNT = 64, 400


@pytest.fixture(scope="module")
def erased(only):
    """Black images with erased rectangles, and their masks."""
    black = np.zeros((COUNT, SIZE, SIZE), np.float32)
    augment, masks = only(erase_probability=0.4, erase_fraction=0.25), np.full(black.shape, 255, np.uint8)
    return augment_batch(black, augment, np.random.default_rng(0), masks)


def test_rectangles_of_noise_come_as_often_and_as_large_as_asked(erased):
    found, masks = erased
    hit = found.any(axis=(1, 2))
    assert 0.33 < hit.mean() < 0.47
    areas, ratios = [], []
    for image in found[hit]:
        rows, columns = np.nonzero(image)
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert len(rows) == height * width  # noise everywhere in it, nothing outside
        areas.append(height * width / SIZE**2)
        ratios.append(width / height)
    assert LEAST_ERASED / 2 < min(areas) < 0.05
    assert 0.22 < max(areas) <= 0.25
    assert min(ratios) < 0.5
    assert max(ratios) > 2
    assert max(max(ratios), 1 / min(ratios)) < ERASED_RATIO * 1.3  # sides are whole pixels
    assert (masks == 255).all()


def test_noise_is_even_over_all_greys_and_differs(erased):
    values = erased[0][erased[0] > 0]
    assert np.quantile(values, [0.1, 0.5, 0.9]) == pytest.approx([25.5, 127.5, 229.5], abs=3)


def test_the_rest_of_the_image_is_left_alone(only, images):
    found, _ = augment_batch(images, only(erase_probability=1.0, erase_fraction=0.1), np.random.default_rng(1))
    changed = np.abs(found - images) > 1e-3
    assert (changed.sum(axis=(1, 2)) <= 0.1 * SIZE**2).all()
    assert changed.any(axis=(1, 2)).all()
