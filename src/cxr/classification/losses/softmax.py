"""Categorical cross-entropy of images with exactly one finding: as a Keras loss and, in numpy, the validation loss."""

from typing import Any

import keras
import numpy as np
from keras import ops

from cxr.classification.losses.finding_loss import CLIP, known_labels


@keras.saving.register_keras_serializable("cxr")
class MaskedCce(keras.losses.Loss):
    """Categorical cross-entropy of images with exactly one finding; rows of NaN give neither loss nor gradient.

    label_smoothing s: a label y becomes y (1 - s) + s / K (Szegedy et al., CVPR 2016, section 7).
    """

    def __init__(self, label_smoothing: float = 0.0, name: str | None = None, reduction: str = "sum_over_batch_size"):
        super().__init__(name=name, reduction=reduction)
        self.label_smoothing = label_smoothing

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Labels (N, K) that sum to 1, or rows of NaN, and probabilities (N, K) that do in, (N,) losses out."""
        labels, known, p = known_labels(y_true, y_pred)
        labels = labels * (1 - self.label_smoothing) + self.label_smoothing / labels.shape[-1]
        labels = ops.where(known, labels, ops.zeros_like(labels))
        return -ops.sum(labels * ops.log(ops.clip(p, CLIP, 1.0)), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """What the loss is built with."""
        return super().get_config() | {"label_smoothing": self.label_smoothing}


def masked_cce(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """MaskedCce in numpy, as the mean over (N, K) images."""
    loss = -labels * np.log(np.clip(probabilities.astype(np.float64), CLIP, 1))
    return float(np.where(np.isnan(labels), 0, loss).sum(axis=1).mean())
