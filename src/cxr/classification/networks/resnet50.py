"""ResNet-50 (He et al., CVPR 2016) with the stride in its 3 x 3 convolutions, as PyTorch's chest X-ray weights have it.

keras.applications.ResNet50 has the stride in the 1 x 1 convolutions before them, and biases: those weights do not fit
it, and its ImageNet weights do not fit this. Layers are named as in torchvision, with _ for the dots.
"""

import keras
from keras import layers

from cxr.classification.networks.normalization import normalize

BLOCKS = (3, 4, 6, 3)
"""Of each stage; its first block halves the map, but for the first stage's."""
WIDER = 4
"""How many times as many channels leave a block as lie inside it."""


def resnet50(rgb: keras.KerasTensor, normalization: str, weights: str | None) -> keras.KerasTensor:
    """Return the feature map (h/32, w/32, 2048); Keras has no ImageNet weights of it."""
    x = _convolve(normalize(rgb, normalization), 64, 7, 2, "conv1")
    x = layers.ReLU(name="relu")(_normed(x, "bn1"))
    x = layers.MaxPooling2D(3, 2, name="maxpool")(layers.ZeroPadding2D(1, name="maxpool_pad")(x))
    for stage, blocks in enumerate(BLOCKS, 1):
        for block in range(blocks):
            x = _block(x, 64 * 2 ** (stage - 1), 2 if stage > 1 and block == 0 else 1, f"layer{stage}_{block}_")
    return x


def _block(x: keras.KerasTensor, channels: int, stride: int, name: str) -> keras.KerasTensor:
    y = layers.ReLU(name=f"{name}relu1")(_normed(_convolve(x, channels, 1, 1, f"{name}conv1"), f"{name}bn1"))
    y = layers.ReLU(name=f"{name}relu2")(_normed(_convolve(y, channels, 3, stride, f"{name}conv2"), f"{name}bn2"))
    y = _normed(_convolve(y, WIDER * channels, 1, 1, f"{name}conv3"), f"{name}bn3")
    if x.shape[-1] != WIDER * channels:
        x = _normed(_convolve(x, WIDER * channels, 1, stride, f"{name}downsample_0"), f"{name}downsample_1")
    return layers.ReLU(name=f"{name}relu")(layers.Add(name=f"{name}add")([x, y]))


def _convolve(x: keras.KerasTensor, channels: int, kernel: int, stride: int, name: str) -> keras.KerasTensor:
    """A convolution with as much padding on either side; Keras' "same" pads strided ones on one side only."""
    if kernel > 1:
        x = layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
    return layers.Conv2D(channels, kernel, stride, use_bias=False, kernel_initializer="he_normal", name=name)(x)


def _normed(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.BatchNormalization(epsilon=1e-5, name=name)(x)
