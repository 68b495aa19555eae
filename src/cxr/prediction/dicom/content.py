"""The answers and a reference to the source image in, the content tree of a measurement report out (PS3.16, TID 1500).

One measurement group (TID 1501) per finding, with its probability, threshold and call, and one (TID 1410) per box.
"""

from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from cxr import __version__
from cxr.prediction.dicom.answers import MARKING, FindingAnswer, ImageAnswers
from cxr.prediction.dicom.codes import Code, code_item, finding_code, own_code

REPORT = Code("126000", "DCM", "Imaging Measurement Report")
LANGUAGE, ENGLISH = Code("121049", "DCM", "Language of Content Item and Descendants"), Code("en", "RFC5646", "English")
OBSERVER_TYPE, DEVICE = Code("121005", "DCM", "Observer Type"), Code("121007", "DCM", "Device")
OBSERVER_UID = Code("121012", "DCM", "Device Observer UID")
OBSERVER_NAME = Code("121013", "DCM", "Device Observer Name")
PROCEDURE, CHEST_XRAY = Code("121058", "DCM", "Procedure reported"), Code("399208008", "SCT", "Plain chest X-ray")
COMMENT = Code("121106", "DCM", "Comment")
MEASUREMENTS = Code("126010", "DCM", "Imaging Measurements")
GROUP = Code("125007", "DCM", "Measurement Group")
TRACKING_NAME = Code("112039", "DCM", "Tracking Identifier")
TRACKING_UID = Code("112040", "DCM", "Tracking Unique Identifier")
FINDING = Code("121071", "DCM", "Finding")
ALGORITHM = Code("111001", "DCM", "Algorithm Name")
ALGORITHM_VERSION = Code("111003", "DCM", "Algorithm Version")
ALGORITHM_PARAMETERS = Code("111002", "DCM", "Algorithm Parameters")
PROBABILITY = Code("111012", "DCM", "Certainty of Finding")  # in per cent, by a device, as in the templates of CAD
THRESHOLD = own_code("threshold", "Threshold of the probability")
CALL = own_code("call", "Probability against its threshold")
POSITIVE, NEGATIVE = Code("10828004", "SCT", "Positive"), Code("260385009", "SCT", "Negative")
PERCENT = Code("%", "UCUM", "Percent")
SOURCE = Code("121112", "DCM", "Source of Measurement")
REGION = Code("111030", "DCM", "Image Region")
REGION_SOURCE = Code("121324", "DCM", "Source image")
DISCLAIMER = f"{MARKING}. Made by software that is not a medical device; no person has verified it."


def fill_content(data: Dataset, answers: ImageAnswers, reference: Dataset, shape: tuple[int, int]) -> None:
    """Make a data set the root of the tree. shape: rows and columns of the source, to which boxes are clipped."""
    bundle, image = answers.bundle, reference.ReferencedSOPInstanceUID
    groups = []
    for finding in answers.findings:
        uid = generate_uid(entropy_srcs=[image, bundle.sha256, finding.name])
        groups.append(_finding_group(finding, answers, reference, uid))
        boxes = [clipped for box in finding.boxes if (clipped := _clip(box, *shape))]
        for number, box in enumerate(boxes, start=1):
            uid = generate_uid(entropy_srcs=[image, bundle.sha256, finding.name, str(number)])
            groups.append(_box_group(finding, number, box, answers, reference, uid))
    data.ValueType = "CONTAINER"
    data.ConceptNameCodeSequence = [code_item(REPORT)]
    _make_container(data, "1500", [
        _item("HAS CONCEPT MOD", "CODE", LANGUAGE, ENGLISH),
        _item("HAS OBS CONTEXT", "CODE", OBSERVER_TYPE, DEVICE),
        _item("HAS OBS CONTEXT", "UIDREF", OBSERVER_UID, generate_uid(entropy_srcs=[bundle.sha256, "device"])),
        _item("HAS OBS CONTEXT", "TEXT", OBSERVER_NAME, f"cxr {__version__}, {bundle.name} {bundle.version}"),
        _item("HAS CONCEPT MOD", "CODE", PROCEDURE, CHEST_XRAY),
        *(_item("CONTAINS", "TEXT", COMMENT, text) for text in (DISCLAIMER, *answers.notes)),
        _container("CONTAINS", MEASUREMENTS, None, groups),
    ])  # fmt: skip


