"""A feature map in, findings out: the ways to pool it that Keras has not, and the head that each way belongs to."""

from typing import Any

import keras
from keras import KerasTensor, layers, ops

SHARPNESS = 10.0
"""Of log-sum-exp pooling: the best of those tried on chest X-rays (Wang et al., "ChestX-ray8", CVPR 2017)."""


def pool_and_classify(features: KerasTensor, findings: int, pooling: str, dropout: float, single: bool) -> KerasTensor:
    """Return the probabilities (K) of a feature map (h, w, C), pooled as the member asks; `single` sums them to 1."""
    activation = "softmax" if single else "sigmoid"
    if pooling == "pcam":  # every place is classified, so dropout takes a channel at all of them
        features = layers.SpatialDropout2D(dropout, name="dropout")(features)
        return PcamDense(findings, activation=activation, name="findings")(features)
    kinds = {"avg": layers.GlobalAveragePooling2D, "max": layers.GlobalMaxPooling2D, "lse": GlobalLogSumExpPooling2D}
    pooled = kinds[pooling](name="pooling")(features)
    pooled = layers.Dropout(dropout, name="dropout")(pooled)
    return layers.Dense(findings, activation=activation, name="findings")(pooled)


@keras.saving.register_keras_serializable("cxr")
class GlobalLogSumExpPooling2D(layers.Layer):
    """Log-sum-exp over the places of each channel, log(mean(exp(r x))) / r: between mean (r = 0) and maximum (r large).

    Pinheiro & Collobert, "From Image-level to Pixel-level Labeling with Convolutional Networks", CVPR 2015, eq. 2.
    """

    def __init__(self, sharpness: float = SHARPNESS, **options: Any) -> None:
        super().__init__(**options)
        self.sharpness = sharpness

    def call(self, features: KerasTensor) -> KerasTensor:
        """(N, h, w, C) in, (N, C) out."""
        places = features.shape[1] * features.shape[2]
        total = ops.logsumexp(self.sharpness * features, axis=(1, 2))
        return (total - ops.log(ops.cast(places, total.dtype))) / self.sharpness

    def get_config(self) -> dict[str, Any]:
        """The layer's parameters, for saving."""
        return {**super().get_config(), "sharpness": self.sharpness}


@keras.saving.register_keras_serializable("cxr")
class PcamDense(layers.Dense):
    """A dense head on the feature map, pooled per finding by its own probability at every place (PCAM).

    Ye et al., "Weakly Supervised Lesion Localization With Probabilistic-CAM Pooling", 2020, arXiv 2005.14480, eq. 2-4:
    with the logit s and its sigmoid p at every place, the features are averaged with weights p / sum(p) and classified
    by the same kernel and bias. As that is linear, the logit is sum(p s) / sum(p).
    """

    def call(self, features: KerasTensor) -> KerasTensor:
        """(N, h, w, C) in, probabilities (N, K) out."""
        logits = ops.matmul(features, self.kernel) + self.bias
        log_p = ops.log_sigmoid(logits)
        weights = ops.exp(log_p - ops.logsumexp(log_p, axis=(1, 2), keepdims=True))  # p / sum(p), however small every p
        return self.activation(ops.sum(weights * logits, axis=(1, 2)))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(N, h, w, C) in, (N, K) out."""
        return input_shape[0], self.units
