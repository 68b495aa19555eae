import json

import keras
import numpy as np
import pytest

from cxr.classification.networks.classifier import build_classifier
from cxr.config.errors import UserError
from cxr.config.lungs import Cleaning
from cxr.config.member import Member
from cxr.images.files import read_image, write_png
from cxr.preparation.lung_network import lung_weights, open_lungs

SEGMENTATION = {
    "weights": "train",
    "image_px": 32,
    "width": 2,
    "depth": 1,
    "epochs": 1,
    "batch": 8,
    "split": {"val": 0.2, "test": 0.2},
}


@pytest.fixture(scope="module")
def weights_file(dark_network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "unet.keras"
    dark_network.save(path)
    return path


CLEANING = Cleaning(dilate=1)


def no_progress(title):
    return lambda done, total: None


@pytest.fixture
def settings(make_settings, chest, tmp_path):
    """Settings that name twelve pairs."""
    for number in range(12):
        image, lungs = chest(number)
        write_png(tmp_path / "xrays" / f"{number}.png", image)
        write_png(tmp_path / "masks" / f"{number}.png", lungs.astype(np.uint8) * 255)
    masks = [{"format": "pairs", "images": tmp_path / "xrays", "masks": tmp_path / "masks"}]
    return make_settings(tmp_path, lung_masks=masks)


def test_a_lung_network_is_trained_once(settings, make_params, tmp_path):
    params = make_params(segmentation=SEGMENTATION)
    titles = []

    def progress(title):
        titles.append(title)
        return no_progress(title)

    path, metrics, trained = lung_weights(settings, params, tmp_path / "lungs", 1, progress)
    assert trained
    assert path.is_file()
    assert path.parent.parent == tmp_path / "lungs"
    assert metrics["pairs"]["train"] + metrics["pairs"]["val"] + metrics["pairs"]["test"] == 12
    assert titles == ["lung network: training"]
    assert lung_weights(settings, params, tmp_path / "lungs", 1, progress) == (path, metrics, False)
    assert titles == ["lung network: training"]
    other = lung_weights(
        settings, make_params(segmentation=SEGMENTATION | {"seed": 2}), tmp_path / "lungs", 1, progress
    )
    assert other[2]
    assert other[0] != path
    for image in settings.lung_masks[0].images.iterdir():
        image.touch()
    assert lung_weights(settings, params, tmp_path / "lungs", 1, progress) == (path, metrics, False)
    mask = settings.lung_masks[0].masks / "3.png"
    write_png(mask, np.roll(read_image(mask), 2, axis=0))
    changed = lung_weights(settings, params, tmp_path / "lungs", 1, progress)
    assert changed[2]
    assert changed[0] != path


def test_given_weights_are_used_with_the_metrics_beside_them(settings, make_params, weights_file, tmp_path):
    params = make_params(segmentation={"weights": str(weights_file)})
    assert lung_weights(settings, params, tmp_path / "lungs", 1, no_progress) == (weights_file, None, False)
    weights_file.with_name("metrics.json").write_text(json.dumps({"of": "something else"}))
    assert lung_weights(settings, params, tmp_path / "lungs", 1, no_progress)[1] is None
    known = {"dice": {"mean": 0.9}, "pairs": {"test": 3}}
    weights_file.with_name("metrics.json").write_text(json.dumps(known))
    assert lung_weights(settings, params, tmp_path / "lungs", 1, no_progress)[1] == known
    assert not (tmp_path / "lungs").exists()


@pytest.mark.parametrize("engine", ["keras", "openvino"])
def test_opened_lungs_find_the_lungs(weights_file, chest, tmp_path, engine):
    net = open_lungs(weights_file, engine, tmp_path, CLEANING)
    assert net.image_px == 36
    assert net.cleaning == CLEANING
    images = np.full((2, 36, 36, 1), 200, np.float32)
    images[:, 10:20, 5:9] = 40
    runner = net.open()
    assert runner.name == engine
    (maps,) = runner.run(images)
    np.testing.assert_array_equal(maps > 0.5, images < 100)


def test_what_is_no_lung_network_stops(tmp_path):
    classifier = build_classifier(Member(network="tiny", image_px=32), findings=3)
    image = keras.Input((None, None, 1))
    any_size = keras.Model(image, keras.layers.Conv2D(1, 1)(image))
    image = keras.Input((32, 32, 3))
    colour = keras.Model(image, keras.layers.Conv2D(3, 1)(image))
    for name, model in [("classifier", classifier), ("any", any_size), ("colour", colour)]:
        path = tmp_path / f"{name}.keras"
        model.save(path)
        with pytest.raises(UserError, match="is no lung network: it maps") as raised:
            open_lungs(path, "keras", tmp_path, CLEANING)
        assert str(path) in str(raised.value)


def test_missing_weights_stop(settings, make_params, tmp_path):
    params = make_params(segmentation={"weights": str(tmp_path / "unet.keras")})
    with pytest.raises(UserError, match=r"segmentation\.weights: .*unet\.keras: no such file"):
        lung_weights(settings, params, tmp_path / "lungs", 1, no_progress)
