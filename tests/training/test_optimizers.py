"""A linear regression trained by Keras, against the same few lines of numpy."""

from itertools import pairwise

import keras
import numpy as np
import pytest

from cxr.config.optimizer import Adam, AdamW, Constant, Sgd
from cxr.training.batches import Batches
from cxr.training.epochs import EpochPlan, run_epochs
from cxr.training.optimizers import make_optimizer, renewed
from cxr.training.schedules import RunLength, make_rate

COUNT, BATCH, SEED, EPOCHS, STEPS = 22, 4, 3, 2, 6
START = np.array([0.5, -0.25, 0.0, 1.0])


def keras_weights(optimizer, samples, folder, accumulate=1):
    """Weights (4,) in training after two epochs, and those of the model that was saved last."""
    inputs, targets = samples
    numbers = keras.Input((4,))
    dense = keras.layers.Dense(1, use_bias=False)
    model = keras.Model(numbers, dense(numbers))
    dense.set_weights([START[:, None]])
    model.compile(make_optimizer(optimizer, accumulate), loss="mse", jit_compile=False)
    plan = EpochPlan(
        folder,
        EPOCHS,
        SEED,
        lambda epoch: Batches(lambda rows, _: (inputs[rows], targets[rows]), COUNT, BATCH, SEED, epoch),
        lambda model: {"val_loss": 1.0, "val_score": float(len(list(folder.glob("model.keras"))))},  # the last is best
        score="val_score",
        rate=make_rate(Constant(name="constant"), optimizer.learning_rate, RunLength(EPOCHS, STEPS, accumulate)),
    )
    run_epochs(model, plan)
    saved = keras.saving.load_model(folder / "model.keras")
    return dense.get_weights()[0][:, 0], saved.get_weights()[0][:, 0]


def gradients(samples, accumulate=1):
    """The functions weights (4,) -> gradient of each update of the two epochs."""
    inputs, targets = samples
    for epoch in range(EPOCHS):
        batches = Batches(lambda rows, _: (rows, rows), COUNT, BATCH, SEED, epoch)
        for first in range(0, STEPS, accumulate):
            together = [batches.rows(step) for step in range(first, min(first + accumulate, STEPS))]

            def gradient(weights, together=together):
                each = [
                    2 * inputs[rows].T @ (inputs[rows] @ weights - targets[rows, 0]) / len(rows) for rows in together
                ]
                return np.mean(each, axis=0)

            yield gradient


def sgd_weights(samples, rate, momentum=0.0, nesterov=False, clip=None, accumulate=1):
    """Weights after each update (Sutskever et al., ICML 2013, as Keras writes it)."""
    weights, velocity, every = START.copy(), np.zeros(4), []
    for gradient in gradients(samples, accumulate):
        found = gradient(weights)
        if clip is not None:
            found = found * min(1.0, clip / np.linalg.norm(found))
        velocity = momentum * velocity - rate * found
        weights = weights + (momentum * velocity - rate * found if nesterov else velocity)
        every.append(weights)
    return np.array(every)


@pytest.mark.parametrize(
    ("momentum", "nesterov", "clip", "accumulate"),
    [(0.0, False, None, 1), (0.9, False, None, 1), (0.9, True, None, 1), (0.0, False, 0.5, 1),
     (0.9, False, 0.5, 4), (0.0, False, None, 4), (0.0, False, None, 6), (0.0, False, None, 100)],
)  # fmt: skip
def test_sgd_clips_the_whole_gradient_and_averages_what_is_accumulated(
    samples, tmp_path, momentum, nesterov, clip, accumulate
):
    """By four, an epoch of six steps makes two updates, the second of the two steps left over."""
    optimizer = Sgd(name="sgd", learning_rate=0.02, momentum=momentum, nesterov=nesterov, clip_norm=clip)
    expected = sgd_weights(samples, 0.02, momentum, nesterov, clip, accumulate)
    assert len(expected) == EPOCHS * -(-STEPS // accumulate)
    found, saved = keras_weights(optimizer, samples, tmp_path, accumulate)
    np.testing.assert_allclose(found, expected[-1], atol=1e-5)
    np.testing.assert_array_equal(saved, found)


def test_the_averaged_weights_are_saved_and_the_others_trained_on(samples, tmp_path):
    every = sgd_weights(samples, 0.02)
    mean = every[0]
    for weights in every[1:]:
        mean = 0.8 * mean + 0.2 * weights
    found, saved = keras_weights(Sgd(name="sgd", learning_rate=0.02, momentum=0.0, ema=0.8), samples, tmp_path)
    np.testing.assert_allclose(found, every[-1], atol=1e-5)
    np.testing.assert_allclose(saved, mean, atol=1e-5)
    assert np.abs(mean - every[-1]).max() > 0.05


def test_averaging_decays_per_update_also_when_steps_are_accumulated(samples, tmp_path):
    """Three steps an update: the mean moves by a third of a decay at each, so at the end by one third of the last."""
    every = sgd_weights(samples, 0.02, accumulate=3)
    mean = every[0]
    for before, weights in pairwise(every):
        mean = 0.8 ** (2 / 3) * mean + (1 - 0.8 ** (2 / 3)) * before
        mean = 0.8 ** (1 / 3) * mean + (1 - 0.8 ** (1 / 3)) * weights
    optimizer = Sgd(name="sgd", learning_rate=0.02, momentum=0.0, ema=0.8)
    np.testing.assert_allclose(keras_weights(optimizer, samples, tmp_path, 3)[1], mean, atol=1e-5)


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_adamw_is_adam_and_takes_a_share_of_the_weights(samples, tmp_path, decay):
    """Algorithm 2 of Loshchilov and Hutter, ICLR 2019."""
    weights, mean, square = START.copy(), np.zeros(4), np.zeros(4)
    for step, gradient in enumerate(gradients(samples), 1):
        found = gradient(weights)
        mean, square = 0.9 * mean + 0.1 * found, 0.999 * square + 0.001 * found**2
        move = (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-7)
        weights = weights - 0.1 * decay * weights - 0.1 * move
    optimizer = AdamW(name="adamw", learning_rate=0.1, weight_decay=decay) if decay else Adam(learning_rate=0.1)
    np.testing.assert_allclose(keras_weights(optimizer, samples, tmp_path)[0], weights, atol=2e-4)


@pytest.mark.parametrize("again", [False, True])
def test_adamw_leaves_biases_and_normalisation_alone(again):
    """Where there is no gradient at all, only what decays gets smaller; also by a renewed optimiser."""
    numbers = keras.Input((4,))
    x = keras.layers.BatchNormalization()(keras.layers.Dense(3, bias_initializer="ones")(numbers))
    model = keras.Model(numbers, keras.ops.multiply(x, 0.0))
    optimizer = make_optimizer(AdamW(name="adamw", learning_rate=0.5, weight_decay=0.2))
    model.compile(renewed(optimizer) if again else optimizer, loss="mse", jit_compile=False)
    before = [variable.numpy() for variable in model.trainable_variables]
    model.train_on_batch(np.ones((8, 4)), np.ones((8, 3)))
    shrunk = {
        variable.name: variable.numpy() / old
        for variable, old in zip(model.trainable_variables, before, strict=True)
        if old.any()
    }
    np.testing.assert_allclose(shrunk.pop("kernel"), 0.9, rtol=1e-5)
    assert set(shrunk) == {"bias", "gamma"}
    for ratio in shrunk.values():
        np.testing.assert_array_equal(ratio, 1.0)
