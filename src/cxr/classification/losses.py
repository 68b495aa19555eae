"""True labels with gaps and predicted probabilities in, loss out: unknown labels count for nothing."""

import keras
import numpy as np
from keras import ops

CLIP = 1e-7


@keras.saving.register_keras_serializable("cxr")
class MaskedBce(keras.losses.Loss):
    """Binary cross-entropy over the known labels; NaN in `y_true` is unknown and gives neither loss nor gradient.

    Each image's loss is the sum over its known labels divided by the number of findings, so every known label weighs
    the same, however many its image has. Labels between 0 and 1 are targets as they are.
    """

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Labels (N, K) in [0, 1] or NaN and probabilities (N, K) in, (N,) losses out."""
        y_true = ops.cast(y_true, y_pred.dtype)
        known = ops.logical_not(ops.isnan(y_true))
        labels = ops.where(known, y_true, ops.zeros_like(y_true))  # before any arithmetic: 0 * NaN is NaN
        p = ops.clip(y_pred, CLIP, 1 - CLIP)
        loss = -(labels * ops.log(p) + (1 - labels) * ops.log(1 - p))
        return ops.mean(ops.where(known, loss, ops.zeros_like(loss)), axis=-1)


@keras.saving.register_keras_serializable("cxr")
class MaskedCce(keras.losses.Loss):
    """Categorical cross-entropy of images with exactly one finding; rows of NaN give neither loss nor gradient."""

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """One-hot labels (N, K), or rows of NaN, and probabilities (N, K) that sum to 1 in, (N,) losses out."""
        y_true = ops.cast(y_true, y_pred.dtype)
        labels = ops.where(ops.isnan(y_true), ops.zeros_like(y_true), y_true)
        return -ops.sum(labels * ops.log(ops.clip(y_pred, CLIP, 1.0)), axis=-1)


def masked_bce(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """MaskedBce in numpy, as the mean over (N, K) images: the validation loss."""
    p = np.clip(probabilities.astype(np.float64), CLIP, 1 - CLIP)
    loss = -(labels * np.log(p) + (1 - labels) * np.log(1 - p))
    return float(np.where(np.isnan(labels), 0, loss).mean())


def masked_cce(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """MaskedCce in numpy, as the mean over (N, K) images."""
    loss = -labels * np.log(np.clip(probabilities.astype(np.float64), CLIP, 1))
    return float(np.where(np.isnan(labels), 0, loss).sum(axis=1).mean())
