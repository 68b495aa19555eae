import numpy as np
import pytest

from cxr.images.geometry import Box
from cxr.prediction.answers import Answer, Item
from cxr.prediction.boxes import boxes_of
from cxr.preparation.crop import CropRow
from cxr.visualization.localization.walk import MAP_PX

PX, SIDE = 40, 80


@pytest.fixture
def answer(monkeypatch):
    """A function: how the image lies, its width -> an answer whose heat is a square in the crop's upper left."""
    heat = np.zeros((PX, PX), np.float32)
    heat[4:12, 6:10] = 1
    monkeypatch.setattr("cxr.prediction.boxes.heat_of", lambda *_: heat)

    def make(lies="", width_px=200, call=True):
        box = Box(-10, 30, SIDE - 10, 30 + SIDE)
        crop = CropRow(np.zeros((PX, PX), np.uint8), box, None, False, lies, 150, width_px, "")
        return Answer(Item("x", None), "ok", "", crop, None, np.zeros(3), [call] * 3)

    return make


def test_a_box_lies_where_its_heat_lies_in_the_original(bundle, answer):
    (box,) = boxes_of(bundle, answer(), 0)
    assert box == [2 * 6 - 10, 2 * 4 + 30, 2 * 10 - 10, 2 * 12 + 30, 1]


def test_maps_are_looked_at_as_where_the_parameters_of_boxes_are_fitted(bundle, answer, monkeypatch):
    asked, given = [], answer()
    monkeypatch.setattr("cxr.prediction.boxes.heat_of", lambda *what: asked.append(what[-1]) or np.eye(8))
    boxes_of(bundle, given, 0)
    assert asked == [MAP_PX]


def test_the_box_of_a_lying_image_is_turned_with_it(bundle, answer):
    (box,) = boxes_of(bundle, answer("head down"), 0)
    assert box == [2 * 30 - 10, 2 * 28 + 30, 2 * 34 - 10, 2 * 36 + 30, 1]


def test_what_lies_beyond_the_image_is_cut_off(bundle, answer):
    assert boxes_of(bundle, answer(width_px=5), 0)[0][:4] == [2, 38, 5, 54]
    assert boxes_of(bundle, answer(width_px=2), 0) == []


def test_a_finding_that_is_not_called_has_no_box_and_one_without_threshold_has(bundle, answer):
    assert boxes_of(bundle, answer(call=False), 0) == []
    assert len(boxes_of(bundle, answer(call=None), 0)) == 1
