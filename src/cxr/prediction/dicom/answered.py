"""An answer and the bundle that gave it in, its two DICOM objects out, or why there are none."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cxr.images.containers import ImageError
from cxr.images.dicom_tags import HEAD_BYTES, is_dicom, parse_dicom
from cxr.prediction.answers import Answer, thresholds_of
from cxr.prediction.bundle import Bundle
from cxr.prediction.dicom.answers import BundleName, FindingAnswer, ImageAnswers
from cxr.prediction.dicom.header import UnfiledError
from cxr.prediction.dicom.written import write_dicom

BoxSides = tuple[float, float, float, float]
NO_DICOM = "is no DICOM file, so there is no study to file in"


def file_answer(
    bundle: Bundle,
    answer: Answer,
    overlay: np.ndarray,
    boxes: Mapping[str, Sequence[BoxSides]],
    stem: Path,
    turned: bool = False,
) -> str:
    """Write `<stem>-overlay.dcm` and `<stem>-findings.dcm`; return "", or why they were not written.

    overlay: (H, W, 3) uint8; turned: whether it was set upright and so lies otherwise than the file. boxes: finding ->
    sides in pixels of the file's image as it is stored. Raises OSError where the files cannot be written.
    """
    if answer.probabilities is None:
        return answer.reason
    try:
        with answer.item.path.open("rb") as stream:
            if not is_dicom(stream.read(HEAD_BYTES)):
                return NO_DICOM
            stream.seek(0)
            source = parse_dicom(stream, pixels=False)
        write_dicom(source, overlay, image_answers(bundle, answer, boxes), stem, turned=turned)
    except (ImageError, UnfiledError) as error:
        return str(error)
    return ""


def image_answers(bundle: Bundle, answer: Answer, boxes: Mapping[str, Sequence[BoxSides]]) -> ImageAnswers:
    """Return what both objects say of an answer that has probabilities."""
    version = str(bundle.record.run.get("versions", {}).get("cxr", ""))
    findings = tuple(
        FindingAnswer(name, float(probability), None if call is None else float(cut), call, tuple(boxes.get(name, ())))
        for name, probability, cut, call in zip(
            bundle.findings, answer.probabilities, thresholds_of(bundle), answer.calls, strict=True
        )
    )
    return ImageAnswers(BundleName(bundle.record.group, version, bundle.mark), findings, tuple(_notes(bundle, answer)))


def _notes(bundle: Bundle, answer: Answer) -> list[str]:
    """What a reader of the numbers has to know."""
    notes = []
    if bundle.record.synthetic:
        notes.append("The networks were trained on synthetic images only: their answers mean nothing for patients.")
    if bundle.record.uncalibrated:
        notes.append("The probabilities are not calibrated, and there are no calls.")
    if answer.reason:
        notes.append(f"Read as a whole image: {answer.reason}.")
    if answer.crop is not None and answer.crop.lies:
        notes.append(f"The image lies {answer.crop.lies} in its file; it was set upright to be read.")
    return notes
