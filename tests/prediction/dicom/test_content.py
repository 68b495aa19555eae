"""The content tree of a report, walked as a reader of TID 1500 does."""

import pytest
from pydicom.dataset import Dataset

from cxr.prediction.dicom.answers import FindingAnswer, ImageAnswers
from cxr.prediction.dicom.codes import LONGEST_VALUE, finding_code
from cxr.prediction.dicom.content import fill_content

SOURCE = "1.2.3.4"


@pytest.fixture
def root(answers):
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.1", SOURCE
    data = Dataset()
    fill_content(data, answers, reference, (40, 60))
    return data


def children(item, meaning):
    """The children of a content item whose concept name means this."""
    return [child for child in item.ContentSequence if child.ConceptNameCodeSequence[0].CodeMeaning == meaning]


def only(item, meaning):
    (child,) = children(item, meaning)
    return child


def groups(root, template):
    found = children(only(root, "Imaging Measurements"), "Measurement Group")
    return [group for group in found if group.ContentTemplateSequence[0].TemplateIdentifier == template]


def test_each_finding_has_its_probability_threshold_and_call(root, answers):
    found = groups(root, "1501")
    assert len(found) == len(answers.findings)
    for group, finding in zip(found, answers.findings, strict=True):
        assert only(group, "Tracking Identifier").TextValue == finding.name
        code = only(group, "Finding").ConceptCodeSequence[0]
        assert (code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning) == finding_code(finding.name)
        (measured,) = only(group, "Certainty of Finding").MeasuredValueSequence
        assert float(measured.NumericValue) == pytest.approx(100 * finding.probability, rel=1e-5)
        assert measured.MeasurementUnitsCodeSequence[0].CodeValue == "%"
        assert only(group, "Source of Measurement").ReferencedSOPSequence[0].ReferencedSOPInstanceUID == SOURCE
        assert only(group, "Algorithm Name").TextValue == "Ensemble"
        assert "ab" * 32 in only(group, "Algorithm Parameters").TextValue
        calls = children(group, "Probability against its threshold")
        cuts = children(group, "Threshold of the probability")
        if finding.threshold is None:
            assert not calls and not cuts
        else:
            said = "Positive" if finding.called else "Negative"
            assert calls[0].ConceptCodeSequence[0].CodeMeaning == said
            assert float(cuts[0].MeasuredValueSequence[0].NumericValue) == pytest.approx(100 * finding.threshold)


def test_boxes_are_closed_lines_within_the_image(root):
    boxes = [only(group, "Image Region") for group in groups(root, "1410")]
    assert [list(box.GraphicData) for box in boxes] == [
        [3, 5, 20.5, 5, 20.5, 30, 3, 30, 3, 5],
        [50, 30, 60, 30, 60, 40, 50, 40, 50, 30],  # clipped; the box of Edema lies wholly outside and is left out
    ]
    for box in boxes:
        (image,) = box.ContentSequence
        assert (box.GraphicType, image.RelationshipType) == ("POLYLINE", "SELECTED FROM")
        assert image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == SOURCE
    uids = [only(group, "Tracking Unique Identifier").UID for kind in ("1501", "1410") for group in groups(root, kind)]
    assert len(set(uids)) == len(uids) == 5


def test_the_report_says_that_it_is_for_research_and_by_whom(root):
    assert root.ConceptNameCodeSequence[0].CodeValue == "126000"
    assert root.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    disclaimer, note = (item.TextValue for item in children(root, "Comment"))
    assert disclaimer.startswith("RESEARCH USE ONLY - NOT FOR DIAGNOSIS")
    assert note == "No lungs were found."
    assert only(root, "Observer Type").ConceptCodeSequence[0].CodeMeaning == "Device"


ALLOWED = {
    ("CONTAINER", "CONTAINS"): {"TEXT", "CODE", "NUM", "UIDREF", "SCOORD", "IMAGE", "CONTAINER"},
    ("CONTAINER", "HAS OBS CONTEXT"): {"TEXT", "CODE", "NUM", "UIDREF"},
    ("CONTAINER", "HAS CONCEPT MOD"): {"TEXT", "CODE"},
    ("SCOORD", "SELECTED FROM"): {"IMAGE"},
}
"""What of PS3.3, table A.35.3-2 (Comprehensive SR) is used; dciodvfy does not look at it."""


def test_items_stand_in_relations_that_the_class_allows(root):
    waiting = [root]
    while waiting:
        parent = waiting.pop()
        for child in parent.get("ContentSequence", []):
            assert child.ValueType in ALLOWED[parent.ValueType, child.RelationshipType]
            waiting.append(child)


def test_codes_of_a_users_own_findings_are_private_short_and_differ():
    names = ["Pleural_Thickening", "Enlarged_Cardiomediastinum", "Enlarged_Cardiomediastinum_2", "Пневмония", "a\\b"]
    codes = [finding_code(name) for name in names]
    assert all(code.scheme == "99CXR" and len(code.value) <= LONGEST_VALUE and code.value.isascii() for code in codes)
    assert len({code.value for code in codes}) == len(names)
    assert codes[0].meaning == "Pleural Thickening"
    assert "\\" not in codes[-1].value + codes[-1].meaning


@pytest.mark.parametrize("wrong", [
    {"probability": 1.5},
    {"probability": float("nan")},
    {"probability": 0.5, "threshold": 2.0, "called": True},
    {"probability": 0.5, "threshold": 0.5},
    {"probability": 0.5, "called": True},
    {"probability": 0.5, "boxes": ((0.0, 0.0, float("inf"), 1.0),)},
])  # fmt: skip
def test_impossible_answers_are_refused(wrong):
    with pytest.raises(ValueError, match="Edema"):
        FindingAnswer("Edema", **wrong)


def test_answers_without_findings_are_refused(answers):
    with pytest.raises(ValueError, match="without any finding"):
        ImageAnswers(answers.bundle, ())
