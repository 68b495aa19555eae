"""The lung network that comes with the package: it loads, is small, and knows what it does not know."""

import csv
import json

import cv2
import numpy as np
import pytest
from sklearn.datasets import load_sample_image

from cxr.config.params import SHIPPED_LUNGS
from cxr.config.record import hash_of_file
from cxr.engines.saved import load_model
from cxr.images.files import read_image
from cxr.images.geometry import resize
from cxr.images.lies import LYING
from cxr.phantoms.phantom import render_phantom
from cxr.phantoms.spec import PhantomSpec
from cxr.segmentation.agreement import dice_of
from cxr.segmentation.lungs import find_lungs
from cxr.segmentation.negatives import LEARNT_OF_EACH, draw_negatives
from cxr.segmentation.train import predict_maps

FOLDER = SHIPPED_LUNGS.parent
USABLE = 0.5


@pytest.fixture(scope="module")
def network():
    return load_model(SHIPPED_LUNGS)


def qualities(network, images):
    size = network.input_shape[1]
    maps = predict_maps(network, np.stack([resize(image, size, size) for image in images]))
    return np.array([find_lungs(map_).quality for map_ in maps])


@pytest.fixture(scope="module")
def phantoms():
    """One image of each of twelve synthetic patients whom the network never saw."""
    spec = PhantomSpec(patients=12, seed=77, image_px=256)
    return [render_phantom(spec, patient, 0) for patient in range(1, 13)]


def test_the_file_is_small_and_the_one_that_the_card_is_about():
    assert SHIPPED_LUNGS.stat().st_size <= 8 * 2**20
    assert hash_of_file(SHIPPED_LUNGS) in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_every_pair_was_measured_by_a_network_that_never_saw_it():
    metrics = json.loads((FOLDER / "metrics.json").read_text())
    with (FOLDER / "masks.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    with (FOLDER / "split.csv").open(newline="") as stream:
        split = {row["name"]: row for row in csv.DictReader(stream)}
    assert len(rows) == len({row["name"] for row in rows}) == metrics["pairs"]["test"]
    assert {split[row["name"]][row["network"]] for row in rows} == {"test"}
    for network in {row["network"] for row in rows}:
        learnt = {row["patient"] for row in split.values() if row[network] != "test"}
        assert learnt.isdisjoint(row["patient"] for row in rows if row["network"] == network)
    assert np.mean([float(row["dice"]) for row in rows]) == pytest.approx(metrics["dice"]["mean"], abs=1e-4)


def test_lungs_of_phantoms_are_found(network, phantoms):
    maps = predict_maps(network, np.stack([phantom.image for phantom in phantoms]))
    found = [find_lungs(map_) for map_ in maps]
    agreement = [dice_of(p.lung_mask > 0, one.mask) for p, one in zip(phantoms, found, strict=True)]
    assert np.mean(agreement) > 0.94
    assert min(one.quality for one in found) >= USABLE


@pytest.mark.parametrize("lie", LYING, ids=lambda lie: lie.name)
def test_images_that_lie_otherwise_are_unusable(network, phantoms, lie):
    assert (qualities(network, [lie.lay(phantom.image) for phantom in phantoms]) < USABLE).all()


def test_other_images_are_unusable(network):
    assert (qualities(network, draw_negatives(4, 256, first=LEARNT_OF_EACH)) < USABLE).all()


@pytest.mark.parametrize("name", ["china.jpg", "flower.jpg"])
def test_photographs_are_unusable(network, name):
    grey = cv2.cvtColor(load_sample_image(name), cv2.COLOR_RGB2GRAY)
    assert (qualities(network, [grey, 255 - grey, np.rot90(grey)]) < USABLE).all()


def test_lungs_of_real_images_are_found(network, real_data):
    folder = real_data / "nih-native"
    files = sorted(folder.rglob("*.png"))
    assert len(files) == 15
    assert (qualities(network, [read_image(file) for file in files]) >= USABLE).mean() >= 0.9
