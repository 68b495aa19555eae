"""`training.loss` and the training targets in, the Keras loss out."""

from collections.abc import Sequence

import keras
import numpy as np

from cxr.classification.losses.asymmetric import AsymmetricLoss
from cxr.classification.losses.bce import MaskedBce
from cxr.classification.losses.focal import FocalLoss
from cxr.classification.losses.softmax import MaskedCce
from cxr.classification.losses.weighted_bce import WeightedBce
from cxr.classification.losses.weights import given_weights, label_weights
from cxr.classification.losses.wmw_auc import WmwAucLoss
from cxr.config.loss import Loss

BY_NAME = {
    "bce": MaskedBce,
    "focal": FocalLoss,
    "asymmetric": AsymmetricLoss,
    "wmw_auc": WmwAucLoss,
    "softmax": MaskedCce,
}


def make_loss(loss: Loss, targets: np.ndarray, findings: Sequence[str]) -> tuple[keras.losses.Loss, list[str]]:
    """Return the loss, and a sentence for everything about it that a user should know.

    targets: (m, K) in [0, 1] or NaN, of the images that are trained on; only losses with weights look at them.
    """
    notes: list[str] = []
    if loss.name == "class_weights":
        positive, negative = given_weights(loss.weights, findings)
        return WeightedBce(positive, negative, loss.label_smoothing), notes
    if loss.name == "weighted_bce":
        positive, negative, notes = label_weights(targets, findings, loss.weighting)
        return WeightedBce(positive, negative, loss.label_smoothing), notes
    return BY_NAME[loss.name](**loss.model_dump(exclude={"name"})), notes
