"""True and predicted lung masks in, loss or overlap out."""

import keras
import numpy as np
from keras import ops

EPSILON = 1e-6


@keras.saving.register_keras_serializable("cxr")
class BceDiceLoss(keras.losses.Loss):
    """Mean binary cross-entropy plus 1 - soft Dice of each image (Milletari et al., 3DV 2016)."""

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Masks (N, H, W, 1) in [0, 1] in, (N,) losses out."""
        axes = (1, 2, 3)
        y_true = ops.cast(y_true, y_pred.dtype)
        bce = ops.mean(ops.binary_crossentropy(y_true, y_pred), axis=axes)
        overlap = ops.sum(y_true * y_pred, axis=axes)
        total = ops.sum(y_true, axis=axes) + ops.sum(y_pred, axis=axes)
        return bce + 1 - (2 * overlap + 1) / (total + 1)


def dice_and_iou(truth: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boolean masks (N, H, W) in, Dice and IoU (N,) out; two empty masks agree fully."""
    axes = (1, 2)
    both = (truth & found).sum(axis=axes, dtype=np.float64)
    total = truth.sum(axis=axes, dtype=np.float64) + found.sum(axis=axes, dtype=np.float64)
    dice = np.where(total > 0, 2 * both / np.maximum(total, EPSILON), 1.0)
    return dice, dice / (2 - dice)
