import json

import numpy as np
import pytest

import cxr.prediction.exported as exported
import cxr.prediction.precisions as precisions
from cxr.config.errors import UserError
from cxr.config.heatmaps import Heatmaps
from cxr.config.record import hash_of_file
from cxr.prediction.map_origin import other_maps


def test_every_file_lies_under_its_checksum_and_every_engine_was_compared(bundle, bundle_folder):
    there = {path.relative_to(bundle_folder).as_posix() for path in bundle_folder.rglob("*") if path.is_file()}
    assert there == {*bundle.record.files, "bundle.json"}
    for name, digest in bundle.record.files.items():
        assert hash_of_file(bundle_folder / name) == digest
    for network in (bundle.record.lungs, *bundle.record.members):
        assert [one.engine for one in network.parity] == ["openvino", "keras"]
        assert all(one.images == 5 and one.outputs <= 1e-4 and (one.maps or 0) <= 1e-4 for one in network.parity)
    assert [(one.name, one.image_px) for one in bundle.record.members] == [("first", 32), ("second", 24)]


def test_nothing_is_written_where_an_engine_differs_from_keras(export, tmp_path, monkeypatch):
    monkeypatch.setattr(exported, "_run_eagerly", _drifting(exported._run_eagerly))
    with pytest.raises(UserError, match=r"keras differs from Keras by 2\.0e-04 on 5 prepared images"):
        export(tmp_path / "bundle", engines=("keras",))
    assert not list(tmp_path.iterdir())


def _drifting(run):
    """Answers that are further off with every call."""
    calls = []

    def drift(model, images):
        calls.append(model)
        return [one + 2e-4 * (len(calls) - 1) for one in run(model, images)]

    return drift


def test_maps_are_compared_as_shares_of_their_largest_value():
    maps = np.array([100.0, -400.0, 0.0, 0.0], np.float32).reshape(1, 2, 2, 1)
    answers = np.array([[0.5]], np.float32)
    found = exported.compare_outputs("openvino", [answers, maps], [answers + 0.25, maps + 4])
    assert found.outputs == 0.25
    assert found.maps == pytest.approx(0.01)


def test_the_card_says_of_boxes_and_maps_what_the_record_says(export, tmp_path):
    bundle = tmp_path / "bundle"
    differ = other_maps(Heatmaps(method="smooth_grad"))
    record = export(bundle, engines=("keras",), boxes_from="fitted to 3 maps", maps_differ=differ)
    assert record.card["Heatmaps and boxes"] == ["Boxes: fitted to 3 maps.", differ]
    card = (bundle / "card.md").read_text()
    assert all(
        words in card for words in ("## Heatmaps and boxes", "fitted to 3 maps", "heatmaps.method 'smooth_grad'")
    )


def test_only_a_bundle_is_replaced_and_only_when_asked(export, tmp_path):
    target = tmp_path / "bundle"
    target.mkdir()
    (target / "thesis.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(UserError, match="is not empty, and holds no bundle"):
            export(target, overwrite, engines=("keras",))
    (target / "thesis.txt").unlink()
    export(target, engines=("keras",))
    with pytest.raises(UserError, match="or --overwrite to replace it"):
        export(target, engines=("keras",))
    export(target, True, engines=("keras",), group="Renamed", uncalibrated="not evaluated")
    record = json.loads((target / "bundle.json").read_text())
    assert (record["group"], record["precisions"]) == ("Renamed", [])
    assert not (target / "calibration.json").exists()  # not measured, so not carried along
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


@pytest.mark.parametrize(("moved", "offered"), [(0, True), (1, False)])
def test_bf16_is_offered_only_where_auroc_stays(moved, offered, monkeypatch):
    """40 images of two findings; in bf16 one of them falls behind another, which moves one AUROC by 1 / (20 * 20)."""
    labels = np.repeat([[1.0, 1.0], [0.0, 0.0]], 20, axis=0)
    ranked = np.linspace(0.9, 0.1, 40, dtype=np.float32)[:, None].repeat(2, axis=1)

    class Engine:
        def __init__(self, path, batch, precision):
            self.answers = ranked.copy()
            if precision == "bf16" and moved:
                self.answers[[18, 21]] = self.answers[[21, 18]]

        def run(self, images):
            return [self.answers[images[:, 0, 0, 0].astype(int)]]

    monkeypatch.setattr("cxr.engines.openvino_engine.OpenVinoEngine", Engine)
    monkeypatch.setattr("openvino.Core", lambda: type("Core", (), {"get_property": lambda *_: ["BF16"]})())
    read = lambda image_px, start, stop: np.arange(start, stop, dtype=np.float32)[:, None, None]  # noqa: E731
    found = precisions.measure_bf16([(None, 1)], precisions.Validation(labels, read))
    assert found.auroc_f32 == 1
    assert found.auroc == pytest.approx(1 - 3 * moved / 400)
    assert found.offered is offered


def test_bf16_is_not_offered_where_it_cannot_be_measured(monkeypatch):
    monkeypatch.setattr("openvino.Core", lambda: type("Core", (), {"get_property": lambda *_: ["FP32"]})())
    found = precisions.measure_bf16([], precisions.Validation(np.zeros((3, 2)), lambda *_: None))
    assert not found.offered
    assert "does not know bf16" in found.reason
