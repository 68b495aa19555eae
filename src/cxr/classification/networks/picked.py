"""A classifier of many findings in, the same classifier of some of them out, in another order."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from keras import layers

from cxr.config.errors import UserError


def pick_findings(model: keras.Model, columns: Sequence[int], file: Path) -> keras.Model:
    """Return the network with these outputs only, by a last layer of its own: heatmaps are then of them too.

    Raises UserError, naming `file`, when the last layer is no dense layer `findings` with a sigmoid, of which outputs
    could be taken without changing the others.
    """
    last = next((layer for layer in model.layers if layer.name == "findings"), None)
    separate = type(last) is layers.Dense and last.activation is keras.activations.sigmoid
    if not separate or last.output is not model.output:
        raise UserError(
            f'{file}: ends in no dense layer "findings" with a sigmoid, so that some of its findings cannot be picked; '
            "set findings.set to all of them, in its order"
        )
    kernel, *bias = (np.take(weights, columns, axis=-1) for weights in last.get_weights())
    dense = layers.Dense(len(columns), activation="sigmoid", use_bias=bool(bias), name="findings")
    output = dense(last.input)
    dense.set_weights([kernel, *bias])
    return keras.Model(model.input, output, name=model.name)
