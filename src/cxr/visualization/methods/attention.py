"""Attention: a network with spatial attention (CBAM) in, the map of its last block of it out, one for all findings.

Woo et al., ECCV 2018, eq. 3: the network itself weights every place by a sigmoid of what all channels hold there. The
weights know no finding: the map of an image is the same for all of them. Each is drawn out from its minimum to its
maximum, as a network may attend everywhere a little.
"""

import keras

from cxr.config.errors import UserError
from cxr.visualization.heat import stretch_maps
from cxr.visualization.methods.map_maker import Asked, MapMaker, run_closed
from cxr.visualization.places import places_of

ENDING = "_spatial_attention"


def attention(model: keras.Model, asked: Asked) -> MapMaker:
    """Return the maps (N, h, w, 1) of the last spatial attention; UserError for a network that has none."""
    names = [layer.name for layer in model.layers if layer.name.endswith(ENDING)]
    if not names:
        raise UserError(
            f'heatmaps.method: "attention" needs a network with spatial attention, such as attention_xception; model '
            f"{model.name} has none"
        )
    maps = model.get_layer(names[-1]).output
    network = keras.Model(model.input, [model.output, maps], name=f"{model.name}_with_attention")
    return MapMaker(places_of(model, names[-1]), run_closed(asked.open_engine(network), stretch_maps))
