"""A smooth stand-in for 1 - AUC: pairs of images that are in the wrong order, or not far enough apart (Yan 2003)."""

from typing import Any

import keras
from keras import ops

from cxr.classification.losses.finding_loss import known_labels

PRESENT = 0.5


@keras.saving.register_keras_serializable("cxr")
class WmwAucLoss(keras.losses.Loss):
    """Wilcoxon-Mann-Whitney loss (Yan et al., ICML 2003) of each finding by itself.

    A pair of an image with the finding (probability x) and one without (y) costs (gamma - (x - y))^p where x - y is
    less than gamma, else nothing. A finding's loss is the mean over its pairs within the batch, 0 where there are none;
    the loss is the sum over the findings divided by their number. Labels above 1/2 are present, those below absent;
    unknown ones and 1/2 itself are in no pair.
    """

    def __init__(
        self, gamma: float = 0.2, p: float = 3.0, name: str | None = None, reduction: str = "sum_over_batch_size"
    ):
        super().__init__(name=name, reduction=reduction)
        self.gamma, self.p = gamma, p

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Labels (N, K) in [0, 1] or NaN and probabilities (N, K) in; the batch's loss for each image, (N,), out.

        The same number N times, so that Keras' mean over images, and over devices, is that number.
        """
        labels, known, scores = known_labels(y_true, y_pred)
        present = ops.cast(ops.logical_and(known, labels > PRESENT), "float32")
        absent = ops.cast(ops.logical_and(known, labels < PRESENT), "float32")
        pairs = present[:, None, :] * absent[None, :, :]  # (N, N, K)
        shortfall = ops.maximum(self.gamma - (scores[:, None, :] - scores[None, :, :]), 0.0)
        cost = ops.sum(pairs * ops.power(shortfall, self.p), axis=(0, 1))
        counts = ops.sum(present, axis=0) * ops.sum(absent, axis=0)
        loss = ops.mean(cost / ops.maximum(counts, 1.0))
        return loss * ops.ones_like(scores[:, 0])

    def get_config(self) -> dict[str, Any]:
        """What the loss is built with."""
        return super().get_config() | {"gamma": self.gamma, "p": self.p}
