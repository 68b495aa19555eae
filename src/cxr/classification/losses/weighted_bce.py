"""Binary cross-entropy with a weight for the presence and one for the absence of each finding."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from cxr.classification.losses.finding_loss import FindingLoss


@keras.saving.register_keras_serializable("cxr")
class WeightedBce(FindingLoss):
    """-w+ log p of a finding that is present, -w- log(1 - p) of one that is absent.

    positive, negative: w+ and w- of the K findings. They are kept in the saved model, so that a training that goes on
    uses the same.
    """

    def __init__(
        self,
        positive: Sequence[float],
        negative: Sequence[float],
        label_smoothing: float = 0.0,
        name: str | None = None,
        reduction: str = "sum_over_batch_size",
    ):
        super().__init__(label_smoothing, name, reduction)
        self.positive, self.negative = [float(w) for w in positive], [float(w) for w in negative]

    def of_present(self, p: keras.KerasTensor) -> keras.KerasTensor:
        """What each finding costs if it is present."""
        return -ops.convert_to_tensor(self.positive, "float32") * ops.log(p)

    def of_absent(self, p: keras.KerasTensor) -> keras.KerasTensor:
        """What each finding costs if it is absent."""
        return -ops.convert_to_tensor(self.negative, "float32") * ops.log(1 - p)

    def get_config(self) -> dict[str, Any]:
        """What the loss is built with."""
        return super().get_config() | {"positive": self.positive, "negative": self.negative}
