"""The bands of text of a capture: all of the text is there, none of it lies on the overlay."""

import numpy as np
import pytest

from cxr.prediction.dicom.answers import BundleName, FindingAnswer, ImageAnswers
from cxr.prediction.dicom.marking import SMALLEST_WIDTH_PX, line_of, mark


def inked(band):
    """Whether rows and columns of (h, w, 3) differ from its first pixel."""
    return (band != band[0, 0]).any(axis=2)


@pytest.mark.parametrize("shape", [(1, 1), (50, 40), (300, 900), (700, 1024)])
@pytest.mark.parametrize("findings", [1, 5, 14])
def test_no_text_is_cut_off_and_none_lies_on_the_overlay(shape, findings):
    overlay = np.full((*shape, 3), 77, np.uint8)
    names = tuple(FindingAnswer(f"Pleural_Thickening_{i}", 0.987, 0.123, True) for i in range(findings))
    bundle = BundleName("A group with a name that is " + 8 * "very long " + "indeed", "0.1.0", "ab" * 32)
    marked, row = mark(overlay, ImageAnswers(bundle, names, ("W" * 30 + " " + "i" * 90,)))
    height, width = shape
    assert marked.shape[1] == max(width, SMALLEST_WIDTH_PX)
    np.testing.assert_array_equal(marked[row : row + height, :width], overlay)
    assert not marked[row : row + height, width:].any()
    for band in (marked[:row], marked[row + height :]):
        ink = inked(band)
        assert ink.any()
        edges = [ink[:2], ink[-2:], ink[:, :2], ink[:, -2:]]
        assert not any(edge.any() for edge in edges)


def test_more_findings_take_more_room():
    overlay = np.zeros((100, 800, 3), np.uint8)
    bundle = BundleName("Ensemble", "0.1.0", "ab" * 32)
    answers = [ImageAnswers(bundle, (FindingAnswer("Edema", 0.5),) * count) for count in (1, 8, 40)]
    heights = [len(mark(overlay, one)[0]) for one in answers]
    assert heights == sorted(set(heights))


def test_a_call_is_told_by_a_word():
    assert line_of(FindingAnswer("Pleural_Thickening", 0.5, 0.5, True)) == "Pleural Thickening 0.500, POSITIVE at 0.500"
    assert line_of(FindingAnswer("Edema", 0.25, 0.5, False)) == "Edema 0.250, negative at 0.500"
    assert line_of(FindingAnswer("Edema", 0.25)) == "Edema 0.250"
