"""OpenVINO files of a group and its validation images in, whether bf16 is as good as f32 out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr.evaluation.auroc import auroc
from cxr.prediction.bundle import Offered

LARGEST_CHANGE = 0.002
"""Of the mean AUROC on the validation part."""
CHUNK_IMAGES = 256


@dataclass(frozen=True)
class Validation:
    """The validation part. labels: (N, K) float64 of 1, 0 and NaN. read: (image_px, start, stop) -> (n, S, S) float32
    grey 0..255 of some of its images."""

    labels: np.ndarray
    read: Callable[[int, int, int], np.ndarray]


def measure_bf16(networks: Sequence[tuple[Path, int]], validation: Validation) -> Offered:
    """Measure the members' mean in both precisions. networks: OpenVINO's .xml and the side of its input, of each."""
    from cxr.engines.openvino_engine import knows_bf16

    if not knows_bf16():
        return _refused("the CPU that exported it does not know bf16, so it could not be measured")
    if not len(validation.labels):
        return _refused("there are no validation images to measure it on")
    scores = {precision: _mean_auroc(networks, precision, validation) for precision in ("f32", "bf16")}
    if not np.isfinite(list(scores.values())).all():
        return _refused("the AUROC cannot be measured on the validation part")
    change = abs(scores["bf16"] - scores["f32"])
    reason = f"it changes the mean AUROC on validation by {change:.4f}; less than {LARGEST_CHANGE} is allowed"
    good = bool(change < LARGEST_CHANGE)
    return Offered(
        precision="bf16",
        auroc_f32=scores["f32"],
        auroc=scores["bf16"],
        offered=good,
        reason=None if good else reason,
    )


def _refused(reason: str) -> Offered:
    return Offered(precision="bf16", auroc_f32=None, auroc=None, offered=False, reason=reason)


def _mean_auroc(networks: Sequence[tuple[Path, int]], precision: str, validation: Validation) -> float:
    from cxr.engines.openvino_engine import OpenVinoEngine

    count, total = len(validation.labels), 0.0
    for path, image_px in networks:
        engine = OpenVinoEngine(path, batch=1, precision=precision)
        parts = []
        for start in range(0, count, CHUNK_IMAGES):
            images = validation.read(image_px, start, min(start + CHUNK_IMAGES, count))
            parts.append(engine.run(images[..., None])[0].astype(np.float64))
        total = total + np.concatenate(parts)
    areas = auroc(validation.labels, total / len(networks))
    return float(np.mean(areas[np.isfinite(areas)])) if np.isfinite(areas).any() else float("nan")
