"""OpenVINO files of the lung network and prepared images in, whether bf16 finds the lungs that f32 finds out."""

from pathlib import Path

import numpy as np

from cxr.config.lungs import Cleaning
from cxr.prediction.bundle import SameLungs
from cxr.segmentation.agreement import dice_of
from cxr.segmentation.lungs import find_lungs

LEAST_DICE = 0.995
"""Mean over the images; two readers, or two networks, agree to 0.96."""
LEAST_SHARE = 0.5
"""Of the images must show lungs: elsewhere both would agree on nothing."""


def compare_lungs(path: Path, images: np.ndarray, cleaning: Cleaning, min_quality: float) -> SameLungs:
    """Find the lungs of (N, S, S) float32 grey 0..255 images in f32 and in bf16.

    bf16 is good where masks agree and no image becomes usable, or unusable, by it.
    """
    from cxr.engines.openvino_engine import OpenVinoEngine, knows_bf16

    if not knows_bf16():
        return _refused(len(images), "the CPU that exported it does not know bf16, so it could not be measured")
    given = images[..., None]
    whole, half = (
        [find_lungs(one[..., 0], cleaning) for one in OpenVinoEngine(path, batch=1, precision=precision).run(given)[0]]
        for precision in ("f32", "bf16")
    )
    usable = np.array(
        [[one.quality >= min_quality and bool(one.mask.any()) for one in found] for found in (whole, half)]
    )
    if usable[0].mean() < LEAST_SHARE:
        return _refused(len(images), f"only {int(usable[0].sum())} of {len(images)} prepared images show lungs to it")
    dice = float(np.mean([dice_of(a.mask, b.mask) for a, b in zip(whole, half, strict=True)]))
    if changed := int((usable[0] != usable[1]).sum()):
        return _refused(len(images), f"it changes for {changed} images whether they are usable", dice)
    if dice < LEAST_DICE:
        return _refused(len(images), f"its masks differ from those in f32; at least {LEAST_DICE} is asked", dice)
    return SameLungs(images=len(images), dice=dice, offered=True)


def _refused(images: int, reason: str, dice: float | None = None) -> SameLungs:
    return SameLungs(images=images, dice=dice, offered=False, reason=reason)
