"""A batch of images and targets in, the batch mixed with itself in another order out."""

import numpy as np


def mix_pairs(
    images: np.ndarray, targets: np.ndarray, alpha: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Mix every image and its target with another of the batch (Zhang et al. 2018): a share from Beta(alpha, alpha).

    images, targets: (N, ...) float32. A target that is unknown (NaN) in either of a pair is unknown in its mix; others
    stay in the range of the two. Draws nothing and returns what it was given where `alpha` is 0.
    """
    if not alpha:
        return images, targets
    order = rng.permutation(len(images))
    share = rng.beta(alpha, alpha, len(images)).astype(np.float32)
    return _mix(images, order, share), _mix(targets, order, share)


def _mix(array: np.ndarray, order: np.ndarray, share: np.ndarray) -> np.ndarray:
    others = array[order]
    return others + share.reshape(-1, *[1] * (array.ndim - 1)) * (array - others)
