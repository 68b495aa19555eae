import numpy as np
import pytest

from cxr.classification.crops import read_images, training_reader
from cxr.config.augment import Augment
from cxr.images.geometry import resize

STILL = Augment(
    rotate_degrees=0, shift_fraction=0, zoom_fraction=0, contrast_fraction=0, brightness_fraction=0, flip_probability=0
)


def test_images_come_in_the_order_asked_for_at_the_size_asked_for(store):
    chosen = np.array([5, 0, 5, 20])
    full = read_images(store, chosen, 32)
    assert full.dtype == np.float32
    np.testing.assert_array_equal(full, [store.crops[store.rows[i]] for i in chosen])
    small = read_images(store, chosen, 16)
    assert small.shape == (4, 16, 16)
    np.testing.assert_array_equal(small, [resize(store.crops[store.rows[i]], 16, 16) for i in chosen])
    halves = full.reshape(4, 16, 2, 16, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(small, halves, atol=0.51)


@pytest.mark.parametrize("image_px", [32, 20])
def test_a_training_batch_holds_the_images_of_its_labels(store, image_px):
    rows = np.flatnonzero(store.parts == "train")
    read = training_reader(store, rows, store.labels, image_px, STILL)
    chosen = np.array([3, 1, 7])
    images, labels = read(chosen, np.random.default_rng(0))
    assert images.shape == (3, image_px, image_px, 1)
    np.testing.assert_allclose(images[..., 0], read_images(store, rows[chosen], image_px), atol=1e-3)
    np.testing.assert_array_equal(labels, store.labels[rows[chosen]])


def test_training_images_are_augmented_by_the_generator_given(store):
    read = training_reader(store, np.arange(10), store.labels, 32, Augment())
    first, second, other = (read(np.arange(4), np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, other)


def test_mixup_makes_targets_soft_as_it_mixes_the_images(store):
    targets = np.where(np.isnan(store.labels), np.nan, store.labels.clip(0)).astype(np.float32)
    rows = np.flatnonzero(~np.isnan(targets).any(axis=1))[:12]
    read = training_reader(store, rows, targets, 32, STILL.model_copy(update={"mixup_alpha": 1.0}))
    images, mixed = read(np.arange(12), np.random.default_rng(3))
    again = read(np.arange(12), np.random.default_rng(3))
    np.testing.assert_array_equal(images, again[0])
    np.testing.assert_array_equal(mixed, again[1])
    pure = read_images(store, rows, 32).reshape(12, -1)
    for image, target, own in zip(images.reshape(12, -1), mixed, range(12), strict=True):
        fits = [np.linalg.lstsq(np.stack([pure[own], pure[other]], 1), image) for other in range(12) if other != own]
        others = [other for other in range(12) if other != own]
        best = min(range(11), key=lambda k: fits[k][1][0] if len(fits[k][1]) else np.inf)
        share = fits[best][0]
        np.testing.assert_allclose(share.sum(), 1, atol=1e-3)
        expected = share[0] * targets[rows[own]] + share[1] * targets[rows[others[best]]]
        np.testing.assert_allclose(target, expected, atol=2e-3)
    assert ((mixed > 0.01) & (mixed < 0.99)).any()
