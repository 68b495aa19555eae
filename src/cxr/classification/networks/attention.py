"""A feature map in, the same map with its channels or places weighted by what the map holds out.

Every weight is a layer of its own with a name, so that it can be looked at: (1, 1, C) of channels, (h, w, 1) of places.
"""

import keras
from keras import KerasTensor, layers, ops


def squeeze_excitation(x: KerasTensor, ratio: int, name: str) -> KerasTensor:
    """Return `x` (h, w, C) times the layer `<name>_weights` (squeeze and excitation; Hu et al., CVPR 2018)."""
    channels = x.shape[-1]
    weights = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    weights = layers.Dense(max(channels // ratio, 1), activation="relu", name=f"{name}_reduce")(weights)
    weights = layers.Dense(channels, activation="sigmoid", name=f"{name}_weights")(weights)
    return layers.Multiply(name=name)([x, weights])


def block_attention(x: KerasTensor, ratio: int, window: int, name: str) -> KerasTensor:
    """Return `x` (h, w, C) after CBAM (Woo et al., ECCV 2018): channel attention (eq. 2), then spatial (eq. 3).

    The weights are the layers `<name>_channel_attention` (1, 1, C) and `<name>_spatial_attention` (h, w, 1).
    """
    return _spatial_attention(_channel_attention(x, ratio, name), window, name)


def _channel_attention(x: KerasTensor, ratio: int, name: str) -> KerasTensor:
    """One perceptron for the mean and the maximum of every channel: as two places, over which it is summed."""
    channels, init = x.shape[-1], "he_normal"
    mean = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_channel_mean")(x)
    highest = layers.GlobalMaxPooling2D(keepdims=True, name=f"{name}_channel_max")(x)
    both = layers.Concatenate(axis=1, name=f"{name}_channel_both")([mean, highest])  # (2, 1, C)
    both = layers.Dense(channels // ratio, "relu", kernel_initializer=init, name=f"{name}_channel_reduce")(both)
    both = layers.Dense(channels, kernel_initializer=init, name=f"{name}_channel_expand")(both)
    halved = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_channel_half")(both)
    total = layers.Rescaling(2.0, name=f"{name}_channel_sum")(halved)
    weights = layers.Activation("sigmoid", name=f"{name}_channel_attention")(total)
    return layers.Multiply(name=f"{name}_by_channel")([x, weights])


def _spatial_attention(x: KerasTensor, window: int, name: str) -> KerasTensor:
    both = ChannelStatistics(name=f"{name}_spatial_both")(x)
    options = {"padding": "same", "use_bias": False, "kernel_initializer": "he_normal", "activation": "sigmoid"}
    weights = layers.Conv2D(1, window, **options, name=f"{name}_spatial_attention")(both)
    return layers.Multiply(name=f"{name}_by_place")([x, weights])


@keras.saving.register_keras_serializable("cxr")
class ChannelStatistics(layers.Layer):
    """Mean and maximum over the channels at every place: (h, w, C) in, (h, w, 2) out."""

    def call(self, x: KerasTensor) -> KerasTensor:
        """A map in, its two statistics out."""
        return ops.concatenate([ops.mean(x, axis=-1, keepdims=True), ops.max(x, axis=-1, keepdims=True)], axis=-1)
