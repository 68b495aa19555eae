"""Asymmetric loss: absent findings are focused on apart, and easy ones dropped (Ben-Baruch et al., ICCV 2021)."""

from typing import Any

import keras
from keras import ops

from cxr.classification.losses.finding_loss import CLIP, FindingLoss


@keras.saving.register_keras_serializable("cxr")
class AsymmetricLoss(FindingLoss):
    """-(1 - p)^gamma_pos log p of a finding that is present, -q^gamma_neg log(1 - q) of one that is absent.

    q = max(p - margin, 0): an absent finding given less than `margin` costs nothing.
    """

    def __init__(
        self,
        gamma_neg: float = 4.0,
        gamma_pos: float = 0.0,
        margin: float = 0.05,
        label_smoothing: float = 0.0,
        name: str | None = None,
        reduction: str = "sum_over_batch_size",
    ):
        super().__init__(label_smoothing, name, reduction)
        self.gamma_neg, self.gamma_pos, self.margin = gamma_neg, gamma_pos, margin

    def of_present(self, p: keras.KerasTensor) -> keras.KerasTensor:
        """What each finding costs if it is present."""
        return -ops.power(1 - p, self.gamma_pos) * ops.log(p)

    def of_absent(self, p: keras.KerasTensor) -> keras.KerasTensor:
        """What each finding costs if it is absent."""
        q = ops.maximum(p - self.margin, CLIP)  # not 0, where a power below 1 has an infinite gradient
        return -ops.power(q, self.gamma_neg) * ops.log(1 - q)

    def get_config(self) -> dict[str, Any]:
        """What the loss is built with."""
        own = {"gamma_neg": self.gamma_neg, "gamma_pos": self.gamma_pos, "margin": self.margin}
        return super().get_config() | own
