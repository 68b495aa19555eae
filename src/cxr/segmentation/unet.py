"""The lung network: a plain U-Net (Ronneberger et al., MICCAI 2015) with batch normalisation."""

import keras
from keras import layers


def build_unet(image_px: int, width: int, depth: int) -> keras.Model:
    """Return a U-Net: input `image` (image_px, image_px, 1) grey 0..255, output `mask` of the same shape in [0, 1].

    width: filters of the first level, doubled at each of the `depth` levels below. image_px: a multiple of 2**depth.
    """
    image = keras.Input((image_px, image_px, 1), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescale")(image)
    skips = []
    for level in range(depth):
        x = _two_convolutions(x, width * 2**level, f"down{level}")
        skips.append(x)
        x = layers.MaxPooling2D(name=f"pool{level}")(x)
    x = _two_convolutions(x, width * 2**depth, "bottom")
    for level in reversed(range(depth)):
        x = layers.UpSampling2D(interpolation="bilinear", name=f"enlarge{level}")(x)
        x = layers.Concatenate(name=f"join{level}")([x, skips[level]])
        x = _two_convolutions(x, width * 2**level, f"up{level}")
    mask = layers.Conv2D(1, 1, activation="sigmoid", name="mask")(x)
    return keras.Model(image, mask, name="unet")


def _two_convolutions(x: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
    for half in "ab":
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}{half}_conv")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"{name}{half}_norm")(x)
        x = layers.ReLU(name=f"{name}{half}_relu")(x)
    return x
