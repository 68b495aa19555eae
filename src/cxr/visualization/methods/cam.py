"""CAM: a classifier with a linear head in, maps of all findings out, at the price of one forward pass.

Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016, eq. 2: features @ w[:, k]. That is
Grad-CAM's closed form before its ReLU. Here, as in the paper's pictures, there is none: every map is drawn out from its
minimum to its maximum, so that what speaks least for a finding, or most against it, is 0. A map is therefore hot
somewhere even where nothing speaks for the finding, and no place of a picture is blank for being neutral.
"""

import keras

from cxr.visualization.heat import stretch_maps
from cxr.visualization.methods.grad_cam import with_maps
from cxr.visualization.methods.head import need_linear_head
from cxr.visualization.methods.map_maker import Asked, MapMaker, run_closed
from cxr.visualization.places import places_of


def cam(model: keras.Model, asked: Asked) -> MapMaker:
    """Return the class activation maps (N, h, w, M); UserError for a network without a linear head."""
    need_linear_head(model, "cam")
    return MapMaker(places_of(model), run_closed(asked.open_engine(with_maps(model, asked.target)), stretch_maps))
