"""Arrays by the names PyTorch gives them in, the layers of one of our networks filled with them.

What differs between the two: PyTorch's kernels are (out, in, h, w), ours (h, w, in, out). Its image has one channel
scaled to [-1024, 1024], ours three equal ones in [-1, 1]: the first kernel is shared out among the three and enlarged
by 1024. Its batch normalisation adds 1e-5 to the variance; where ours adds something else, the variance is shifted.
"""

import re
from collections.abc import Mapping, Sequence

import keras
import numpy as np
from keras import layers

Arrays = Mapping[str, np.ndarray]

FULL_SCALE, CHANNELS, EPSILON = 1024, 3, 1e-5
FIRST, HEAD = {"conv1_conv", "conv1"}, "findings"
UNUSED = ("num_batches_tracked", "op_threshs")
"""Arrays that no layer needs: a counter of PyTorch's training, and torchxrayvision's operating points."""
DENSE = {"0_bn": "norm1", "1_conv": "conv1", "1_bn": "norm2", "2_conv": "conv2", "bn": "norm", "conv": "conv"}
OUTER = {"conv1_conv": "features.conv0", "conv1_bn": "features.norm0", "bn": "features.norm5", HEAD: "classifier"}


def fill_network(model: keras.Model, arrays: Arrays, outputs: Sequence[int], of: int) -> None:
    """Give every layer of a densenet121 or resnet50 its weights; `findings` those of the chosen outputs of so many.

    Raises ValueError when arrays are missing, left over or of other shapes.
    """
    name_of = {"densenet121": _densenet_name, "resnet50": _resnet_name}[model.name]
    if (there := len(arrays[f"{name_of(HEAD)}.weight"])) != of:
        raise ValueError(f"it has {there} outputs, not {of}")
    left = {name for name in arrays if name.rpartition(".")[2] not in UNUSED}
    for layer in model.layers:
        if layer.weights:
            name = name_of(layer.name)
            parts = _weights(layer, {key: arrays[f"{name}.{key}"] for key in _keys(layer)}, outputs)
            shapes = [tuple(part.shape) for part in parts], [tuple(weight.shape) for weight in layer.weights]
            if shapes[0] != shapes[1]:
                raise ValueError(f"{name} has the shapes {shapes[0]}, not {shapes[1]}")
            layer.set_weights(parts)
            left -= {f"{name}.{key}" for key in _keys(layer)}
    if left:
        raise ValueError(f"it also holds {', '.join(sorted(left)[:3])}")


def _keys(layer: layers.Layer) -> tuple[str, ...]:
    if isinstance(layer, layers.BatchNormalization):
        return "weight", "bias", "running_mean", "running_var"
    return ("weight", "bias") if isinstance(layer, layers.Dense) else ("weight",)


def _weights(layer: layers.Layer, of_torch: Arrays, outputs: Sequence[int]) -> list[np.ndarray]:
    if isinstance(layer, layers.BatchNormalization):
        *parts, variance = (array.astype(np.float64) for array in of_torch.values())
        return [*parts, variance + EPSILON - layer.epsilon]
    if isinstance(layer, layers.Dense):
        return [of_torch["weight"][list(outputs)].T, of_torch["bias"][list(outputs)]]
    kernel = of_torch["weight"].transpose(2, 3, 1, 0)
    return [np.repeat(kernel, CHANNELS, axis=2) * (FULL_SCALE / CHANNELS) if layer.name in FIRST else kernel]


def _densenet_name(layer: str) -> str:
    """`conv2_block1_0_bn` -> `features.denseblock1.denselayer1.norm1`; `pool2_conv` -> `features.transition1.conv`."""
    if layer in OUTER:
        return OUTER[layer]
    stage, block, part = re.fullmatch(r"(?:conv|pool)(\d)(?:_block(\d+))?_(.+)", layer).groups()
    if block:
        return f"features.denseblock{int(stage) - 1}.denselayer{block}.{DENSE[part]}"
    return f"features.transition{int(stage) - 1}.{DENSE[part]}"


def _resnet_name(layer: str) -> str:
    """`layer1_0_downsample_1` -> `layer1.0.downsample.1`."""
    return "fc" if layer == HEAD else layer.replace("_", ".")
