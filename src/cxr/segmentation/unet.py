"""The lung network: a plain U-Net (Ronneberger et al., MICCAI 2015) with batch normalisation."""

import keras
from keras import layers


def build_unet(
    image_px: int, width: int, depth: int, width_max: int | None = None, first_stride: int = 1
) -> keras.Model:
    """Return a U-Net: input `image` (image_px, image_px, 1) grey 0..255, output `mask` of the same shape in [0, 1].

    width: filters of the first level, doubled at each of the `depth` levels below up to `width_max`. first_stride: 2
    halves the image before the first level and enlarges the mask after the last. image_px: a multiple of
    first_stride * 2**depth.
    """
    filters = [min(width * 2**level, width_max or width * 2**level) for level in range(depth + 1)]
    image = keras.Input((image_px, image_px, 1), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescale")(image)
    if first_stride > 1:
        x = _convolution(x, filters[0], "halve", size=2 * first_stride, stride=first_stride)
    skips = []
    for level in range(depth):
        x = two_convolutions(x, filters[level], f"down{level}")
        skips.append(x)
        x = layers.MaxPooling2D(name=f"pool{level}")(x)
    x = two_convolutions(x, filters[depth], "bottom")
    for level in reversed(range(depth)):
        x = layers.UpSampling2D(interpolation="bilinear", name=f"enlarge{level}")(x)
        x = layers.Concatenate(name=f"join{level}")([x, skips[level]])
        x = two_convolutions(x, filters[level], f"up{level}")
    x = layers.Conv2D(1, 1, name="logit")(x)
    if first_stride > 1:
        x = layers.UpSampling2D(first_stride, interpolation="bilinear", name="enlarge")(x)
    return keras.Model(image, layers.Activation("sigmoid", name="mask")(x), name="unet")


def two_convolutions(x: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
    """Return (H, W, filters): twice convolution, batch normalisation and ReLU."""
    for half in "ab":
        x = _convolution(x, filters, f"{name}{half}")
    return x


def _convolution(x: keras.KerasTensor, filters: int, name: str, size: int = 3, stride: int = 1) -> keras.KerasTensor:
    x = layers.Conv2D(filters, size, strides=stride, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
