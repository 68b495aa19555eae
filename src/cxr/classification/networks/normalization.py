"""An RGB tensor 0..255 in, the normalised tensor a network learns on out; part of the graph, so models carry it."""

import keras
from keras import layers

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def normalize(rgb: keras.KerasTensor, how: str) -> keras.KerasTensor:
    """Return `rgb` (H, W, 3) 0..255 normalised.

    imagenet: to 0..1, then mean and deviation of ImageNet per channel. minus_one_to_one, zero_to_one: to that range.
    per_image: zero mean and unit deviation of each image.
    """
    if how == "imagenet":
        scale = [1 / (255 * std) for std in IMAGENET_STD]
        offset = [-mean / std for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)]
        return layers.Rescaling(scale, offset, name="normalize")(rgb)
    if how == "minus_one_to_one":
        return layers.Rescaling(1 / 127.5, -1, name="normalize")(rgb)
    if how == "zero_to_one":
        return layers.Rescaling(1 / 255, name="normalize")(rgb)
    return layers.LayerNormalization(axis=(1, 2, 3), center=False, scale=False, epsilon=1e-3, name="normalize")(rgb)
