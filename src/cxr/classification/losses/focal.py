"""Focal loss: labels that are answered well already count less (Lin et al., ICCV 2017, equation 5)."""

from typing import Any

import keras
from keras import ops

from cxr.classification.losses.finding_loss import FindingLoss


@keras.saving.register_keras_serializable("cxr")
class FocalLoss(FindingLoss):
    """-alpha (1 - p)^gamma log p of a finding that is present, -(1 - alpha) p^gamma log(1 - p) of one that is absent.

    alpha None: no weights, which is the equation without alpha and, with gamma 0, the binary cross-entropy.
    """

    def __init__(
        self,
        gamma: float = 2.0,
        alpha: float | None = 0.25,
        label_smoothing: float = 0.0,
        name: str | None = None,
        reduction: str = "sum_over_batch_size",
    ):
        super().__init__(label_smoothing, name, reduction)
        self.gamma, self.alpha = gamma, alpha

    def of_present(self, p: keras.KerasTensor) -> keras.KerasTensor:
        """What each finding costs if it is present."""
        weight = 1.0 if self.alpha is None else self.alpha
        return -weight * ops.power(1 - p, self.gamma) * ops.log(p)

    def of_absent(self, p: keras.KerasTensor) -> keras.KerasTensor:
        """What each finding costs if it is absent."""
        weight = 1.0 if self.alpha is None else 1 - self.alpha
        return -weight * ops.power(p, self.gamma) * ops.log(1 - p)

    def get_config(self) -> dict[str, Any]:
        """What the loss is built with."""
        return super().get_config() | {"gamma": self.gamma, "alpha": self.alpha}
