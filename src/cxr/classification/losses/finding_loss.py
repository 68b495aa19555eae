"""Labels with gaps and probabilities in, a loss per image out: what all losses that look at one label at a time share.

A loss of this kind says what a finding costs that is present and one that is absent, both as functions of its
probability p. A label y between 0 and 1 (an uncertain one, or a mixture of two images) costs y times the first and
1 - y times the second: what a label drawn as 1 with probability y costs on average.
"""

from typing import Any

import keras
from keras import ops

CLIP = 1e-7


def known_labels(
    y_true: keras.KerasTensor, y_pred: keras.KerasTensor
) -> tuple[keras.KerasTensor, keras.KerasTensor, keras.KerasTensor]:
    """Return labels (0 where unknown), where they are known, and probabilities: (N, K) float32, bool, float32.

    float32 whatever the network computes in: 1 - p of a float16 is 0 from p = 0.9998 on.
    """
    y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
    known = ops.logical_not(ops.isnan(y_true))
    return ops.where(known, y_true, ops.zeros_like(y_true)), known, y_pred  # before any arithmetic: 0 * NaN is NaN


class FindingLoss(keras.losses.Loss):
    """Mean over the findings of each image; NaN in `y_true` is unknown and gives neither loss nor gradient.

    Each image's loss is the sum over its known labels divided by the number of findings, so every known label weighs
    the same, however many its image has. label_smoothing s draws labels towards 1/2: y becomes y (1 - s) + s / 2.
    """

    def __init__(self, label_smoothing: float = 0.0, name: str | None = None, reduction: str = "sum_over_batch_size"):
        super().__init__(name=name, reduction=reduction)
        self.label_smoothing = label_smoothing

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Labels (N, K) in [0, 1] or NaN and probabilities (N, K) in, (N,) losses out."""
        labels, known, p = known_labels(y_true, y_pred)
        labels = labels * (1 - self.label_smoothing) + self.label_smoothing / 2
        p = ops.clip(p, CLIP, 1 - CLIP)
        loss = labels * self.of_present(p) + (1 - labels) * self.of_absent(p)
        return ops.mean(ops.where(known, loss, ops.zeros_like(loss)), axis=-1)

    def of_present(self, p: keras.KerasTensor) -> keras.KerasTensor:
        """What each finding costs if it is present: (N, K) probabilities within [1e-7, 1 - 1e-7] in, the same shape."""
        raise NotImplementedError

    def of_absent(self, p: keras.KerasTensor) -> keras.KerasTensor:
        """What each finding costs if it is absent."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """What the loss is built with."""
        return super().get_config() | {"label_smoothing": self.label_smoothing}
