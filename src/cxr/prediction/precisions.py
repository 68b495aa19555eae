"""OpenVINO files of a group and its validation images in, whether bf16 and int8 are as good as f32 out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from cxr.evaluation.auroc import auroc
from cxr.prediction.bundle import Offered, Precision

LARGEST_CHANGE = 0.002
"""Of the mean AUROC on the validation part."""
CHUNK_IMAGES = 256
CALIBRATION_IMAGES = 300
"""From which 8-bit files take the ranges of values between the layers."""


@dataclass(frozen=True)
class Validation:
    """The validation part. labels: (N, K) float64 of 1, 0 and NaN. read: (image_px, start, stop) -> (n, S, S) float32
    grey 0..255 of some of its images."""

    labels: np.ndarray
    read: Callable[[int, int, int], np.ndarray]


Networks = Sequence[tuple[Path, int]]
"""OpenVINO's .xml and the side of its input, of each member."""


def offer_precisions(networks: Networks, validation: Validation) -> list[Offered]:
    """Write 8-bit files beside the others, where NNCF is there, and measure both; keep them where they are good."""
    quantised = _quantise(networks, validation) if find_spec("nncf") and len(validation.labels) else None
    found = measure_precisions(networks, validation, quantised)
    if not any(one.precision == "int8" and one.offered for one in found):
        for path, _ in quantised or []:
            for file in (path, path.with_suffix(".bin")):
                file.unlink()
    return found


def measure_precisions(networks: Networks, validation: Validation, quantised: Networks | None) -> list[Offered]:
    """Measure their mean in bf16 and int8 beside f32. quantised: their 8-bit files, None where there are none."""
    from cxr.engines.openvino_engine import knows_bf16

    no_bf16 = None if knows_bf16() else "the CPU that exported it does not know bf16, so it could not be measured"
    no_int8 = "there was no NNCF (requirements-int8.txt) to make its files" if quantised is None else None
    found: list[Offered] = []
    whole = None
    for precision, reason, files in (("bf16", no_bf16, networks), ("int8", no_int8, quantised)):
        if not len(validation.labels):
            reason = "there are no validation images to measure it on"
        if reason is None:
            whole = _mean_auroc(networks, "f32", validation) if whole is None else whole
            found.append(_compare(precision, whole, _mean_auroc(files, precision, validation)))
        else:
            found.append(_refused(precision, reason))
    return found


def _quantise(networks: Networks, validation: Validation) -> Networks:
    """Write 8-bit files of the members beside the others, their ranges taken of validation images; return them."""
    from cxr.engines.openvino_engine import quantise_openvino

    made = []
    for path, image_px in networks:
        images = validation.read(image_px, 0, min(len(validation.labels), CALIBRATION_IMAGES))
        made.append((path.with_name("int8.xml"), image_px))
        quantise_openvino(path, made[-1][0], images[..., None])
    return made


def _compare(precision: Precision, whole: float, score: float) -> Offered:
    if not np.isfinite([whole, score]).all():
        return _refused(precision, "the AUROC cannot be measured on the validation part")
    change = abs(score - whole)
    reason = f"it changes the mean AUROC on validation by {change:.4f}; less than {LARGEST_CHANGE} is allowed"
    good = bool(change < LARGEST_CHANGE)
    return Offered(precision=precision, auroc_f32=whole, auroc=score, offered=good, reason=None if good else reason)


def _refused(precision: Precision, reason: str) -> Offered:
    return Offered(precision=precision, auroc_f32=None, auroc=None, offered=False, reason=reason)


def _mean_auroc(networks: Networks, precision: str, validation: Validation) -> float:
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
