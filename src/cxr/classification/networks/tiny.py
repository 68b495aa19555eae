"""tiny: four small convolutions, for tests and for trying the chain; not for results."""

from keras import KerasTensor, layers

from cxr.classification.networks.normalization import normalize


def tiny(rgb: KerasTensor, normalization: str, weights: None) -> KerasTensor:
    """Return the feature map (h/8, w/8, 64)."""
    x = normalize(rgb, normalization)
    for block, (filters, stride) in enumerate(((16, 2), (32, 2), (48, 2), (64, 1))):
        x = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False, name=f"conv{block}")(x)
        x = layers.BatchNormalization(name=f"norm{block}")(x)
        x = layers.ReLU(name=f"relu{block}")(x)
    return x
