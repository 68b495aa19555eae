"""Guided Grad-CAM: a network of ReLUs in, maps of all findings as fine as its image out, by gradient.

Selvaraju et al., ICCV 2017, section 3.2: guided backpropagation of a finding's logit to the image, times the finding's
Grad-CAM drawn over the image. Of the guided gradient the size counts here, as in a saliency map: a finding may make an
X-ray brighter or darker.
"""

import keras
import numpy as np
from keras import ops

from cxr.visualization.heat import normalize_maps
from cxr.visualization.methods.grad_cam import grad_cam
from cxr.visualization.methods.gradients import compile_gradients, guard_relus
from cxr.visualization.methods.map_maker import Asked, MapMaker
from cxr.visualization.places import pixels_of


def guided_grad_cam(model: keras.Model, asked: Asked) -> MapMaker:
    """Return the maps (N, S, S, M); UserError for networks with other activations than ReLU."""
    guarded = guard_relus(model, "guided_grad_cam")
    guided = compile_gradients(guarded, asked.target, image_gradient, "guided_grad_cam", of_image=True)
    coarse, image_px = grad_cam(model, asked), model.input_shape[1]

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        probabilities, cams = coarse.run(images)
        maps = np.abs(guided(images)[1])
        for row, number in np.ndindex(len(maps), maps.shape[-1]):
            maps[row, :, :, number] *= coarse.places.draw(cams[row, :, :, number], image_px)
        return probabilities, normalize_maps(maps)

    return MapMaker(pixels_of(model), run)


def image_gradient(_: keras.KerasTensor, gradients: keras.KerasTensor) -> keras.KerasTensor:
    """Images and gradients (N, S, S, 1) in, the gradients (N, S, S) out."""
    return ops.squeeze(gradients, axis=-1)
