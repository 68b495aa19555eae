"""What is asked of every network: built once, one of each family in the suite, all of them with `--all`."""

import re
from functools import partial
from importlib import import_module
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from cxr.classification.losses.bce import MaskedBce
from cxr.classification.networks.classifier import build_classifier
from cxr.classification.networks.last_stride import without_last_stride
from cxr.classification.networks.registry import NETWORKS, backbone_of
from cxr.config.member import Member
from cxr.engines.openvino_engine import OpenVinoEngine, export_openvino
from cxr.visualization.heat import normalize_maps
from cxr.visualization.methods.grad_cam import with_maps
from cxr.visualization.places import places_of

README = Path(__file__).parents[1] / "README.md"
IMAGE_PX, FINDINGS = 96, 3
IDENTITY_BLOCKS = {
    "tiny": 0,
    "densenet121": 0,
    "inception_v3": 0,
    "xception": 8,
    "attention_xception": 8,
    "resnet_v2_56": 0,
    "resnet50": 12,
    "resnet50_v2": 0,
    "efficientnet_b0": 9,
    "efficientnet_v2_b0": 15,
    "convnext_tiny": 0,
    "mobilenet": 0,
    "mobilenet_v3_small": 6,
}
"""Blocks with an identity shortcut and a normalisation at the end of the other branch, as published."""
LARGER_PX = IMAGE_PX + 64
"""By a multiple of every stride, so that a map has exactly so many more places, whatever its padding."""


