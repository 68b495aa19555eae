import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from cxr.config.errors import UserError
from cxr.engines import backend
from cxr.training import devices
from cxr.training.devices import OneDevice, open_devices

PROGRAM = Path(__file__).with_name("two_devices.py")


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What a process of its own, in which TensorFlow sees two devices, found out."""
    folder = tmp_path_factory.mktemp("two")
    source = Path(backend.__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(source), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, PROGRAM, folder], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((folder / "found.json").read_text())


def test_an_epoch_on_two_devices_is_the_epoch_of_one(two):
    for habit, (losses, weights) in two["apart"].items():
        assert losses < 1e-5, habit
        assert weights < 1e-5, habit
    assert len(two["apart"]) == 4


def test_losses_over_pairs_see_the_whole_batch(two):
    assert two["pairs"] < 1e-6


def test_each_device_sees_its_share_of_the_images(two):
    assert two["shares"] == [[4, 4], [4, 3], [1, 1]]


def test_normalisation_is_of_the_images_of_a_device_and_moving_statistics_are_averaged(two):
    assert two["norms"]["gradients"] < 1e-5
    assert two["norms"]["moving"] < 1e-5


def test_devices_drop_different_places(two):
    assert two["dropped_alike"] < 0.7  # of places of two equal images, half of each dropped; alike by chance: 0.5


def test_a_run_on_two_devices_goes_on_where_it_was_killed(two):
    assert two["resumed"] == [0.0, 0.0]


def test_float16_is_refused(two):
    assert "use bfloat16" in two["float16"]


def test_one_device_is_keras_as_it_is():
    one = open_devices(1, 16)
    assert isinstance(one, OneDevice)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    assert one.alone(model) is model


def test_all_is_one_where_there_is_one(monkeypatch):
    monkeypatch.setattr(devices, "list_devices", lambda: ["cpu:0"])
    assert open_devices("all", 16).count == 1


@pytest.mark.parametrize(
    ("backend", "found", "asked", "batch", "sentence"),
    [
        ("tensorflow", 2, 3, 16, "devices: 3 are asked for, found 2 (gpu:0, gpu:1)"),
        ("torch", 2, "all", 16, "devices: 2 cannot share a batch with KERAS_BACKEND=torch"),
        ("tensorflow", 4, 4, 3, "training.batch: 3 images cannot be shared by 4 devices; at least 4 are needed"),
        ("jax", 3, 3, 16, "training.batch: 16 images cannot be shared by 3 devices; a multiple of 3 is needed"),
    ],
)
def test_what_cannot_be_shared_is_one_sentence(monkeypatch, backend, found, asked, batch, sentence):
    monkeypatch.setattr(devices, "list_devices", lambda: [f"gpu:{number}" for number in range(found)])
    monkeypatch.setattr(devices, "backend_name", lambda: backend)
    with pytest.raises(UserError) as raised:
        open_devices(asked, batch)
    assert str(raised.value).startswith(sentence)


def test_torch_is_asked_itself_for_its_gpus(monkeypatch):
    class Torch:
        class cuda:
            device_count = staticmethod(lambda: 2)

    monkeypatch.setitem(sys.modules, "torch", Torch)
    monkeypatch.setattr(backend, "backend_name", lambda: "torch")
    assert backend.list_devices() == ["gpu:0", "gpu:1"]
    assert backend.has_gpu()
    monkeypatch.setattr(Torch.cuda, "device_count", staticmethod(lambda: 0))
    assert backend.list_devices() == ["cpu:0"]
    assert not backend.has_gpu()


@pytest.mark.parametrize("shape", [(6, 5, 7, 4), (1, 1, 1, 4)])
@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False, "momentum": 0.5, "epsilon": 0.1}])
@pytest.mark.parametrize("trainable", [True, False])
def test_fused_normalisation_is_that_of_keras(shape, options, trainable):
    import tensorflow as tf

    random = np.random.default_rng(4)
    images = random.normal(2, 3, shape).astype(np.float32)
    slopes = random.normal(size=shape).astype(np.float32)
    found = []
    for fused in (False, True):
        image = keras.Input(shape[1:])
        layer = keras.layers.BatchNormalization(**options)
        model = keras.Model(image, layer(image))
        layer.set_weights([np.linspace(0.5, 2, 4, dtype=np.float32) for _ in layer.weights])
        layer.trainable = trainable
        if fused:
            devices.speed_up(model)
            assert "call" in vars(layer)
        x = tf.constant(images)
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = model(x, training=True)
            total = tf.reduce_sum(outputs * slopes)
        gradients = tape.gradient(total, [x, *(variable.value for variable in model.trainable_variables)])
        found.append([outputs, *gradients, *layer.get_weights(), model(x, training=False)])
        assert type(keras.Model.from_config(model.get_config()).layers[-1]) is keras.layers.BatchNormalization
    for keras_own, ours in zip(*found, strict=True):
        np.testing.assert_allclose(ours, keras_own, rtol=1e-4, atol=2e-5)
