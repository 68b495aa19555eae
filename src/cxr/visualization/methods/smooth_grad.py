"""SmoothGrad: a network in, maps of all findings as fine as its image out, by the gradients of noisy copies.

Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017, arXiv 1706.03825: the gradient of a finding's logit
with respect to the image, averaged over copies with normal noise whose deviation is 10 to 20 % of the image's range.
The map is the size of that average. The noise depends on the seed and the image and on nothing else, so an image has
the same map in every batch. (The paper's pictures also cap the hottest hundredth of the pixels; nothing is capped
here.)
"""

import zlib

import keras
import numpy as np

from cxr.visualization.heat import normalize_maps
from cxr.visualization.methods.gradients import compile_gradients
from cxr.visualization.methods.guided_grad_cam import image_gradient
from cxr.visualization.methods.map_maker import Asked, MapMaker
from cxr.visualization.places import pixels_of

SAMPLES, NOISE = 25, 0.15
"""Copies of an image, and the deviation of their noise as a share of the image's range."""


def smooth_grad(model: keras.Model, asked: Asked) -> MapMaker:
    """Return the maps (N, S, S, M) of a network whose logits have gradients."""
    gradients = compile_gradients(model, asked.target, image_gradient, "smooth_grad", of_image=True, batch=SAMPLES + 1)

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        probabilities, maps = [], []
        for image in images:
            found = gradients(np.concatenate([image[None], noisy_copies(image, asked.seed)]))
            probabilities.append(found[0][0])
            maps.append(np.abs(found[1][1:].mean(axis=0)))
        return np.stack(probabilities), normalize_maps(np.stack(maps))

    return MapMaker(pixels_of(model), run)


def noisy_copies(image: np.ndarray, seed: int) -> np.ndarray:
    """Return (SAMPLES, S, S, 1) float32 copies of an (S, S, 1) float32 image."""
    random = np.random.default_rng([seed, zlib.crc32(np.ascontiguousarray(image, np.float32).tobytes())])
    noise = random.standard_normal((SAMPLES, *image.shape), np.float32)
    return image + noise * np.float32(NOISE * np.ptp(image))
