import keras
import numpy as np
import pytest

from cxr.classification.crops import read_images
from cxr.visualization.maps import group_maps
from cxr.visualization.methods.grad_cam import with_maps
from cxr.visualization.places import places_of


@pytest.mark.parametrize(("engine", "sizes"), [("keras", (32, 24)), ("openvino", (32,))])
def test_group_maps_are_the_mean_of_the_normalised_maps_of_the_members(trained, store, engine, sizes, monkeypatch):
    monkeypatch.setattr("cxr.visualization.maps.CHUNK_IMAGES", 2)
    folders = [trained[0] / name for name in ("first", "second")[: len(sizes)]]
    rows = np.array([4, 0, 7, 9, 2])
    maps = group_maps(folders, store, rows, engine, lambda done, total: None)
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
