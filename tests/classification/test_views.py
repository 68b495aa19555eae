"""Test-time augmentation: which views are shown, that their mean is taken, that nothing else has a say."""

import dataclasses

import numpy as np
import pytest

from cxr.classification import views as module
from cxr.classification.crops import predict_rows, read_images
from cxr.classification.views import predict_views

SEVERAL = {"flip": 2, "ten_crop": 10, "fifteen": 15}


def predict(images):
    """Three numbers of an image that change when it is mirrored, cut or inverted."""
    n, size = len(images), images.shape[1]
    assert images.shape == (n, size, size, 1)
    assert images.dtype == np.float32
    assert images.flags.c_contiguous  # engines take nothing else
    ramp = np.linspace(0, 1, size, dtype=np.float32)
    flat = images[..., 0] / 255
    return np.stack([(flat * ramp).mean((1, 2)), (flat * ramp[:, None]).mean((1, 2)), (flat**2).mean((1, 2))], axis=1)


class Recorder:
    """A network that keeps what it was shown."""

    def __init__(self):
        self.shown = []

    def __call__(self, images):
        self.shown.append(images[..., 0].copy())
        return predict(images)


@pytest.fixture(scope="module")
def marked(store):
    """The store with crops of 64 pixels of which no two are alike."""
    return dataclasses.replace(
        store, crops=np.random.default_rng(0).integers(0, 256, (len(store.crops), 64, 64), np.uint8)
    )


def shown_for(views, store, rows, image_px, seed=1):
    network = Recorder()
    found = predict_views(network, views, store, rows, image_px, seed)
    return found, network.shown


def test_one_view_is_the_plain_prediction(store):
    rows = np.arange(20)
    np.testing.assert_array_equal(
        predict_views(predict, "one", store, rows, 24, 1), predict_rows(predict, store, rows, 24)
    )


@pytest.mark.parametrize("views", SEVERAL)
def test_the_mean_is_that_of_the_views_one_by_one(marked, views):
    rows = np.array([4, 1, 8])
    found, shown = shown_for(views, marked, rows, 56)
    assert len(shown) == SEVERAL[views]
    alone = [[predict(view[k][None, ..., None])[0] for view in shown] for k in range(3)]
    np.testing.assert_allclose(found, np.mean(np.float64(alone), axis=1), rtol=1e-6)
    assert found.dtype == np.float64


def test_flip_shows_the_image_and_its_mirror_image(marked):
    rows = np.array([7, 2])
    _, (plain, mirrored) = shown_for("flip", marked, rows, 64)
    np.testing.assert_array_equal(plain, marked.crops[marked.rows[rows]])
    np.testing.assert_array_equal(mirrored, marked.crops[marked.rows[rows]][:, :, ::-1])


def test_for_symmetric_images_flipping_changes_nothing(marked):
    half = marked.crops[:, :, :32]
    symmetric = dataclasses.replace(marked, crops=np.concatenate([half, half[:, :, ::-1]], axis=2))
    rows = np.arange(10)
    found = predict_views(predict, "flip", symmetric, rows, 64, 1)
    np.testing.assert_array_equal(found, predict_views(predict, "one", symmetric, rows, 64, 1))
    other = predict_views(predict, "flip", marked, rows, 64, 1) - predict_views(predict, "one", marked, rows, 64, 1)
    assert np.abs(other[:, 0]).min() > 1e-5


def test_ten_crops_are_corners_and_centre_of_an_image_an_eighth_larger(marked):
    image = marked.crops[marked.rows[3]]
    _, shown = shown_for("ten_crop", marked, np.array([3]), 56)
    parts = [image[:56, :56], image[:56, 8:], image[8:, :56], image[8:, 8:], image[4:60, 4:60]]
    expected = [view for part in parts for view in (part, part[:, ::-1])]
    np.testing.assert_array_equal([view[0] for view in shown], expected)


def test_ten_crops_of_224_are_cut_from_256(marked):
    _, shown = shown_for("ten_crop", marked, np.array([0]), 224)
    whole = read_images(marked, np.array([0]), 256)[0]
    np.testing.assert_array_equal(shown[0][0], whole[:224, :224])
    np.testing.assert_array_equal(shown[8][0], whole[16:240, 16:240])


def test_fifteen_are_three_kinds_each_plain_and_four_times_changed(marked):
    _, shown = shown_for("fifteen", marked, np.array([5]), 64)
    image = np.float32(marked.crops[marked.rows[5]])
    np.testing.assert_array_equal(shown[0][0], image)
    np.testing.assert_array_equal(shown[5][0], 255 - image)
    np.testing.assert_array_equal(shown[10][0], image[:, ::-1])
    assert len({view.tobytes() for view in shown}) == 15


def test_random_views_stay_close_to_their_kind(store):
    y, x = np.mgrid[:64, :64]
    disc = np.uint8(60 + 160 * ((x - 20) ** 2 + (y - 30) ** 2 < 100))
    drawn = dataclasses.replace(store, crops=np.repeat(disc[None], len(store.crops), axis=0))
    _, shown = shown_for("fifteen", drawn, np.arange(6), 64)
    for first in (0, 5, 10):
        for view in shown[first + 1 : first + 5]:
            inner = [images[:, 8:-8, 8:-8].reshape(6, -1) for images in (view, shown[first])]  # edges may be black
            likeness = [np.corrcoef(one, other)[0, 1] for one, other in zip(*inner, strict=True)]
            assert min(likeness) > 0.3
            assert max(likeness) < 0.9999


@pytest.mark.parametrize("views", SEVERAL)
def test_neither_order_nor_batch_nor_company_changes_a_prediction(marked, views, monkeypatch):
    rows = np.arange(20)
    whole = predict_views(predict, views, marked, rows, 32, 1)
    monkeypatch.setattr(module, "CHUNK_IMAGES", 7)
    order = np.random.default_rng(0).permutation(20)
    np.testing.assert_allclose(predict_views(predict, views, marked, order, 32, 1), whole[order], rtol=1e-6)
    np.testing.assert_allclose(predict_views(predict, views, marked, rows[13:14], 32, 1), whole[13:14], rtol=1e-6)


def test_random_views_depend_on_seed_and_image(marked):
    alike = dataclasses.replace(marked, crops=np.repeat(marked.crops[:1], len(marked.crops), axis=0))
    rows = np.arange(5)
    first, again, other = (predict_views(predict, "fifteen", alike, rows, 32, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max(axis=1).min() > 1e-4
    assert len({row.tobytes() for row in first}) == 5


@pytest.mark.parametrize("views", SEVERAL)
def test_no_more_than_a_chunk_of_one_view_is_shown_at_a_time(marked, views, monkeypatch):
    monkeypatch.setattr(module, "CHUNK_IMAGES", 6)
    network, told = Recorder(), []
    predict_views(network, views, marked, np.arange(14), 32, 1, lambda *done: told.append(done))
    assert [len(images) for images in network.shown] == [6] * 2 * SEVERAL[views] + [2] * SEVERAL[views]
    assert told == [(6, 14), (12, 14), (14, 14)]
