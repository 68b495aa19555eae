"""A regression of a few numbers that trains in a moment, with dropout, batch norm and a falling learning rate."""

import random

import keras
import numpy as np
import pandas as pd
import pytest

from cxr.config.optimizer import Adam, Cosine
from cxr.training.batches import Batches
from cxr.training.epochs import EpochPlan, run_epochs
from cxr.training.optimizers import make_optimizer
from cxr.training.precision import layers_in
from cxr.training.schedules import RunLength, make_rate

COUNT, BATCH, STEPS = 22, 8, 3
ADAM, SCHEDULE = Adam(learning_rate=0.05), Cosine()
INPUTS = np.random.default_rng(1).normal(size=(COUNT, 4)).astype(np.float32)
TARGETS = INPUTS @ np.array([[1.0], [-2.0], [0.5], [3.0]], np.float32)


def build_model(optimizer=ADAM, loss="mse", precision="float32", accumulate=1):
    """A new compiled model, always of the same weights, in a process whose random state is another."""
    keras.utils.set_random_seed(7)
    x = numbers = keras.Input((4,))
    with layers_in(precision):
        x = keras.layers.Dense(8, activation="relu")(x)
        x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Activation("linear", name="features")(x)
    x = keras.layers.Dropout(0.5)(x)
    model = keras.Model(numbers, keras.layers.Dense(1)(x))
    made = make_optimizer(optimizer, accumulate, precision == "mixed_float16")
    model.compile(optimizer=made, loss=loss, jit_compile=False)
    random.seed()
    return model


def build_plan(folder, epochs=4, scores=None, losses=None, schedule=SCHEDULE, peak=0.05, accumulate=1, **options):
    """A plan for that model; `scores` and `losses` say what validation finds, else it is measured."""
    numbers = {"score": iter(scores or []), "loss": iter(losses or [])}

    def validate(model):
        loss = float(np.mean((np.asarray(model.predict_on_batch(INPUTS)) - TARGETS) ** 2))
        return {"val_loss": next(numbers["loss"], loss), "val_score": next(numbers["score"], -loss)}

    def batches(epoch):
        return Batches(lambda rows, _: (INPUTS[rows], TARGETS[rows]), COUNT, BATCH, 3, epoch)

    rate = make_rate(schedule, peak, RunLength(epochs, STEPS, accumulate))
    return EpochPlan(folder, epochs, 3, batches, validate, "val_score", rate=rate, **options)


@pytest.fixture(scope="session")
def samples():
    return INPUTS, TARGETS


@pytest.fixture(scope="session")
def make_model():
    return build_model


@pytest.fixture(scope="session")
def make_plan():
    return build_plan


@pytest.fixture(scope="session")
def assert_same_run():
    """A function of two (history, path of the best model): they are equal but for the clock."""

    def check(found, expected):
        pd.testing.assert_frame_equal(found[0].drop(columns="seconds"), expected[0].drop(columns="seconds"), rtol=1e-6)
        weights = [keras.saving.load_model(path).get_weights() for _, path in (found, expected)]
        for ours, theirs in zip(*weights, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)

    return check


@pytest.fixture(scope="session")
def uninterrupted(make_model, make_plan, tmp_path_factory):
    """History and final model of a run of four epochs in one go; scores rise, so that the best epoch is the last."""
    plan = make_plan(tmp_path_factory.mktemp("uninterrupted"), scores=[1.0, 2.0, 3.0, 4.0])
    return run_epochs(make_model(), plan), plan.folder / "model.keras"
