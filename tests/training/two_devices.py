"""A folder in, found.json out: what training on two devices of TensorFlow does, seen in a process of its own."""

import contextlib
import json
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from cxr.classification.losses.bce import MaskedBce
from cxr.config.errors import UserError
from cxr.training.batches import Batches
from cxr.training.devices import OneDevice, open_devices
from cxr.training.epochs import EpochPlan, run_epochs

COUNT, BATCH, PX = 17, 8, 12  # batches of 8, 8 and 1: one device has no image of its own
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.normal(size=(COUNT, PX, PX, 1)).astype(np.float32)
LABELS = RANDOM.integers(0, 2, (COUNT, 3)).astype(np.float32)
LABELS[RANDOM.random(LABELS.shape) < 0.3] = np.nan
HABITS = {
    "sgd": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
    "clipped": lambda: keras.optimizers.SGD(0.1, global_clipnorm=0.01),
    "accumulated": lambda: keras.optimizers.SGD(0.1, gradient_accumulation_steps=2),
    "averaged": lambda: keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5, weight_decay=0.01),
}


class AllPairs(keras.losses.Loss):
    """Every image against every other: no mean over images of anything."""

    def call(self, y_true, y_pred):
        apart = y_pred[:, None] - y_pred[None]
        return keras.ops.sum(apart * apart * y_true[:, None] * (1 - y_true[None]), axis=(1, 2))


def make(scope, optimizer, loss, norm=False, dropout=0.0, policy=None):
    keras.utils.set_random_seed(5)
    with scope():
        image = keras.Input((PX, PX, 1))
        x = layers.Conv2D(4, 3, strides=2, activation="tanh", dtype=policy)(image)
        x = layers.BatchNormalization(momentum=0.5)(x) if norm else x
        x = layers.Dropout(dropout)(layers.Conv2D(6, 3, strides=2, activation="tanh")(x))
        x = layers.GlobalAveragePooling2D()(x)
        model = keras.Model(image, layers.Dense(3, activation="sigmoid")(x))
        model.compile(optimizer=optimizer(), loss=loss, jit_compile=False)
    return model


def plan(folder, opened, epochs):
    def batches(epoch):
        return Batches(lambda rows, _: (IMAGES[rows], LABELS[rows]), COUNT, BATCH, 3, epoch)

    def validate(model):
        found = model.predict_on_batch(IMAGES)
        assert found.shape == (COUNT, 3)  # not once per device
        return {"val_loss": float(MaskedBce()(LABELS, found)), "val_score": float(found.mean())}

    return EpochPlan(folder, epochs, 3, batches, validate, score="val_score", devices=opened)


def apart(first, second):
    return float(max(np.abs(a - b).max() for a, b in zip(first.get_weights(), second.get_weights(), strict=True)))


def epoch_apart(folder, habit):
    """Largest differences of losses and weights after an epoch on one device and on two."""
    models, losses = [], []
    for opened in (OneDevice(), open_devices(2, BATCH)):
        model = make(opened.scope, HABITS[habit], MaskedBce())
        at = folder / f"{habit}{opened.count}"
        losses.append(run_epochs(model, plan(at, opened, 1))[["loss", "val_loss"]].to_numpy())
        models.append(model)
    return float(np.abs(losses[0] - losses[1]).max()), apart(*models)


def pairs_apart():
    labels = np.nan_to_num(LABELS[:7])
    models = []
    for opened in (OneDevice(), open_devices(2, BATCH)):
        models.append(make(opened.scope, HABITS["sgd"], AllPairs()))
        opened.train_on_batch(models[-1], IMAGES[:7], labels)
    return apart(*models)


def shares():
    """Numbers of images that the devices saw of batches of 8, 7 and 1."""
    opened, seen = open_devices(2, BATCH), []

    def tell(images, number):
        seen.append((int(number), len(images)))
        return images

    class Tell(layers.Layer):
        def call(self, inputs):
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            told = tf.numpy_function(tell, [inputs, number], tf.float32)
            return tf.ensure_shape(told, inputs.shape)

        def compute_output_spec(self, inputs):
            return keras.KerasTensor(inputs.shape, inputs.dtype)

    with opened.scope():
        image = keras.Input((PX, PX, 1))
        model = keras.Model(image, layers.Dense(3, activation="sigmoid")(layers.Flatten()(Tell()(image))))
        model.compile(optimizer="sgd", loss=MaskedBce(), jit_compile=False)
    found = []
    for count in (8, 7, 1):
        seen.clear()
        opened.train_on_batch(model, IMAGES[:count], LABELS[:count])
        found.append([images for _, images in sorted(set(seen))])
    return found


