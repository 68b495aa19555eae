"""Blur: how wide at most, and in what unit."""

import numpy as np
import pytest

from cxr.training.augment.batch import augment_batch


@pytest.mark.parametrize("size", [50, 150])
def test_blur_spreads_a_point_by_up_to_its_fraction_of_the_size(only, size):
    images = np.zeros((60, size, size), np.float32)
    images[:, size // 2, size // 2] = 200
    found, masks = augment_batch(
        images, only(blur_fraction=0.04), np.random.default_rng(0), (images > 0).astype(np.uint8)
    )
    np.testing.assert_array_equal(masks, images > 0)
    np.testing.assert_allclose(found.sum(axis=(1, 2)), 200, rtol=1e-3)
    squares = (np.arange(size) - size // 2) ** 2
    spread = np.sqrt((found.sum(axis=1) * squares).sum(axis=1) / 200) / size
    assert spread.max() <= 0.04
    assert np.quantile(spread, [0.25, 0.75]) == pytest.approx([0.01, 0.03], abs=0.008)
