"""An answer and the bundle that gave it in, its two DICOM objects out, or why there are none."""

from pathlib import Path
from typing import Any

from cxr.images.containers import ImageError
from cxr.images.dicom_tags import HEAD_BYTES, is_dicom, parse_dicom
from cxr.prediction.answers import Answer, thresholds_of
from cxr.prediction.boxes import boxes_of
from cxr.prediction.bundle import Bundle
from cxr.prediction.dicom.answers import BundleName, FindingAnswer, ImageAnswers
from cxr.prediction.dicom.drawn import draw_answer, shown_findings
from cxr.prediction.dicom.header import UnfiledError
from cxr.prediction.dicom.written import write_dicom
from cxr.prediction.results import DICOM

NO_DICOM = "is no DICOM file, so there is no study to file in"


def write_objects(bundle: Bundle, folder: Path, place: int, answer: Answer) -> dict[str, Any]:
    """Write both objects below the folder; return what a line of predictions.jsonl says of them.

    That is `dicom`, the names of the files, and `dicom_reason`, why there are none, else None. place: of the image
    among all, which makes names differ. Raises OSError where the files cannot be written.
    """
    if answer.probabilities is None:
        return {DICOM: [], "dicom_reason": answer.reason}
    try:
        with answer.item.path.open("rb") as stream:
            if not is_dicom(stream.read(HEAD_BYTES)):
                return {DICOM: [], "dicom_reason": NO_DICOM}
            stream.seek(0)
            source = parse_dicom(stream, pixels=False)
        picture = draw_answer(bundle, answer, shown_findings(answer))
        paths = write_dicom(source, picture, say_answer(bundle, answer), folder / DICOM / f"{place:06d}")
    except (ImageError, UnfiledError) as error:
        return {DICOM: [], "dicom_reason": str(error)}
    return {DICOM: [path.relative_to(folder).as_posix() for path in paths], "dicom_reason": None}


def say_answer(bundle: Bundle, answer: Answer) -> ImageAnswers:
    """Return what both objects say of an answer that has probabilities."""
    version = str(bundle.record.run.get("versions", {}).get("cxr", ""))
    findings = []
    for k, (name, cut) in enumerate(zip(bundle.findings, thresholds_of(bundle), strict=True)):
        uncalled = answer.calls[k] is None
        findings.append(
            FindingAnswer(
                name,
                float(answer.probabilities[k]),
                None if uncalled else float(cut),
                None if uncalled else bool(answer.calls[k]),
                tuple(tuple(box[:4]) for box in boxes_of(bundle, answer, k)),
            )
        )
    name = BundleName(bundle.record.group, version, bundle.mark)
    return ImageAnswers(name, tuple(findings), tuple(_notes(bundle, answer)))


def _notes(bundle: Bundle, answer: Answer) -> list[str]:
    """What a reader of the numbers and of the picture has to know."""
    shown = ", ".join(bundle.findings[k].replace("_", " ") for k in shown_findings(answer))
    notes = [f"Heat: {shown}. Rectangle: what the networks saw."]
    if bundle.record.synthetic:
        notes.append("The networks were trained on synthetic images only: their answers mean nothing for patients.")
    if bundle.record.uncalibrated:
        notes.append("The probabilities are not calibrated, and there are no calls.")
    if answer.reason:
        notes.append(f"Read as a whole image: {answer.reason}.")
    if answer.crop.lies:
        notes.append(f"The image lies {answer.crop.lies} in its file; it was set upright to be read.")
    return notes