def norms_apart():
    """A step on two devices against one by hand: both halves through one model, one loss, moving values averaged."""
    rate, images, labels = 0.1, IMAGES[:7], LABELS[:7]
    opened = open_devices(2, BATCH)
    shared = make(opened.scope, lambda: keras.optimizers.SGD(rate), MaskedBce(), norm=True)
    by_hand = make(OneDevice().scope, lambda: keras.optimizers.SGD(rate), MaskedBce(), norm=True)
    start, moving = by_hand.get_weights(), []
    opened.train_on_batch(shared, images, labels)
    norm = by_hand.layers[2]
    with tf.GradientTape() as tape:
        outputs = []
        for part in (images[:4], images[4:]):
            norm.moving_mean.assign(tf.zeros(4))
            norm.moving_variance.assign(tf.ones(4))
            outputs.append(by_hand(part, training=True))
            moving.append(np.stack(norm.get_weights()[2:]))
        loss = MaskedBce()(labels, tf.concat(outputs, axis=0))
    gradients = tape.gradient(loss, [variable.value for variable in by_hand.trainable_variables])
    by_hand.set_weights(start)
    expected = [value - rate * g for value, g in zip(by_hand.trainable_variables, gradients, strict=True)]
    found = [np.abs(v.numpy() - e).max() for v, e in zip(shared.trainable_variables, expected, strict=True)]
    averaged = (4 * moving[0] + 3 * moving[1]) / 7
    return {
        "gradients": float(max(found)),
        "moving": float(np.abs(np.stack(shared.layers[2].get_weights()[2:]) - averaged).max()),
    }


def dropped_alike():
    """Share of places at which two devices given the same image drop alike, as the loss sees it."""
    opened = open_devices(2, BATCH)
    kept = []

    class Look(keras.losses.Loss):
        def call(self, y_true, y_pred):
            tf.py_function(lambda values: kept.append(values.numpy()), [y_pred], [])
            return keras.ops.sum(y_pred * 0, axis=-1)

    with opened.scope():
        image = keras.Input((200,))
        model = keras.Model(
            image, layers.Dropout(0.5, seed=1)(layers.Dense(200, use_bias=False, kernel_initializer="identity")(image))
        )
        model.compile(optimizer="sgd", loss=Look(), jit_compile=False)
    opened.train_on_batch(model, np.ones((2, 200), np.float32), np.ones((2, 200), np.float32))
    return float(((kept[-1][0] > 0) == (kept[-1][1] > 0)).mean())


def resumed(folder):
    """Differences of history and weights between a run in one go and one that was killed in its second epoch."""
    found = []
    for kill in (False, True):
        opened = open_devices(2, BATCH)
        at = plan(folder / f"kill{kill}", opened, 3)
        options = (HABITS["sgd"], MaskedBce(), True, 0.5)

        def die(done, total):
            if done == 5:
                raise KeyboardInterrupt

        if kill:
            with contextlib.suppress(KeyboardInterrupt):
                run_epochs(make(opened.scope, *options), at, die)
        history = run_epochs(make(opened.scope, *options), at)
        found.append((history[["loss", "val_loss"]].to_numpy(), keras.saving.load_model(at.folder / "model.keras")))
    return float(np.abs(found[0][0] - found[1][0]).max()), apart(found[0][1], found[1][1])


def float16_refusal():
    opened = open_devices(2, BATCH)
    model = make(opened.scope, lambda: keras.optimizers.LossScaleOptimizer(HABITS["sgd"]()), MaskedBce())
    try:
        opened.train_on_batch(model, IMAGES, LABELS)
    except UserError as error:
        return str(error)


def main(folder):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    found = {
        "apart": {habit: epoch_apart(folder, habit) for habit in HABITS},
        "pairs": pairs_apart(),
        "shares": shares(),
        "norms": norms_apart(),
        "dropped_alike": dropped_alike(),
        "resumed": resumed(folder),
        "float16": float16_refusal(),
    }
    (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
