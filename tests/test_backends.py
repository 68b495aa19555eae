"""Networks, losses and an epoch on JAX and PyTorch, on demand: tests/backends.sh; skipped where TensorFlow runs."""

import importlib
import inspect
import pkgutil

import keras
import numpy as np
import pandas as pd
import pytest

import cxr.classification.losses
from cxr.classification.losses.finding_loss import FindingLoss
from cxr.classification.member import load_member, train_member
from cxr.classification.networks.classifier import build_classifier
from cxr.config.labels import Findings
from cxr.config.member import Member
from cxr.config.training import Training
from cxr.engines.backend import list_devices
from cxr.training.devices import OneDevice, open_devices

pytestmark = [
    pytest.mark.skipif(keras.config.backend() == "tensorflow", reason="on demand: tests/backends.sh jax|torch"),
    pytest.mark.filterwarnings("default"),  # what other backends warn of is theirs
]
FINDINGS = 3


def _losses() -> list[type]:
    """Every loss of the room, whether it is one module or a folder of them."""
    room = cxr.classification.losses
    names = [f"{room.__name__}.{found.name}" for found in pkgutil.iter_modules(getattr(room, "__path__", []))]
    modules = [room, *(importlib.import_module(name) for name in names)]
    found = {one for module in modules for one in vars(module).values() if inspect.isclass(one)}
    own = [one for one in found if issubclass(one, keras.losses.Loss) and one.__module__.startswith(room.__name__)]
    own = [one for one in own if one is not FindingLoss]  # their common base computes nothing
    return sorted((one for one in own if "call" in vars(one) or one.call is not keras.losses.Loss.call), key=str)


def _make(loss: type) -> keras.losses.Loss:
    """With a number per finding for what has no default."""
    parameters = inspect.signature(loss).parameters.values()
    needed = [one.name for one in parameters if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD]
    try:
        return loss(**{name: [0.5, 2.0, 1.0] for name in needed})
    except NotImplementedError:
        pytest.skip(f"{loss.__name__} is only a base")


@pytest.mark.parametrize("loss", _losses(), ids=lambda loss: loss.__name__)
def test_a_step_goes_down_the_gradient_of_the_loss(loss):
    random = np.random.default_rng(2)
    inputs = random.normal(size=(6, 5)).astype(np.float32)
    labels = np.eye(FINDINGS, dtype=np.float32)[[0, 1, 2, 0, 1, 2]]
    labels[4] = np.nan
    made = _make(loss)
    number = keras.Input((5,))
    dense = keras.layers.Dense(FINDINGS, activation="softmax" if loss.__name__ == "MaskedCce" else "sigmoid")
    model = keras.Model(number, dense(number))
    model.compile(optimizer=keras.optimizers.SGD(0.5), loss=made, jit_compile=False)
    kernel, bias = model.get_weights()

    def loss_at(values):
        model.set_weights([kernel, values.astype(np.float32)])
        return float(keras.ops.convert_to_numpy(made(labels, model.predict_on_batch(inputs))))

    small = 1e-2 * np.eye(FINDINGS)
    slopes = [(loss_at(bias + step) - loss_at(bias - step)) / 2e-2 for step in small]
    before = loss_at(bias)
    assert OneDevice().train_on_batch(model, inputs, labels) == pytest.approx(before, rel=1e-4)
    np.testing.assert_allclose(bias - model.get_weights()[1], 0.5 * np.array(slopes), rtol=0.02, atol=1e-3)


@pytest.mark.parametrize("network", ["tiny", "efficientnet_v2_b0"])
def test_a_network_learns_is_saved_and_reloads(network, tmp_path):
    random = np.random.default_rng(1)
    images = random.uniform(0, 255, (4, 32, 32, 1)).astype(np.float32)
    labels = random.integers(0, 2, (4, FINDINGS)).astype(np.float32)
    model = build_classifier(Member(network=network, image_px=32, dropout=0.0), FINDINGS)
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="binary_crossentropy", jit_compile=False)
    losses = [OneDevice().train_on_batch(model, images, labels) for _ in range(4)]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(again.predict_on_batch(images), model.predict_on_batch(images), atol=1e-6)


def _train(store, folder, epochs, devices=1, on_progress=None):
    findings = Findings(set=list(store.findings))
    member = Member(network="tiny", image_px=16)
    arguments = (member, Training(epochs=epochs, batch=8), findings, store, 3, {}, folder, on_progress, devices)
    return train_member("alone", *arguments)


def test_a_member_is_trained_and_goes_on_where_it_was_killed(store, tmp_path):
    def die(done, total):
        if done > total // 2:
            raise KeyboardInterrupt

    whole = _train(store, tmp_path / "whole", 2)
    with pytest.raises(KeyboardInterrupt):
        _train(store, tmp_path / "killed", 2, on_progress=die)
    _train(store, tmp_path / "killed", 2)
    first, second = (
        pd.read_csv(tmp_path / name / "history.csv").drop(columns="seconds") for name in ("whole", "killed")
    )
    pd.testing.assert_frame_equal(first, second, rtol=1e-5)
    assert whole["finished"]
    assert load_member(tmp_path / "killed", store.findings).output_shape == (None, 3)


def test_an_epoch_on_two_devices_is_the_epoch_of_one(store, tmp_path):
    if len(list_devices()) < 2:
        pytest.skip("one device")
    for count in (1, 2):
        assert _train(store, tmp_path / str(count), 1, count)["devices"]["used"] == count
    first, second = (load_member(tmp_path / count, store.findings).get_weights() for count in "12")
    for one, two in zip(first, second, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


def test_more_devices_than_there_are_is_one_sentence():
    with pytest.raises(Exception, match=r"devices: 9 are asked for, found \d"):
        open_devices(9, 16)
