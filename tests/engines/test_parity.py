"""Every engine against Keras, on noise, on phantoms and on real X-rays."""

import keras
import numpy as np
import pytest

from cxr.classification.networks.classifier import build_classifier
from cxr.config.member import Member
from cxr.engines.openvino_engine import OpenVinoEngine
from cxr.images.files import read_image
from cxr.images.geometry import resize
from cxr.phantoms.phantom import render_phantom
from cxr.phantoms.spec import PhantomSpec
from cxr.visualization.methods.grad_cam import with_maps

PX = 32


@pytest.fixture(scope="module")
def onnx_engine(classifier, tmp_path_factory):
    pytest.importorskip("tf2onnx", reason="comes with requirements-onnx.txt")
    from cxr.engines.onnx_engine import OnnxEngine, export_onnx

    path = tmp_path_factory.mktemp("onnx") / "deep" / "classifier.onnx"
    export_onnx(classifier, path)
    return OnnxEngine(path)


@pytest.fixture(params=["openvino", "onnx"])
def engine(request, classifier_files):
    return OpenVinoEngine(classifier_files) if request.param == "openvino" else request.getfixturevalue("onnx_engine")


def check(engine, model, images):
    wanted = [keras.ops.convert_to_numpy(output) for output in model(images, training=False)]
    found = engine.run(images)
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.shape == theirs.shape
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert np.ptp(wanted[0], axis=0).min() > 1e-3  # images that differ, or any answer would do


def shown(images):
    return np.stack([resize(image, PX, PX) for image in images])[..., None].astype(np.float32)


def test_probabilities_and_maps_are_those_of_keras(engine, classifier, images):
    check(engine, classifier, images)


def test_on_phantoms(engine, classifier):
    spec = PhantomSpec(patients=6, seed=3, image_px=64)
    check(engine, classifier, shown([render_phantom(spec, patient, 0).image for patient in range(1, 7)]))


def test_on_real_x_rays(engine, classifier, real_data):
    paths = sorted((real_data / "nih-native").rglob("*.png"))[:12]
    check(engine, classifier, shown([read_image(path) for path in paths]))


def test_constants_of_normalization_layers_do_not_become_inputs_of_onnx(tmp_path):
    pytest.importorskip("tf2onnx", reason="comes with requirements-onnx.txt")
    from cxr.engines.onnx_engine import OnnxEngine, export_onnx

    image = keras.Input((8, 8, 3), name="image")
    scaled = keras.layers.Normalization(mean=[10.0, 20.0, 30.0], variance=[4.0, 9.0, 0.0])(image)
    model = keras.Model(image, keras.layers.Conv2D(2, 3)(scaled))
    export_onnx(model, tmp_path / "one.onnx")
    images = np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 3)).astype(np.float32)
    wanted = keras.ops.convert_to_numpy(model(images))
    np.testing.assert_allclose(OnnxEngine(tmp_path / "one.onnx").run(images)[0], wanted, rtol=1e-4)


def test_streams_change_nothing_but_time(classifier_files, images):
    alone, beside = OpenVinoEngine(classifier_files, batch=1), OpenVinoEngine(classifier_files, batch=1, streams=3)
    for one, two in zip(alone.run(images), beside.run(images), strict=True):
        assert one.shape[0] == len(images)
        np.testing.assert_allclose(one, two, atol=1e-6)


@pytest.mark.parametrize("pooling", ["pcam"])
def test_other_poolings_reach_onnx_too(pooling, tmp_path, images):
    pytest.importorskip("tf2onnx", reason="comes with requirements-onnx.txt")
    from cxr.engines.onnx_engine import OnnxEngine, export_onnx

    keras.utils.set_random_seed(4)
    model = with_maps(build_classifier(Member(network="tiny", image_px=PX, pooling=pooling), 3))
    export_onnx(model, tmp_path / "one.onnx")
    wanted = [keras.ops.convert_to_numpy(output) for output in model(images, training=False)]
    for ours, theirs in zip(OnnxEngine(tmp_path / "one.onnx").run(images), wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
