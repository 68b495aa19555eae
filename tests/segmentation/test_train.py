import json

import keras
import numpy as np
import pytest
from sklearn.metrics import f1_score, jaccard_score

from cxr.config.params import Segmentation
from cxr.config.settings import LungPairs
from cxr.segmentation.lungs import find_lungs
from cxr.segmentation.pairs import find_pairs, load_pairs
from cxr.segmentation.train import train_unet

PARAMETERS = Segmentation(image_px=32, width=4, depth=2, epochs=2, batch=4, val=0.2, test=0.25, learning_rate=0.02)


@pytest.fixture(scope="module")
def pairs(pair_folders):
    files = find_pairs(LungPairs(images=pair_folders[0], masks=pair_folders[1]))
    return load_pairs(files, PARAMETERS.image_px, PARAMETERS.val, PARAMETERS.test, PARAMETERS.seed)


@pytest.fixture(scope="module")
def trained(pairs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unet")
    return folder, train_unet(pairs, PARAMETERS, folder)


def test_training_leaves_network_history_and_metrics(trained, pairs):
    folder, metrics = trained
    assert {path.name for path in folder.iterdir()} == {"unet.keras", "metrics.json", "history.csv", "tensorboard"}
    written = json.loads((folder / "metrics.json").read_text())
    assert {key: written[key] for key in metrics} == metrics
    assert written["parameters"]["width"] == 4
    assert written["pairs"] == {part: int((pairs.parts == part).sum()) for part in ("train", "val", "test")}
    assert len((folder / "history.csv").read_text().splitlines()) == 3


def test_the_metrics_are_those_of_the_saved_network_on_the_test_part(trained, pairs):
    folder, metrics = trained
    unet = keras.saving.load_model(folder / "unet.keras", compile=False)
    held_out = pairs.parts == "test"
    maps = unet.predict(pairs.images[held_out][..., None].astype(np.float32), verbose=0)[..., 0]
    masks = [
        (truth.ravel(), find_lungs(map_).mask.ravel()) for truth, map_ in zip(pairs.masks[held_out], maps, strict=True)
    ]
    for name, score in [("dice", f1_score), ("iou", jaccard_score)]:
        values = [score(truth, found, zero_division=0.0) for truth, found in masks]
        assert metrics[name]["mean"] == pytest.approx(np.mean(values), abs=1e-6)
        assert metrics[name]["p05"] == pytest.approx(np.percentile(values, 5), abs=1e-6)


class Killed(BaseException):
    pass


def test_a_killed_training_resumes_to_the_same_network(trained, pairs, tmp_path):
    def kill(done, total):
        if done > total / 2:
            raise Killed

    with pytest.raises(Killed):
        train_unet(pairs, PARAMETERS, tmp_path, kill)
    assert not (tmp_path / "unet.keras").exists()
    steps = []
    metrics = train_unet(pairs, PARAMETERS, tmp_path, lambda done, total: steps.append(done))
    assert steps[0] > 1
    assert metrics["dice"] == pytest.approx(trained[1]["dice"])
    ours, theirs = (keras.saving.load_model(folder / "unet.keras").get_weights() for folder in (tmp_path, trained[0]))
    for found, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_a_longer_training_finds_lungs(pairs, tmp_path):
    metrics = train_unet(pairs, PARAMETERS.model_copy(update={"epochs": 18}), tmp_path)
    assert metrics["dice"]["mean"] > 0.8
