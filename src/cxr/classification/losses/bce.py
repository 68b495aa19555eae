"""Binary cross-entropy of the known labels: the loss that is trained by default, and, in numpy, the validation loss."""

import keras
import numpy as np
from keras import ops

from cxr.classification.losses.finding_loss import CLIP, FindingLoss


@keras.saving.register_keras_serializable("cxr")
class MaskedBce(FindingLoss):
    """Binary cross-entropy: -log p of a finding that is present, -log(1 - p) of one that is absent."""

    def of_present(self, p: keras.KerasTensor) -> keras.KerasTensor:
        """What each finding costs if it is present."""
        return -ops.log(p)

    def of_absent(self, p: keras.KerasTensor) -> keras.KerasTensor:
        """What each finding costs if it is absent."""
        return -ops.log(1 - p)


def masked_bce(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """MaskedBce in numpy, as the mean over (N, K) images: the validation loss."""
    p = np.clip(probabilities.astype(np.float64), CLIP, 1 - CLIP)
    loss = -(labels * np.log(p) + (1 - labels) * np.log(1 - p))
    return float(np.where(np.isnan(labels), 0, loss).mean())
