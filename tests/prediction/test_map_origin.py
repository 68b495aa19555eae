import pytest

from cxr.config.atomic import write_json
from cxr.config.heatmaps import Heatmaps
from cxr.config.localization import MapBoxes, MapCut
from cxr.config.member import Member
from cxr.config.params import Params
from cxr.prediction.map_origin import choose_cut, other_maps
from cxr.visualization.localization.record import localization_inputs

GIVEN = Heatmaps(boxes=MapBoxes(threshold=0.45, min_area=0.02, merge=0.2, score="max"))
FITTED = {"threshold": 0.6, "min_area": 0.0025, "merge": 0.03, "pairs": 12}


@pytest.fixture
def localized(tmp_path):
    """A function: how boxes were fitted, changes of the record -> the group's folder."""

    def make(fit="cross", **changes):
        boxes = {"fit": fit, "rules": [], "new_images": FITTED}
        record = {"inputs": "now", "boxes": boxes, "with_place": None, "split": {"part": "test"}, **changes}
        write_json(tmp_path / "localization" / "localization.json", record)
        return tmp_path

    return make


@pytest.mark.parametrize(("fit", "part"), [("cross", "test"), ("validation", "val")])
def test_the_bundle_makes_boxes_as_they_were_fitted(localized, fit, part):
    cut, said = choose_cut(GIVEN, localized(fit), "now")
    assert cut == MapCut(threshold=0.6, min_area=0.0025, merge=0.03, score="max")
    assert said == f"fitted by ./cxr localize to 12 maps with true boxes of {part}"


@pytest.mark.parametrize(
    ("changes", "heatmaps", "said"),
    [
        ({"fit": "given"}, {}, "fitted none"),
        ({"inputs": "before"}, {}, "is of other predictions or parameters"),
        ({"boxes": {"fit": "cross", "rules": []}}, {}, "is of other predictions or parameters"),  # of an older version
        ({}, {"method": "cam"}, "is of other heatmaps than a bundle's"),
    ],
)
def test_else_as_params_say_and_why(localized, changes, heatmaps, said):
    cut, origin = choose_cut(GIVEN.model_copy(update=heatmaps), localized(**changes), "now")
    assert cut == MapCut(threshold=0.45, min_area=0.02, merge=0.2, score="max")
    assert origin.startswith("heatmaps.boxes of PARAMS.json")
    assert said in origin


def test_without_localization_params_hold(tmp_path):
    assert choose_cut(GIVEN, tmp_path, "now")[1] == "heatmaps.boxes of PARAMS.json (./cxr localize was not run)"


def test_parameters_that_change_maps_are_named(tmp_path):
    assert other_maps(GIVEN) is None
    for key, value in {"method": "guided_grad_cam", "group": "best", "target": "sum", "threshold": 0.2}.items():
        assert f"heatmaps.{key} {value!r}" in other_maps(Heatmaps(**{key: value}))


def test_a_localization_is_of_its_predictions_and_heatmaps(tmp_path):
    (tmp_path / "predictions.csv").write_text("one")
    params = Params(members={"one": Member(network="tiny", image_px=32)}, groups={"One": ["one"]})
    boxes = tmp_path / "boxes.csv"
    first = localization_inputs(tmp_path, boxes, params)
    assert localization_inputs(tmp_path, boxes, params) == first
    other = params.model_copy(update={"heatmaps": Heatmaps(method="cam")})
    assert localization_inputs(tmp_path, boxes, other) != first
    (tmp_path / "predictions.csv").write_text("two")
    assert localization_inputs(tmp_path, boxes, params) != first
