"""The locked requirements: complete, consistent, and the two old packages still do what they are listed for."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from cxr.commands.versions import find_conflicts

ROOT = Path(__file__).parents[1]


def locked(name):
    lines = (line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#"))
    requirements = [Requirement(line) for line in lines]
    return {r.name: r for r in requirements if not r.marker or r.marker.evaluate()}


def test_every_direct_requirement_is_locked_to_a_version_it_allows():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lock = locked("requirements.txt")
    for line in project["dependencies"]:
        wanted = Requirement(line)
        if wanted.marker and not wanted.marker.evaluate():
            continue
        (pin,) = lock[wanted.name].specifier
        assert pin.operator == "=="
        assert Version(pin.version) in wanted.specifier


def test_the_development_lock_is_the_core_lock_and_more():
    core, development = locked("requirements.txt"), locked("requirements-dev.txt")
    for name, requirement in core.items():
        assert development[name].specifier == requirement.specifier
    assert {"pytest", "hypothesis", "ruff"} <= development.keys()


def test_the_dicom_lock_is_the_core_lock_and_the_decoders():
    core, dicom = locked("requirements.txt"), locked("requirements-dicom.txt")
    assert {name: r.specifier for name, r in dicom.items() if name in core} == {n: r.specifier for n, r in core.items()}
    assert dicom.keys() - core.keys() == {"pylibjpeg", "pylibjpeg-openjpeg", "python-gdcm"}


def test_the_convert_lock_is_the_core_lock_and_the_originals():
    core, convert = locked("requirements.txt"), locked("requirements-convert.txt")
    assert {n: r.specifier for n, r in convert.items() if n in core} == {n: r.specifier for n, r in core.items()}
    assert {"torch", "torchvision", "torchxrayvision"} <= convert.keys() - core.keys()


def test_the_int8_lock_is_the_core_lock_and_nncf_where_numpy_allows_it():
    core, int8 = locked("requirements.txt"), locked("requirements-int8.txt")
    assert {n: r.specifier for n, r in int8.items() if n in core} == {n: r.specifier for n, r in core.items()}
    assert ("nncf" in int8) == (sys.version_info < (3, 12))


def test_the_onnx_lock_is_the_core_lock_and_its_runtime():
    core, onnx = locked("requirements.txt"), locked("requirements-onnx.txt")
    assert {n: r.specifier for n, r in onnx.items() if n in core} == {n: r.specifier for n, r in core.items()}
    assert {"onnx", "onnxruntime", "tf2onnx"} <= onnx.keys() - core.keys()


def test_the_predict_lock_is_its_group_at_the_versions_of_the_others_and_no_framework():
    group = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["predict"]
    dicom, predict = locked("requirements-dicom.txt"), locked("requirements-predict.txt")
    assert {Requirement(line).name for line in group} <= predict.keys()
    assert all(dicom[name].specifier == requirement.specifier for name, requirement in predict.items())
    assert not predict.keys() & {"tensorflow", "tensorflow-cpu", "keras", "torch", "scikit-learn"}


def test_the_app_lock_is_the_predict_lock_and_the_server():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    include, *server = project["dependency-groups"]["app"]
    assert include == {"include-group": "predict"}
    assert server == project["project"]["optional-dependencies"]["app"]
    predict, app, development = (locked(f"requirements-{name}.txt") for name in ("predict", "app", "dev"))
    assert {name: r.specifier for name, r in app.items() if name in predict} == {
        name: r.specifier for name, r in predict.items()
    }
    assert {"fastapi", "uvicorn", "python-multipart", "starlette"} <= app.keys() - predict.keys()
    assert all(development[name].specifier == requirement.specifier for name, requirement in app.items())
    assert not app.keys() & {"tensorflow", "tensorflow-cpu", "keras", "torch", "scikit-learn"}


def test_what_predict_needs_is_named_as_the_core_names_it():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extra = project["project"]["optional-dependencies"]["dicom"]
    assert set(project["dependency-groups"]["predict"]) <= {*project["project"]["dependencies"], *extra}


def test_two_tensorflows_never_meet():
    for name in (
        "requirements.txt",
        "requirements-dicom.txt",
        "requirements-dev.txt",
        "requirements-convert.txt",
        "requirements-onnx.txt",
        "requirements-int8.txt",
    ):
        assert len({"tensorflow", "tensorflow-cpu"} & locked(name).keys()) == 1


def test_this_environment_fits():
    assert find_conflicts(ROOT / "pyproject.toml") == []


def test_segmentation_models_and_efficientnet_still_build_on_this_keras():
    code = (
        "import segmentation_models as sm, efficientnet.tfkeras; "
        "model = sm.Unet('resnet18', input_shape=(64, 64, 3), encoder_weights=None); "
        "print(model.output_shape)"
    )
    environment = os.environ | {"SM_FRAMEWORK": "tf.keras", "TF_CPP_MIN_LOG_LEVEL": "3"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert result.stdout.strip().endswith("(None, 64, 64, 1)"), result.stderr
