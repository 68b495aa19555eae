import csv
import json

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import f1_score

from cxr.config.lungs import Cleaning, LungPairs, PairSplit, Segmentation
from cxr.images.geometry import resize
from cxr.segmentation.deal import deal_pairs
from cxr.segmentation.lungs import find_lungs
from cxr.segmentation.measure import lungs_at, train_lungs, write_split
from cxr.segmentation.pairs import find_pairs, load_pairs

SPLIT = {"val": 0.2, "test": 0.25}
PARAMETERS = Segmentation(image_px=32, width=4, depth=2, epochs=2, batch=4, split=SPLIT, learning_rate=0.02)


@pytest.fixture(scope="module")
def arrays(pair_folders):
    sets = [
        LungPairs(name=name, images=pair_folders[0], masks=pair_folders[1], stems=stems)
        for name, stems in (("one", "P0*"), ("two", "P1*"))
    ]
    return load_pairs(find_pairs(sets)[0], PARAMETERS.image_px)


def quiet(title):
    return lambda done, total: None


@pytest.fixture(scope="module")
def trained(arrays, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unet")
    return folder, train_lungs(arrays, PARAMETERS, folder, quiet)


def test_training_leaves_network_history_figures_and_metrics(trained, arrays):
    folder, metrics = trained
    assert {path.name for path in folder.iterdir()} == {
        "unet.keras", "split.csv", "metrics.json", "masks.csv", "quality.csv", "worst.png", "history.csv", "tensorboard"
    }  # fmt: skip
    written = json.loads((folder / "metrics.json").read_text())
    assert {key: written[key] for key in metrics} == json.loads(json.dumps(metrics))
    assert written["parameters"]["width"] == 4
    assert sum(written["pairs"].values()) == 14
    assert len((folder / "history.csv").read_text().splitlines()) == 3
    with Image.open(folder / "worst.png") as picture:
        assert picture.width > 800


def test_the_metrics_are_those_of_the_saved_network_on_pairs_it_never_saw(trained, arrays):
    folder, metrics = trained
    (one,) = deal_pairs(arrays.pairs, PARAMETERS.split, PARAMETERS.seed)
    rows = np.flatnonzero(one.parts == "test")
    unet = keras.saving.load_model(folder / "unet.keras", compile=False)
    maps = unet.predict(arrays.images[rows][..., None].astype(np.float32), verbose=0)[..., 0]
    found = [find_lungs(resize(map_, 64, 64)).mask for map_ in maps]
    expected = [f1_score(arrays.truths[r].ravel(), mask.ravel()) for r, mask in zip(rows, found, strict=True)]
    with (folder / "masks.csv").open(newline="") as stream:
        table = list(csv.DictReader(stream))
    assert [row["name"] for row in table] == [arrays.pairs[row].name for row in rows]
    assert [float(row["dice"]) for row in table] == pytest.approx(expected, abs=1e-4)
    assert metrics["dice"]["mean"] == pytest.approx(np.mean(expected), abs=1e-4)
    assert metrics["sources"]["all"]["images"] == len(rows)


def test_the_split_says_of_every_pair_which_part_it_was_in_for_every_network(arrays, tmp_path):
    rounds = deal_pairs(arrays.pairs, PairSplit(scheme="kfold", folds=3, val=0.2), 1)
    write_split(tmp_path, arrays.pairs, rounds)
    with (tmp_path / "split.csv").open(newline="") as stream:
        table = list(csv.DictReader(stream))
    assert list(table[0]) == ["name", "source", "patient", "fold-0", "fold-1", "fold-2", "kept"]
    assert [row["name"] for row in table] == [pair.name for pair in arrays.pairs]
    for one in rounds:
        assert [row[one.name or "kept"] for row in table] == list(one.parts)


class Killed(BaseException):
    pass


def test_a_killed_training_resumes_to_the_same_network(trained, arrays, tmp_path):
    def kill(done, total):
        if done > total / 2:
            raise Killed

    with pytest.raises(Killed):
        train_lungs(arrays, PARAMETERS, tmp_path, lambda title: kill)
    assert not (tmp_path / "unet.keras").exists()
    steps = []
    metrics = train_lungs(arrays, PARAMETERS, tmp_path, lambda title: lambda done, total: steps.append(done))
    assert steps[0] > 1
    assert metrics["dice"] == pytest.approx(trained[1]["dice"])
    ours, theirs = (keras.saving.load_model(folder / "unet.keras").get_weights() for folder in (tmp_path, trained[0]))
    for found, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("scheme", "networks"), [("kfold", ["fold-0", "fold-1"]), ("sources", ["without-one", "without-two"])]
)
def test_every_pair_is_measured_by_a_network_that_never_saw_it(arrays, tmp_path, scheme, networks):
    split = {"scheme": scheme, "folds": 2, "val": 0.2}
    parameters = PARAMETERS.model_copy(update={"split": type(PARAMETERS.split)(**split), "epochs": 1})
    titles = []

    def progress(title):
        titles.append(title)
        return lambda done, total: None

    metrics = train_lungs(arrays, parameters, tmp_path, progress)
    assert titles == [f"lung network {number} of 3: training" for number in (1, 2, 3)]
    with (tmp_path / "masks.csv").open(newline="") as stream:
        table = list(csv.DictReader(stream))
    assert sorted(row["name"] for row in table) == sorted(pair.name for pair in arrays.pairs)
    assert [row["network"] for row in table] == sorted(row["network"] for row in table)
    assert {row["network"] for row in table} == set(networks)
    if scheme == "sources":
        assert {(row["source"], row["network"]) for row in table} == {("one", "without-one"), ("two", "without-two")}
    assert metrics["pairs"]["test"] == 14
    assert metrics["pairs"]["train"] + metrics["pairs"]["val"] == 14
    assert all((tmp_path / name / "unet.keras").is_file() for name in [*networks, "."])
    assert list(metrics["sources"]) == ["all", "one", "two"]


def test_negatives_teach_the_network_to_find_nothing_in_them(arrays, tmp_path):
    found = {}
    for share in (0.0, 0.5):
        parameters = PARAMETERS.model_copy(update={"epochs": 80, "negative_share": share})
        metrics = train_lungs(arrays, parameters, tmp_path / str(share), quiet)
        assert metrics["dice"]["mean"] > 0.75
        unet = keras.saving.load_model(tmp_path / str(share) / "unet.keras", compile=False)
        inverted = unet.predict(255 - arrays.images[..., None].astype(np.float32), verbose=0)
        found[share] = (inverted > 0.5).mean()
    assert found[0.5] < found[0.0] / 4


def test_lungs_are_found_at_the_size_of_the_original():
    map_ = np.zeros((16, 16), np.float32)
    map_[3:13, 2:6] = map_[3:13, 10:14] = 1
    lungs = lungs_at(map_, 160, 320, Cleaning())
    assert lungs.mask.shape == (160, 320)
    assert lungs.fraction == pytest.approx(80 / 256, abs=0.01)
    assert lungs.quality > 0.9