@pytest.fixture(scope="module")
def built(any_network):
    """Its classifier of three findings; nobody may change it."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(4)
    return build_classifier(Member(network=any_network, image_px=IMAGE_PX, dropout=0.3), FINDINGS)


@pytest.fixture(scope="module")
def finer(built):
    """The same with `last_stride` 1, and its weights as they are at first, by layer; `trained` changes it."""
    model = without_last_stride(built)
    return model, {layer.name: layer.get_weights() for layer in model.layers}


@pytest.fixture(scope="module")
def images():
    """Three of them, partly black or white."""
    images = np.random.default_rng(6).uniform(0, 255, (3, IMAGE_PX, IMAGE_PX, 1)).astype(np.float32)
    images[0, : IMAGE_PX // 2] = 0
    images[1, :, : IMAGE_PX // 2] = 255
    return images


@pytest.fixture(scope="module")
def trained(finer, images):
    """The finer classifier after one step, and its loss: operation by operation, as tracing takes a minute.

    Batch norms take the statistics of the step as they are: with a tenth of them, images would hardly differ at the map
    (by 3e-4 of it in MobileNetV2), and what is computed of their differences would be rounding.
    """
    model, _ = finer
    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    usual = [layer.momentum for layer in norms]
    model.compile(optimizer="adam", loss=MaskedBce(), run_eagerly=True)
    labels = np.random.default_rng(7).integers(0, 2, (len(images), FINDINGS))
    for layer in norms:
        layer.momentum = 0.0
    loss = model.train_on_batch(images, labels.astype(np.float32))
    for layer, momentum in zip(norms, usual, strict=True):
        layer.momentum = momentum
    return model, loss


@pytest.fixture(scope="module")
def answers(trained, images):
    """Probabilities and raw maps of the trained classifier, its head blind to what all places have in common.

    After one step that is nearly everything, and any two maps would agree.
    """
    model, _ = trained
    features = keras.Model(model.input, model.get_layer("features").output)(images, training=False)
    common = keras.ops.convert_to_numpy(features).mean(axis=(0, 1, 2))
    kernel, bias = model.get_layer("findings").get_weights()
    kernel -= np.outer(common, common @ kernel) / (common @ common)
    model.get_layer("findings").set_weights([kernel, bias])
    return [keras.ops.convert_to_numpy(y) for y in with_maps(trained[0])(images, training=False)]


def test_it_is_one_flat_graph_with_the_agreed_layers(any_network, built):
    assert not any(isinstance(layer, keras.Model | layers.Lambda) for layer in built.layers)
    assert built.name == any_network
    assert built.input.name == "image"
    assert built.input_shape == (None, IMAGE_PX, IMAGE_PX, 1)
    features, pooling = built.get_layer("features"), built.get_layer("pooling")
    assert len(features.output.shape) == 4
    assert isinstance(pooling, layers.GlobalAveragePooling2D)
    assert pooling.input is features.output
    assert built.get_layer("dropout").rate == 0.3
    assert built.output is built.get_layer("findings").output
    assert built.output_shape == (None, FINDINGS)


def test_every_weight_lies_between_image_and_findings(built):
    assert built.count_params() == sum(layer.count_params() for layer in built.layers)
    assert all(layer.trainable for layer in built.layers)


def test_batch_norm_without_pretrained_weights_follows_quickly(built, finer):
    for model in (built, finer[0]):
        norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
        assert {layer.momentum for layer in norms} <= {0.9}  # ConvNeXt and VGG have none


def test_blocks_with_an_identity_shortcut_begin_as_that_identity(any_network, built, images):
    sums = [layer for layer in built.layers if isinstance(layer, layers.Add)]
    parts = [tensor for layer in sums for tensor in (*layer.input, layer.output)]
    found = iter(keras.Model(built.input, parts)(images[:1], training=False) if parts else ())
    identities = 0
    for first, second, total in zip(found, found, found, strict=True):
        first, second, total = (keras.ops.convert_to_numpy(part) for part in (first, second, total))
        if not first.any() or not second.any():
            identities += 1
            np.testing.assert_array_equal(total, first + second)
            assert total.any()
    assert identities == IDENTITY_BLOCKS.get(any_network, identities)


def test_its_map_becomes_twice_as_fine_and_keeps_its_weights(built, finer):
    model, weights = finer
    coarse, fine = (one.get_layer("features").output.shape[1] for one in (built, model))
    assert fine >= 2 * coarse
    assert set(weights) == {layer.name for layer in built.layers}
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    for name, mine in weights.items():
        for found, expected in zip(mine, built.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_its_places_lie_in_its_image_as_far_apart_as_a_larger_map_says(built, finer):
    steps = []
    for model in (built, finer[0]):
        places, features = places_of(model), model.get_layer("features").output
        count = features.shape[1]
        assert 0 < places.first <= places.first + (count - 1) * places.step < 1
        larger = keras.Model(model.input, features)._run_through_graph(
            keras.KerasTensor((1, LARGER_PX, LARGER_PX, 1)), operation_fn=lambda layer: layer.compute_output_spec
        )
        steps.append(places.step * IMAGE_PX)
        assert steps[-1] == pytest.approx((LARGER_PX - IMAGE_PX) / (larger.shape[1] - count))
    assert steps[0] == pytest.approx(2 * steps[1])


def test_it_learns(built, trained):
    model, loss = trained
    assert np.isfinite(loss)
    first = next(layer.name for layer in model.layers if isinstance(layer, layers.Conv2D))
    for name in (first, "findings"):
        assert (model.get_layer(name).get_weights()[0] != built.get_layer(name).get_weights()[0]).any()
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_saved_it_answers_bit_by_bit_as_before(trained, images, tmp_path):
    trained[0].save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    found, expected = (keras.ops.convert_to_numpy(one(images, training=False)) for one in (loaded, trained[0]))
    assert np.isfinite(expected).all() and ((expected >= 0) & (expected <= 1)).all()
    np.testing.assert_array_equal(found, expected)


def test_its_maps_are_grad_cam_by_gradient(trained, answers, images, gradcam_by_gradient):
    found, raw = answers
    maps = normalize_maps(raw)
    assert maps.std() > 0.1
    for k in range(FINDINGS):
        expected, probabilities = gradcam_by_gradient(trained[0], images, k)
        np.testing.assert_allclose(maps[..., k], expected, atol=1e-4)
        np.testing.assert_allclose(found[:, k], probabilities, atol=1e-4)


def test_openvino_answers_as_keras_does(trained, answers, images, tmp_path, pytestconfig):
    if not pytestconfig.getoption("--all"):
        pytest.skip("conversions are slow: with --all")
    found = OpenVinoEngine(export_openvino(with_maps(trained[0]), tmp_path)).run(images)
    for ours, theirs in zip(found, answers, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-3 * max(1, np.abs(theirs).max()))


def test_the_table_of_the_readme_tells_its_size(any_network, built):
    rows = re.findall(rf"^\| `{any_network}` \|.*", README.read_text(encoding="utf-8"), re.MULTILINE)
    if not rows:
        pytest.skip("benchmarks/networks.py has not been asked about it")
    depth = built.get_layer("features").output.shape[-1]
    parameters = built.count_params() + (14 - FINDINGS) * (depth + 1)
    _, _, size, map_, _, _, needs, _ = (cell.strip(" `") for cell in rows[0].split("|"))
    assert size == f"{parameters / 1e6:.3g}"
    assert map_.endswith(f" x {depth}")
    assert needs == (NETWORKS[any_network].imagenet or "has none")


def test_the_registry_finds_its_builder(any_network):
    build = backbone_of(any_network)
    if isinstance(build, partial):  # one for all sizes
        assert f"{build.func.__name__}_{build.keywords['size']}" == any_network
    else:
        assert build.__name__ == any_network


def test_its_least_size_is_the_one_that_keras_names(any_network):
    known, message = NETWORKS[any_network], ""
    try:
        backbone_of(any_network)(keras.Input((known.least_px - 1, known.least_px - 1, 3)), "imagenet", None)
    except ValueError as error:
        message = str(error)
    named = re.search(r"at least (\d+)x", message)
    if not named:
        module = import_module(f"cxr.classification.networks.{known.module}")
        assert not hasattr(module, "feature_map"), f"Keras takes smaller images: {message}"
        pytest.skip("our own graph, which Keras knows no least size of")
    assert int(named[1]) == known.least_px