def texts_of(answers: ImageAnswers) -> list[str]:
    """Return every text of the answers that goes into the tree, which the character set must be able to write."""
    bundle = answers.bundle
    return [bundle.name, bundle.version, *answers.notes, *(finding.name for finding in answers.findings)]


def _finding_group(finding: FindingAnswer, answers: ImageAnswers, reference: Dataset, uid: str) -> Dataset:
    items = [
        *_identity(finding, finding.name, answers, uid),
        _item("CONTAINS", "IMAGE", SOURCE, reference),
        _item("CONTAINS", "NUM", PROBABILITY, finding.probability),
    ]
    if finding.threshold is not None:
        items.append(_item("CONTAINS", "NUM", THRESHOLD, finding.threshold))
        items.append(_item("CONTAINS", "CODE", CALL, POSITIVE if finding.called else NEGATIVE))
    return _container("CONTAINS", GROUP, "1501", items)


def _box_group(
    finding: FindingAnswer, number: int, box: tuple, answers: ImageAnswers, reference: Dataset, uid: str
) -> Dataset:
    x0, y0, x1, y1 = box
    region = _item("CONTAINS", "SCOORD", REGION, None)
    region.GraphicType = "POLYLINE"  # closed: its last point is its first (C.18.6.1.2)
    region.GraphicData = [float(side) for side in (x0, y0, x1, y0, x1, y1, x0, y1, x0, y0)]
    region.ContentSequence = [_item("SELECTED FROM", "IMAGE", REGION_SOURCE, reference)]
    return _container(
        "CONTAINS", GROUP, "1410", [*_identity(finding, f"{finding.name} {number}", answers, uid), region]
    )


def _identity(finding: FindingAnswer, name: str, answers: ImageAnswers, uid: str) -> list[Dataset]:
    """What is measured, by which algorithm (TID 4019): the first items of every group."""
    bundle = answers.bundle
    return [
        _item("HAS OBS CONTEXT", "TEXT", TRACKING_NAME, name),
        _item("HAS OBS CONTEXT", "UIDREF", TRACKING_UID, uid),
        _item("CONTAINS", "CODE", FINDING, finding_code(finding.name)),
        _item("HAS CONCEPT MOD", "TEXT", ALGORITHM, bundle.name),
        _item("HAS CONCEPT MOD", "TEXT", ALGORITHM_VERSION, bundle.version),
        _item("HAS CONCEPT MOD", "TEXT", ALGORITHM_PARAMETERS, f"SHA-256 of the bundle: {bundle.sha256}"),
    ]


def _item(relation: str, kind: str, name: Code, value: Any) -> Dataset:
    """Return one content item (C.17.3). value: a Code, text, a UID, a part of 1 for a NUM, or a reference."""
    item = Dataset()
    item.RelationshipType, item.ValueType = relation, kind
    item.ConceptNameCodeSequence = [code_item(name)]
    if kind == "CODE":
        item.ConceptCodeSequence = [code_item(value)]
    elif kind == "TEXT":
        item.TextValue = value
    elif kind == "UIDREF":
        item.UID = value
    elif kind == "IMAGE":
        item.ReferencedSOPSequence = [value]
    elif kind == "NUM":
        measured = Dataset()
        measured.NumericValue = f"{100 * value:.6g}"
        measured.MeasurementUnitsCodeSequence = [code_item(PERCENT)]
        item.MeasuredValueSequence = [measured]
    return item


def _container(relation: str, name: Code, template: str | None, items: list[Dataset]) -> Dataset:
    container = _item(relation, "CONTAINER", name, None)
    _make_container(container, template, items)
    return container


def _make_container(container: Dataset, template: str | None, items: list[Dataset]) -> None:
    container.ContinuityOfContent = "SEPARATE"
    if template:
        used = Dataset()
        used.MappingResource, used.TemplateIdentifier = "DCMR", template
        container.ContentTemplateSequence = [used]
    container.ContentSequence = items


def _clip(box: tuple, rows: int, columns: int) -> tuple | None:
    """The part of a box within the image, in the SCOORD grid whose (0, 0) is the image's corner; None for none."""
    x0, y0, x1, y1 = box
    x0, x1 = (min(max(side, 0), columns) for side in (x0, x1))
    y0, y1 = (min(max(side, 0), rows) for side in (y0, y1))
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None
