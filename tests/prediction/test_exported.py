import json
import shutil

import numpy as np
import pytest

import cxr.prediction.exported as exported
import cxr.prediction.precisions as precisions
from cxr.config.errors import UserError
from cxr.config.heatmaps import Heatmaps
from cxr.config.record import hash_of_file
from cxr.engines.openvino_engine import OpenVinoEngine, quantise_openvino
from cxr.prediction.bundle import read_bundle
from cxr.prediction.frame import predict_frame
from cxr.prediction.map_origin import other_maps
from cxr.prediction.opened import open_bundle


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
    found, none = precisions.measure_precisions([(None, 1)], precisions.Validation(labels, read), None)
    assert "no NNCF" in none.reason
    assert found.auroc_f32 == 1
    assert found.auroc == pytest.approx(1 - 3 * moved / 400)
    assert found.offered is offered


@pytest.mark.parametrize("offered", [True, False])
def test_eight_bit_files_are_in_the_bundle_where_they_are_as_good(export, tmp_path, images, monkeypatch, offered):
    def copy(path, target, calibration):
        assert calibration.shape[1:] in ((32, 32, 1), (24, 24, 1))
        for suffix in (".xml", ".bin"):
            shutil.copyfile(path.with_suffix(suffix), target.with_suffix(suffix))

    monkeypatch.setattr("cxr.engines.openvino_engine.quantise_openvino", copy)
    monkeypatch.setattr(precisions, "find_spec", lambda name: name)
    scores = {"f32": 0.9, "bf16": 0.9, "int8": 0.9 if offered else 0.8}
    monkeypatch.setattr(precisions, "_mean_auroc", lambda files, precision, _: scores[precision])
    record = export(tmp_path / "bundle", engines=("openvino",))
    assert {one.precision: one.offered for one in record.precisions}["int8"] is offered
    assert ("members/first/int8.bin" in record.files) is offered
    assert "lungs/int8.xml" not in record.files
    bundle = read_bundle(tmp_path / "bundle")
    if not offered:
        with pytest.raises(UserError, match=r"does not offer it \(it changes the mean AUROC on validation by 0\.1000"):
            open_bundle(bundle, "auto", "int8")
        return
    whole, quick = (predict_frame(images, bundle, precision=one) for one in ("f32", "int8"))
    assert list(whole["Mass"]) == pytest.approx(list(quick["Mass"]), nan_ok=True)  # the same files under another name
    (tmp_path / "bundle" / "members" / "first" / "int8.bin").write_bytes(b"")
    with pytest.raises(UserError, match=r"int8\.bin: was changed"):
        open_bundle(bundle, "auto", "int8")


def test_quantised_networks_answer_nearly_as_whole_ones(bundle, tmp_path, store):
    pytest.importorskip("nncf", reason="8-bit files need requirements-int8.txt")
    (member, _) = bundle.record.members
    images = exported.resized(store.crops)(member.image_px)[..., None]
    path = bundle.file(member, "openvino")
    quantise_openvino(path, tmp_path / "int8.xml", images)
    whole, quick = (OpenVinoEngine(one, batch=1, precision=kind).run(images)
                    for one, kind in ((path, "f32"), (tmp_path / "int8.xml", "int8")))  # fmt: skip
    assert np.abs(whole[0] - quick[0]).max() < 0.1
    assert np.corrcoef(whole[1].ravel(), quick[1].ravel())[0, 1] > 0.9


def test_bf16_is_not_offered_where_it_cannot_be_measured(monkeypatch):
    monkeypatch.setattr("openvino.Core", lambda: type("Core", (), {"get_property": lambda *_: ["FP32"]})())
    found, _ = precisions.measure_precisions([], precisions.Validation(np.zeros((3, 2)), lambda *_: None), None)
    assert not found.offered
    assert "does not know bf16" in found.reason
