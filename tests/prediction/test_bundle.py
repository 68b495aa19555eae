import json
import shutil
from dataclasses import replace

import pytest

from cxr.config.errors import UserError
from cxr.prediction.bundle import Offered, read_bundle, seal_of
from cxr.prediction.opened import choose_engine, choose_precision, open_bundle


@pytest.fixture
def own(bundle_folder, tmp_path):
    return shutil.copytree(bundle_folder, tmp_path / "bundle")


def refusal(folder):
    with pytest.raises(UserError) as error:
        open_bundle(read_bundle(folder), "openvino")
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    "name",
    [
        "calibration.json",
        "thresholds.json",
        "card.md",
        "lungs/f32.xml",
        "lungs/f32.keras",
        "members/first/f32.bin",
        "members/second/f32.xml",
        "members/second/f32.keras",
    ],
)
def test_a_file_that_was_changed_is_named(own, name):
    content = bytearray((own / name).read_bytes())
    content[len(content) // 2] ^= 1
    (own / name).write_bytes(content)
    assert f"{own / name}: was changed since the bundle was written" in refusal(own)


def test_a_file_that_was_changed_after_the_bundle_was_read_is_named_too(own):
    bundle = read_bundle(own)
    (own / "members" / "first" / "f32.bin").write_bytes(b"")
    with pytest.raises(UserError, match=r"f32\.bin: was changed"):
        open_bundle(bundle, "openvino")


@pytest.mark.parametrize("name", ["card.md", "members/first/f32.keras", "members/second/f32.bin"])
def test_a_file_that_is_missing_is_named(own, name):
    (own / name).unlink()
    assert f"{own / name}: is missing" in refusal(own)


def test_a_record_that_was_changed_is_refused(own):
    record = json.loads((own / "bundle.json").read_text())
    record["findings"].reverse()
    (own / "bundle.json").write_text(json.dumps(record))
    assert "its seal differs" in refusal(own)


def test_a_bundle_of_a_version_without_later_keys_is_still_whole(own):
    record = json.loads((own / "bundle.json").read_text())
    del record["boxes_from"], record["maps_differ"]
    record["seal"] = seal_of(record)
    (own / "bundle.json").write_text(json.dumps(record))
    assert read_bundle(own).record.boxes_from is None


def test_files_outside_of_the_bundle_are_refused(own):
    record = json.loads((own / "bundle.json").read_text())
    record["files"]["../secret"] = "0" * 64
    (own / "bundle.json").write_text(json.dumps(record))
    assert "../secret lies outside of the bundle" in refusal(own)


def test_what_is_no_bundle_is_one_sentence(tmp_path):
    assert "no such folder" in refusal(tmp_path / "none")
    assert "cannot be read" in refusal(tmp_path)
    (tmp_path / "bundle.json").write_text('{"format": 1}')
    assert "export the bundle again" in refusal(tmp_path)


def test_the_fastest_installed_engine_with_files_is_chosen(bundle, monkeypatch):
    import cxr.prediction.opened as opened

    def installed(*names):
        monkeypatch.setattr(opened, "find_spec", lambda name: True if name in names else None)

    assert bundle.record.engines == ["openvino", "keras"]
    installed("keras", "onnxruntime", "openvino")
    assert choose_engine(bundle, "auto") == "openvino"
    installed("keras", "onnxruntime")
    assert choose_engine(bundle, "auto") == "keras"
    installed("onnxruntime")
    with pytest.raises(UserError, match="nothing that is installed can run"):
        choose_engine(bundle, "auto")
    with pytest.raises(UserError, match="the package openvino is not installed"):
        choose_engine(bundle, "openvino")
    with pytest.raises(UserError, match="has no files for the engine onnx; it has those of openvino, keras"):
        choose_engine(bundle, "onnx")


@pytest.mark.parametrize(
    ("offered", "engine", "knows", "chosen"),
    [
        (True, "auto", True, "bf16"),
        (True, "openvino", True, "bf16"),
        (True, "onnx", True, "f32"),
        (True, "auto", False, "f32"),
        (False, "auto", True, "f32"),
    ],
)
def test_auto_takes_bf16_only_where_it_is_as_good_and_faster(bundle, monkeypatch, offered, engine, knows, chosen):
    monkeypatch.setattr("cxr.engines.openvino_engine.knows_bf16", lambda: knows)
    measured = Offered(precision="bf16", auroc_f32=0.9, auroc=0.9, offered=offered)
    bundle = replace(bundle, record=bundle.record.model_copy(update={"precisions": [measured]}))
    assert choose_precision(bundle, "auto", engine) == chosen
    assert choose_precision(bundle, "f32", engine) == "f32"


def test_a_precision_that_is_not_offered_is_refused_with_the_reason(bundle):
    offered = [one.precision for one in bundle.record.precisions if one.offered]
    assert choose_engine(bundle, "auto", "f32") == "openvino"
    if "bf16" in offered:
        assert choose_engine(bundle, "auto", "bf16") == "openvino"
    unmeasured = replace(bundle, record=bundle.record.model_copy(update={"precisions": []}))
    with pytest.raises(UserError, match="it was not measured at export"):
        choose_engine(unmeasured, "auto", "int8")
