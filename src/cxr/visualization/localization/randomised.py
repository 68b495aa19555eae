"""The folders of finished members in, folders of the same networks with random weights out.

The sanity check of Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018, section 3: where a heatmap of a
network that has learnt nothing points as well, the network did not make it point.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import keras
from keras import layers

from cxr.classification.runs import PREDICTIONS, RUN
from cxr.engines.saved import load_model

MODEL = "model.keras"


def randomise_members(folders: Sequence[Path], into: Path, seed: int) -> list[Path]:
    """Write a copy of every member, all of its weights drawn anew, below `into`; return their folders."""
    made = []
    for number, folder in enumerate(folders):
        target = into / f"{number}-{folder.name}"
        target.mkdir(parents=True)
        for kept in filter(Path.is_file, (folder / RUN, folder / PREDICTIONS)):  # they say which member is the best
            shutil.copy(kept, target)
        randomise_model(load_model(folder / MODEL), seed + crc32(folder.name.encode())).save(target / MODEL)
        made.append(target)
    return made


def randomise_model(model: keras.Model, seed: int) -> keras.Model:
    """Return the same graph with weights from each layer's own initialisers; only the mean and scale of grey stay."""
    keras.utils.set_random_seed(seed % 2**32)
    fresh = keras.models.clone_model(model)
    for layer in fresh.layers:
        source = model.get_layer(layer.name)
        if isinstance(layer, layers.Normalization):
            layer.set_weights(source.get_weights())
    return fresh
