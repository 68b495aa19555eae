"""Conversion against the answers of the original modules, which benchmarks/torchxrayvision_parity.py wrote down."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from cxr.classification.member import load_member
from cxr.classification.networks.classifier import build_classifier
from cxr.classification.networks.first_weights import begin_classifier
from cxr.classification.torch_layers import fill_network
from cxr.classification.torchxrayvision import convert_release, identify_release, read_releases
from cxr.config.errors import UserError
from cxr.config.findings import ALL_FINDINGS, NIH14
from cxr.config.member import Member
from cxr.config.record import hash_of_file

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "torchxrayvision_parity.py"
REFERENCE = json.loads(Path(__file__).with_name("torchxrayvision.json").read_text())
PX = 64
RELEASE = {release.name: release for release in read_releases()}


@pytest.fixture(scope="module")
def parity():
    """The script that measures parity: its seeded weights and images need no PyTorch."""
    spec = importlib.util.spec_from_file_location(SCRIPT.stem, SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def arrays(parity, monkeypatch):
    """Any file holds the seeded weights of a DenseNet121."""
    state = parity.seeded_state("densenet121")
    monkeypatch.setattr("cxr.classification.torchxrayvision.read_torch_file", lambda _: state)
    return state


@pytest.fixture
def file(tmp_path):
    """A file that is called as one whose SHA-256 is not known."""
    path = tmp_path / RELEASE["densenet121-res224-nih"].file
    path.write_bytes(b"weights")
    return path


@pytest.fixture(scope="module")
def small():
    """A DenseNet121 whose weights do not matter."""
    return build_classifier(Member(network="densenet121", image_px=32), 14)


@pytest.mark.parametrize("network", ["densenet121", "resnet50"])
def test_the_network_answers_as_the_original_module_did(network, parity):
    model = build_classifier(Member(network=network, image_px=PX, normalization="minus_one_to_one"), 18)
    fill_network(model, parity.seeded_state(network), range(18), 18)
    logits, probabilities = parity.our_logits(model, parity.seeded_images(PX))
    expected = np.array(REFERENCE[network])
    assert np.ptp(expected, axis=1).min() > 0.5
    np.testing.assert_allclose(logits, expected, atol=1e-4, rtol=0)
    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-expected)), atol=1e-4, rtol=0)


def test_the_original_modules_in_one_process_with_ours(parity, tmp_path):
    if not all(importlib.util.find_spec(package) for package in ("torch", "torchvision", "torchxrayvision")):
        pytest.skip("needs requirements-convert.txt")
    assert parity.compare("densenet121", tmp_path) < 1e-4


def test_a_converted_model_is_a_finished_member(arrays, file, parity, tmp_path):
    asked = NIH14[::-1]
    run = convert_release(file, tmp_path / "member", asked, hash_of_file(file))
    assert json.loads((tmp_path / "member" / "run.json").read_text()) == run
    assert (run["finished"], run["name"], run["network"], run["image_px"]) == (True, "member", "densenet121", 224)
    assert run["findings"] == list(asked)
    converted = {"release": "densenet121-res224-nih", "file": file.name, "sha256": hash_of_file(file)}
    assert run["inputs"]["converted"] == converted
    assert run["thresholds"]["Hernia"] == 0.0004403434
    model = load_member(tmp_path / "member", asked)
    assert model.count_params() == run["parameters"]
    outputs = [RELEASE["densenet121-res224-nih"].findings[name] for name in asked]
    kernel, bias = model.get_layer("findings").get_weights()
    np.testing.assert_array_equal(kernel, arrays["classifier.weight"][outputs].T)
    np.testing.assert_array_equal(bias, arrays["classifier.bias"][outputs])
    begins(tmp_path / "member" / "model.keras", model)


def begins(path, source):
    """It starts to train from there: other findings, another size, one step."""
    member = Member(network="densenet121", image_px=32, weights=str(path), normalization="minus_one_to_one")
    model, taken = begin_classifier(member, ("Effusion", "Mass"), False)
    assert taken.filled == taken.layers - 1
    assert [note.partition(":")[0] for note in taken.notes] == ["findings"]
    before = model.get_layer("conv1_conv").get_weights()[0]
    np.testing.assert_array_equal(before, source.get_layer("conv1_conv").get_weights()[0])
    model.compile("adam", "binary_crossentropy", run_eagerly=True)
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 1)).astype(np.float32)
    assert np.isfinite(model.train_on_batch(images, np.eye(2, dtype=np.float32)))
    assert np.abs(model.get_layer("conv1_conv").get_weights()[0] - before).max() > 0


def test_every_output_has_a_name_of_ours_and_a_threshold():
    assert len(RELEASE) == 8
    for release in RELEASE.values():
        assert set(release.findings) <= set(ALL_FINDINGS)
        assert release.findings.keys() == release.thresholds.keys()
        assert all(0 < one < 1 for one in release.thresholds.values())
    assert len(RELEASE["densenet121-res224-all"].findings) == 18
    assert tuple(RELEASE["densenet121-res224-rsna"].findings.items()) == (("Pneumonia", 8), ("Lung_Opacity", 16))
    assert not {"Lung_Lesion", "Enlarged_Cardiomediastinum"} & RELEASE["resnet50-res512-all"].findings.keys()


def test_a_known_file_may_have_any_name(tmp_path, monkeypatch):
    path = tmp_path / "weights.pt"
    path.write_bytes(b"")
    known = RELEASE["densenet121-res224-all"].sha256
    monkeypatch.setattr("cxr.classification.torchxrayvision.hash_of_file", lambda _: known)
    assert identify_release(path, None) == (RELEASE["densenet121-res224-all"], known)


def test_an_unknown_file_is_refused_unless_its_sum_is_given(file):
    with pytest.raises(UserError, match=f"its SHA-256 {hash_of_file(file)} is not known.*--trust SHA256"):
        identify_release(file, None)
    with pytest.raises(UserError, match=f"its SHA-256 is {hash_of_file(file)}, not 00 as --trust says"):
        identify_release(file, "00")
    assert identify_release(file, hash_of_file(file).upper())[0].name == "densenet121-res224-nih"


def test_another_file_by_the_name_of_a_known_one_is_refused(tmp_path):
    all_of_them = RELEASE["densenet121-res224-all"]
    (tmp_path / all_of_them.file).write_bytes(b"other")
    with pytest.raises(UserError, match=f"is not {all_of_them.sha256}, that of densenet121-res224-all"):
        identify_release(tmp_path / all_of_them.file, None)


def test_a_file_of_another_name_or_none_at_all_is_one_sentence(tmp_path):
    (tmp_path / "other.pt").write_bytes(b"")
    with pytest.raises(UserError, match=r"neither its SHA-256 .* nor its name"):
        identify_release(tmp_path / "other.pt", "00")
    with pytest.raises(UserError, match=r"nothing\.pt: no such file; torchxrayvision's lie on https"):
        identify_release(tmp_path / "nothing.pt", None)


def test_findings_that_the_model_does_not_answer_are_one_sentence(file, tmp_path):
    with pytest.raises(UserError, match="densenet121-res224-nih does not answer Fracture, Lung_Opacity; it has Atel"):
        convert_release(file, tmp_path / "member", ("Mass", "Fracture", "Lung_Opacity"), hash_of_file(file))


def test_a_folder_that_holds_something_is_left_alone(file, tmp_path):
    with pytest.raises(UserError, match="is not an empty folder"):
        convert_release(file, tmp_path, None, hash_of_file(file))
    with pytest.raises(UserError, match="is not an empty folder"):
        convert_release(file, file, None, hash_of_file(file))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("features.norm5.bias"), r"does not hold a densenet121 .*'features\.norm5\.bias'"),
        (lambda state: state.update({"features.extra.weight": np.zeros(1)}), "it also holds features.extra.weight"),
        (lambda state: state.update({"features.conv0.weight": np.zeros((64, 3, 7, 7))}), "conv0 has the shapes"),
        (lambda state: state.update({"classifier.weight": np.zeros((14, 1024))}), "has 14 outputs, not 18"),
    ],
    ids=["missing", "more", "shape", "outputs"],
)
def test_weights_of_another_network_are_one_sentence(change, said, arrays, small, file, tmp_path, monkeypatch):
    change(arrays)
    monkeypatch.setattr("cxr.classification.torchxrayvision.build_classifier", lambda *_: small)
    with pytest.raises(UserError, match=said) as raised:
        convert_release(file, tmp_path / "member", None, hash_of_file(file))
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "member").exists()
