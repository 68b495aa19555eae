"""`heatmaps.method` in, the maps of a network out. To add one: a file here, a line below, a name in the config."""

from collections.abc import Callable

import keras

from cxr.visualization.methods.attention import attention
from cxr.visualization.methods.cam import cam
from cxr.visualization.methods.grad_cam import grad_cam
from cxr.visualization.methods.grad_cam_plus_plus import grad_cam_plus_plus
from cxr.visualization.methods.guided_grad_cam import guided_grad_cam
from cxr.visualization.methods.map_maker import Asked, MapMaker
from cxr.visualization.methods.smooth_grad import smooth_grad

METHODS: dict[str, Callable[[keras.Model, Asked], MapMaker]] = {
    "grad_cam": grad_cam,
    "grad_cam_plus_plus": grad_cam_plus_plus,
    "guided_grad_cam": guided_grad_cam,
    "cam": cam,
    "attention": attention,
    "smooth_grad": smooth_grad,
}
"""Each raises UserError for a network that it cannot explain."""
