"""A DICOM image, its overlay and its answers in, two DICOM files that file into the image's study out."""

import warnings
from datetime import datetime
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from cxr.config.atomic import written_atomically
from cxr.prediction.dicom.answers import ImageAnswers
from cxr.prediction.dicom.capture import build_capture
from cxr.prediction.dicom.report import build_report


def write_dicom(
    source: Dataset,
    overlay: np.ndarray,
    answers: ImageAnswers,
    stem: Path,
    when: datetime | None = None,
    turned: bool = False,
) -> tuple[Path, Path]:
    """Write `<stem>-overlay.dcm` (Secondary Capture) and `<stem>-findings.dcm` (Comprehensive SR); return both paths.

    source: the image's header; its pixels are not looked at. overlay: (H, W, 3) uint8. when: the moment of creation, by
    default now, in local time unless the source names a time zone. turned: whether the overlay lies otherwise than the
    source, as one that was set upright. The same input gives the same UIDs, and with the same `when` the same bytes.
    Raises UnfiledError, before anything is written, where the source lacks a UID that filing needs.
    """
    when = (when or datetime.now()).astimezone()
    capture = build_capture(source, overlay, answers, when, turned)
    report = build_report(source, answers, when)
    paths = []
    for kind, data in (("overlay", capture), ("findings", report)):
        path = stem.with_name(f"{stem.name}-{kind}.dcm")
        with written_atomically(path) as part, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the source's names and numbers, copied even where not allowed
            data.save_as(part, enforce_file_format=True)
        paths.append(path)
    return paths[0], paths[1]
