import dataclasses
import re

import keras
import numpy as np
import pytest

from cxr.classification.crops import read_images
from cxr.config.errors import UserError
from cxr.config.heatmaps import Heatmaps
from cxr.visualization.maps import open_maps
from cxr.visualization.methods.grad_cam import with_maps
from cxr.visualization.places import places_of


def read_maps(folders, store, rows, engine="keras", **asked):
    with open_maps(folders, store, engine, **asked) as read:
        return read(rows)


@pytest.mark.parametrize(("engine", "sizes"), [("keras", (32, 24)), ("openvino", (32,))])
def test_the_maps_of_a_group_are_the_mean_of_the_normalised_maps_of_the_members(trained, store, engine, sizes):
    folders = [trained[0] / name for name in ("first", "second")[: len(sizes)]]
    rows = np.array([4, 0, 7, 9, 2])
    maps = read_maps(folders, store, rows, engine)
    expected = np.zeros((5, 3, 32, 32))
    for folder, size in zip(folders, sizes, strict=True):
        network = with_maps(keras.saving.load_model(folder / "model.keras"))
        raw = network.predict(read_images(store, rows, size)[..., None], verbose=0)[1]
        for i in range(len(rows)):
            for k in range(3):
                map_ = np.maximum(raw[i, ..., k], 0)
                expected[i, k] += places_of(network).draw(map_ / (map_.max() or 1), 32) / len(sizes)
    found = np.array([[maps.heat(i, k, 32) for k in range(3)] for i in range(5)])
    np.testing.assert_allclose(found, expected, atol=2e-3)
    assert 0 <= found.min() < found.max() <= 1


ROWS = np.array([4, 0, 7])


def heats(folders, store, **keys):
    """(3, K, 32, 32) of these keys of `heatmaps`."""
    maps = read_maps(folders, store, ROWS, heatmaps=Heatmaps(**keys))
    return np.array([[maps.heat(i, k, 32) for k in range(3)] for i in range(3)])


@pytest.fixture(scope="module")
def both(trained):
    return [trained[0] / name for name in ("first", "second")]


def test_the_best_member_is_shown_alone(both, store, monkeypatch):
    monkeypatch.setattr("cxr.visualization.maps.best_members", lambda *_: np.array([1, 0, 1]))
    found = heats(both, store, group="best")
    alone = [heats([folder], store) for folder in both]
    for finding, member in enumerate((1, 0, 1)):
        np.testing.assert_allclose(found[:, finding], alone[member][:, finding], atol=1e-5)
    assert np.abs(alone[0] - alone[1]).max() > 0.1


def test_heat_is_cut_as_shown_and_then_scaled_by_the_probability(both, store):
    plain = heats(both, store)
    probabilities = np.mean(
        [
            model.predict(read_images(store, ROWS, model.input_shape[1])[..., None], verbose=0)
            for model in (keras.saving.load_model(folder / "model.keras") for folder in both)
        ],
        axis=0,
    )
    cut = np.where(plain >= 0.5, (plain - 0.5) / 0.5, 0)
    assert 0 < (cut > 0).mean() < 1
    np.testing.assert_allclose(heats(both, store, threshold=0.5, below="rescale"), cut, atol=1e-4)
    scaled = heats(both, store, threshold=0.5, below="rescale", scale_by_probability=True)
    np.testing.assert_allclose(scaled, cut * probabilities[..., None, None], atol=1e-4)


def test_the_sum_of_findings_is_one_map_for_all(both, store):
    found = heats(both[:1], store, target="sum")
    network = with_maps(keras.saving.load_model(both[0] / "model.keras"))
    raw = network.predict(read_images(store, ROWS, 32)[..., None], verbose=0)[1].sum(axis=-1)
    for i, map_ in enumerate(np.maximum(raw, 0)):
        expected = places_of(network).draw(map_ / (map_.max() or 1), 32)
        for k in range(3):
            np.testing.assert_allclose(found[i, k], expected, atol=2e-3)


def test_a_fine_map_goes_where_its_pixels_are(both, store):
    maps = read_maps(both[:1], store, ROWS, heatmaps=Heatmaps(method="smooth_grad"), seed=3)
    np.testing.assert_allclose(maps.heat(1, 2, 32), maps.members[0][1, :, :, 2], atol=1e-3)


def test_a_member_that_a_method_cannot_explain_is_named(both, store):
    with pytest.raises(UserError, match=f'{re.escape(str(both[0]))}: heatmaps.method: "attention" needs a network'):
        heats(both, store, method="attention")


def test_a_finding_that_a_member_does_not_have_is_one_sentence(both, store):
    other = dataclasses.replace(store, findings=("Cardiomegaly", "Hernia", "Mass"))
    with pytest.raises(UserError, match="was trained for other findings"):
        heats(both, other)
