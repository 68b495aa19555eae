"""True and predicted lung masks in, the loss of each image out."""

import keras
from keras import ops

AXES = (1, 2, 3)


@keras.saving.register_keras_serializable("cxr")
class MaskLoss(keras.losses.Loss):
    """Mean binary cross-entropy, 1 - soft Dice of each image (Milletari et al., 3DV 2016), or their sum.

    kind: "bce", "dice" or "bce_dice". Soft Dice adds 1 to both sides of its fraction, so that an empty mask that is
    found empty costs nothing.
    """

    def __init__(self, kind: str = "bce_dice", name: str = "mask_loss") -> None:
        super().__init__(name=name)
        self.kind = kind

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Masks (N, H, W, 1) in [0, 1] in, (N,) losses out."""
        y_true = ops.cast(y_true, y_pred.dtype)
        loss = 0.0
        if "bce" in self.kind:
            loss += ops.mean(ops.binary_crossentropy(y_true, y_pred), axis=AXES)
        if "dice" in self.kind:
            overlap = ops.sum(y_true * y_pred, axis=AXES)
            total = ops.sum(y_true, axis=AXES) + ops.sum(y_pred, axis=AXES)
            loss += 1 - (2 * overlap + 1) / (total + 1)
        return loss

    def get_config(self) -> dict[str, str]:
        """What the loss is built with."""
        return {"kind": self.kind, "name": self.name}
