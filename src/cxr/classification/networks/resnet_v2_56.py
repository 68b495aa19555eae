"""ResNet with pre-activation in its CIFAR form (He et al., ECCV 2016, table 3), 9n + 2 = 56 layers deep.

As it was trained on ChestX-ray14 by the reference system resnet_v2_56: three stages of six blocks with 64, 128 and 256
filters after a stem of 16, which end on a map a quarter as wide as the image, four to eight times as fine as those of
other networks. Not taken over: its penalty of 1e-4 on the squares of the kernels, which belongs to training, and its
average over windows of 8 x 8 places, which a map of more places makes 16 windows of (one, at the 32 px of CIFAR).
"""

from keras import KerasTensor, layers

from cxr.classification.networks.normalization import normalize

BLOCKS = 6
STEM = 16
STAGES = ((16, 64, 1), (64, 128, 2), (128, 256, 2))
"""Filters inside the blocks of a stage and at their end, and the stride of its first block."""


def resnet_v2_56(rgb: KerasTensor, normalization: str, weights: None) -> KerasTensor:
    """Return the feature map (h/4, w/4, 256)."""
    x = _convolution(normalize(rgb, normalization), STEM, 3, 1, "stem")
    x = _activation(x, "stem")
    for stage, (inside, filters, stride) in enumerate(STAGES, 1):
        for block in range(1, BLOCKS + 1):
            x = _block(x, inside, filters, stride if block == 1 else 1, f"stage{stage}_block{block}")
    return _activation(x, "last")


def _block(x: KerasTensor, inside: int, filters: int, stride: int, name: str) -> KerasTensor:
    """1x1, 3x3, 1x1, each normalised and activated before it; the first of a stage has a convolution as shortcut."""
    before = x if name == "stage1_block1" else _activation(x, f"{name}_a")  # the stem is activated already
    branch = _convolution(before, inside, 1, stride, f"{name}_a")
    branch = _convolution(_activation(branch, f"{name}_b"), inside, 3, 1, f"{name}_b")
    branch = _convolution(_activation(branch, f"{name}_c"), filters, 1, 1, f"{name}_c")
    shortcut = _convolution(x, filters, 1, stride, f"{name}_shortcut") if name.endswith("block1") else x
    return layers.Add(name=f"{name}_add")([shortcut, branch])


def _convolution(x: KerasTensor, filters: int, window: int, stride: int, name: str) -> KerasTensor:
    options = {"strides": stride, "padding": "same", "kernel_initializer": "he_normal"}
    return layers.Conv2D(filters, window, **options, name=f"{name}_conv")(x)


def _activation(x: KerasTensor, name: str) -> KerasTensor:
    return layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_norm")(x))
