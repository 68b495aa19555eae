"""Batches are what they were before shear, crops, distortions, blur, erasing and MixUp, where these are off."""

import numpy as np
import pytest

from cxr.config.augment import Augment
from cxr.config.lungs import LungAugment
from cxr.images.geometry import affine_matrix, warp
from cxr.training.augment.batch import augment_batch

OLD = Augment(flip_probability=0.5, stretch_fraction=0.2, gamma_fraction=0.5, noise_sd=8, border_fraction=0.2)
# Pixels [:, 20:60:13, 31] as the program gave them when only those kinds were there.
RECORDED = {
    "classifier": [162.718, 133.67, 76.756, 57.639, 75.374, 60.263, 20.39, 81.028, 206.953, 123.924, 157.614, 111.838,
                   144.719, 153.765, 29.039, 162.182, 164.683, 196.019, 227.109, 63.35, 142.524, 156.874, 115.636,
                   71.593],
    "lungs": [172.274, 131.498, 57.02, 69.596, 70.933, 58.975, 122.371, 138.881, 122.323, 149.59, 139.71, 186.006,
              88.234, 155.065, 95.479, 60.862, 177.437, 209.265, 41.336, 0.0, 136.113, 164.764, 114.959, 50.236],
    "all": [192.175, 168.814, 119.309, 0.0, 135.844, 73.11, 140.59, 102.787, 40.294, 53.16, 149.046, 73.411, 174.99,
            173.715, 190.87, 211.622, 222.227, 130.285, 198.0, 113.334, 117.8, 137.736, 118.652, 100.864],
}  # fmt: skip
SETTINGS = {"classifier": Augment(), "lungs": LungAugment(), "all": OLD}


@pytest.fixture(scope="module")
def pair():
    images = np.random.default_rng(5).uniform(0, 255, (6, 64, 64)).astype(np.float32)
    return images, (images > 128).astype(np.uint8) * 255


def old_batch(images, augment, rng, masks):
    """What the program did then, line by line."""
    out, out_masks = np.empty_like(images), np.empty_like(masks)
    size = images.shape[1]

    def factor(fraction):
        return (1 + fraction) ** rng.uniform(-1, 1) if fraction else 1.0

    for i, image in enumerate(images):
        draw = rng.uniform(-1, 1, 6)
        shifts = (augment.shift_fraction * size * draw[2], augment.shift_fraction * size * draw[3])
        flip = bool(rng.random() < augment.flip_probability)
        turn, scale = augment.rotate_degrees * draw[0], 1 + augment.zoom_fraction * draw[1]
        matrix = affine_matrix(size, turn, scale, *shifts, flip, factor(augment.stretch_fraction))
        moved = warp(image, matrix)
        mean = moved.mean()
        contrast, shift = 1 + augment.contrast_fraction * draw[4], augment.brightness_fraction * 255.0 * draw[5]
        changed = np.clip((moved - mean) * contrast + mean + shift, 0, 255.0)
        if augment.gamma_fraction:
            changed = 255.0 * (changed / 255.0) ** factor(augment.gamma_fraction)
        if augment.noise_sd:
            changed = np.clip(changed + rng.normal(0, rng.uniform(0, augment.noise_sd), changed.shape), 0, 255.0)
        out[i], out_masks[i] = changed, warp(masks[i], matrix)
        if augment.border_fraction and rng.random() < 0.5:
            top, bottom, left, right = (rng.uniform(0, augment.border_fraction, 4) * size).astype(int)
            for array in (out[i], out_masks[i]):
                array[:top], array[size - bottom :], array[:, :left], array[:, size - right :] = 0, 0, 0, 0
    return out, out_masks


@pytest.mark.parametrize("name", SETTINGS)
def test_batches_are_those_of_before_to_the_last_bit(pair, name):
    images, masks = pair
    found = augment_batch(images, SETTINGS[name], np.random.default_rng([3, 1, 2]), masks)
    expected = old_batch(images, SETTINGS[name], np.random.default_rng([3, 1, 2]), masks)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("name", SETTINGS)
def test_pixels_are_those_recorded_then(pair, name):
    images, masks = pair
    found, _ = augment_batch(images, SETTINGS[name], np.random.default_rng([3, 1, 2]), masks)
    np.testing.assert_allclose(found[:, 20:60:13, 31].ravel(), RECORDED[name], atol=0.01)  # CPUs round differently


@pytest.mark.parametrize(("key", "value"), [("crop_ratio", 3.0), ("elastic_smoothness", 0.5), ("erase_fraction", 0.9)])
def test_what_describes_a_kind_that_is_off_changes_nothing(pair, key, value):
    settings = (Augment(**{key: value}), Augment())
    found, expected = (augment_batch(pair[0], augment, np.random.default_rng(2))[0] for augment in settings)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("shear_degrees", 5.0), ("crop_scale", 0.5), ("grid_fraction", 0.2), ("elastic_fraction", 0.05),
     ("optical_fraction", 0.1), ("blur_fraction", 0.05), ("erase_probability", 1.0)],
)  # fmt: skip
def test_every_kind_repeats_itself_and_changes_images_when_it_is_on(pair, kind, value):
    settings = (Augment(**{kind: value}), Augment(**{kind: value}), Augment())
    first, again, off = (augment_batch(pair[0], augment, np.random.default_rng(2))[0] for augment in settings)
    np.testing.assert_array_equal(first, again)
    changed = [np.abs(a - b).max() > 1 for a, b in zip(first, off, strict=True)]
    assert sum(changed) >= len(changed) - 1  # one may draw a strength near 0
