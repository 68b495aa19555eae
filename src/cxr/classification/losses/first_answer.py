"""A loss and training targets in, the answer to begin with out: the one that costs least without seeing an image.

A head that begins at even odds has to learn first how rare every finding is. Where its network is faster than its bias,
that is written into the feature map: normal lung speaks against a finding, the finding itself says nothing, and
heatmaps show what is hot in everybody. With `training.prior_bias` it begins at the log odds (Lin et al., ICCV 2017,
section 3.3).
"""

import keras
import numpy as np
from keras import ops

from cxr.classification.losses.finding_loss import FindingLoss
from cxr.classification.losses.softmax import MaskedCce

LOGITS = np.linspace(-8, 8, 1601)
"""Those that are tried; two of them are 0.01 apart."""
PRIOR_IMAGES = 0.5
"""Of each kind are added to the images, so that a finding of none or of all has log odds."""


def first_logits(loss: keras.losses.Loss, targets: np.ndarray) -> np.ndarray:
    """Return the logits (K,) of one answer to all images that costs least; zeros for a loss that knows an order alone.

    targets: (m, K) in [0, 1] or NaN, of the images as they are shown.
    """
    known = np.isfinite(targets)  # what is neither stops the training, which names its image
    with_it = np.where(known, targets, 0).sum(axis=0, dtype=np.float64) + PRIOR_IMAGES
    if isinstance(loss, MaskedCce):
        logits = np.log(with_it)
        return logits - logits.mean()
    if not isinstance(loss, FindingLoss):
        return np.zeros(targets.shape[1])
    without = known.sum(axis=0) - with_it + 2 * PRIOR_IMAGES
    smoothed = loss.label_smoothing / 2 * (with_it + without)
    with_it, without = (count * (1 - loss.label_smoothing) + smoothed for count in (with_it, without))
    p = np.broadcast_to(1 / (1 + np.exp(-LOGITS[:, None])), (len(LOGITS), targets.shape[1]))
    present, absent = (ops.convert_to_numpy(cost(p.astype(np.float32))) for cost in (loss.of_present, loss.of_absent))
    return LOGITS[np.argmin(with_it * present + without * absent, axis=0)]
