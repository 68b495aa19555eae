"""The launcher and the command line: light to start, and every mistake a sentence with exit code 2."""

import json
import os
import resource
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HELP_CPU_S = 0.5
VERBS = ("train", "evaluate", "visualization")
SCRIPTS = ["prepare_data.sh", "run_tests.sh", "cxr", ".ci/run", *(f"{verb}.sh" for verb in VERBS)] + [
    f"{verb}_{group}.sh" for verb in VERBS for group in ("Ensemble", "Efficientnet")
]


def run(*arguments, **environment):
    """Run ./cxr with this interpreter."""
    return subprocess.run(
        ["./cxr", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"CXR_PYTHON": sys.executable} | environment,
    )


def assert_one_sentence(result, *parts):
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    for part in parts:
        assert part in result.stderr


def test_help_is_light_and_imports_no_framework():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "cxr", "--help"],
        cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT / "src")}, check=True,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert cpu_s < HELP_CPU_S
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert not imported & {"tensorflow", "keras", "numpy", "pandas", "cv2", "openvino"}
    steps = ("segment", "prepare", "describe", "train", "average", "sweep", "evaluate", "visualize", "report", "export")
    for step in (*steps, "localize", "compare", "score", "ablate", "download", "tfrecords", "predict"):
        assert step in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate", "Ensemble"),
        ("report", "Ensemble"),
        ("describe",),
        ("compare", "A", "B"),
        ("score", "x", "--labels", "y", "--out", "z"),
    ],
)
def test_steps_without_networks_import_no_framework(arguments, tmp_path):
    code = (
        "import sys; from cxr.__main__ import main; "
        f"main({[*arguments, '--set', f'models_dir={tmp_path}']!r}); "
        "sys.exit(bool({'tensorflow', 'keras'} & sys.modules.keys()))"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True).returncode == 0


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_short_executable_posix_shell(script):
    path = ROOT / script
    text = path.read_text()
    assert os.access(path, os.X_OK)
    assert text.startswith("#!/bin/sh\n")
    assert "set -eu" in text
    subprocess.run(["sh", "-n", str(path)], check=True)


@pytest.mark.parametrize(
    ("script", "own", "steps"),
    [
        ("visualization", ["--all"], ["visualize", "localize", "report"]),
        ("visualization", ["--sample", "3"], ["visualize", "localize", "report"]),
        ("visualization", ["--sample=3"], ["visualize", "localize", "report"]),
        ("evaluate", ["--on", "other place.json"], ["evaluate", "report"]),
        ("evaluate", ["--labels=table.csv"], ["evaluate", "report"]),
        ("evaluate", [], ["evaluate", "report"]),
    ],
)
def test_scripts_give_an_option_only_to_the_step_that_knows_it(script, own, steps, tmp_path):
    for name in (f"{script}.sh", f"{script}_Ensemble.sh"):
        shutil.copy(ROOT / name, tmp_path)
    launcher = tmp_path / "cxr"
    launcher.write_text("#!/bin/sh\nfor one; do printf '%s|' \"$one\"; done\necho\n")
    launcher.chmod(0o755)
    before, after = ["--smoke", "--set", "a=b c"], ["--overwrite", "--settings", "SETTINGS.json"]
    command = ["sh", str(tmp_path / f"{script}_Ensemble.sh"), *before, *own, *after]
    done = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    first, *rest = ([step, "Ensemble"] for step in steps)
    assert [line.split("|")[:-1] for line in done] == [
        [*first, *before, *own, *after], *([*step, *before, *after] for step in rest)
    ]  # fmt: skip


@pytest.mark.parametrize("script", VERBS)
def test_a_script_for_any_group_asks_for_one(script):
    result = subprocess.run(["sh", str(ROOT / f"{script}.sh"), "--smoke"], capture_output=True, text=True)
    assert_one_sentence(result, f"{script}.sh: name a group first")


def test_both_files_are_checked_at_once(tmp_path):
    settings = tmp_path / "SETTINGS.json"
    settings.write_text(json.dumps({"datasets": [{"format": "nhi"}]}))
    params = json.loads((ROOT / "PARAMS.json").read_text())
    params["members"]["tiny"]["network"] = "tinny"
    (tmp_path / "PARAMS.json").write_text(json.dumps(params))
    result = run("prepare", "--settings", settings, "--params", tmp_path / "PARAMS.json")
    assert_one_sentence(
        result, "SETTINGS.json: datasets.0", 'did you mean "nih"', "members.tiny.network", 'did you mean "tiny"'
    )


def test_an_unknown_group_names_the_groups():
    assert_one_sentence(run("train", "Ensembel"), 'did you mean "Ensemble"', "Efficientnet")


def test_a_missing_data_set_folder_is_a_sentence(tmp_path):
    (tmp_path / "SETTINGS.json").write_text(json.dumps({"datasets": [{"format": "nih", "root": "nowhere"}]}))
    assert_one_sentence(
        run("prepare", "--settings", tmp_path / "SETTINGS.json"), f"{tmp_path / 'nowhere'}: no such folder"
    )


def test_a_file_where_a_folder_should_be_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    places = ("--set", f"prepared_dir={tmp_path / 'file'}", "--set", "crop.mode=none", "--smoke")
    assert_one_sentence(run("prepare", *places), str(tmp_path / "file"))


def test_characters_that_are_no_text_are_a_sentence(tmp_path):
    (tmp_path / "SETTINGS.json").write_text('{"datasets": [{"format": "nih", "root": "\\ud800"}]}')
    assert_one_sentence(run("prepare", "--settings", tmp_path / "SETTINGS.json"))
    assert_one_sentence(run("prepare", "--set", 'prepared_dir="a\\u0000b"'), "null character")


@pytest.mark.parametrize("step", ["train", "evaluate", "visualize", "localize", "report"])
def test_a_step_before_its_turn_says_what_to_run_first(step, tmp_path):
    places = ("--set", f"models_dir={tmp_path}", "--set", f"prepared_dir={tmp_path}")
    assert_one_sentence(run(step, "Tiny", *places), "first")


def test_an_interpreter_that_does_not_exist_is_a_sentence(tmp_path):
    assert_one_sentence(run("--help", CXR_PYTHON=str(tmp_path / "python")), "CXR_PYTHON")


def test_an_environment_with_other_versions_is_a_sentence(tmp_path):
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\ndependencies = ["numpy<1", "no-such-package-here"]\n')
    result = subprocess.run(
        [sys.executable, "-m", "cxr.commands.versions", str(project)],
        capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert_one_sentence(result, "numpy is", "needed is <1", "no-such-package-here is not installed")


@pytest.mark.parametrize(
    ("backend", "needed"),
    [
        ("jax", "no-such-jax is not installed"),
        ("", "tensorflow is"),
        ("caffe", 'KERAS_BACKEND is "caffe", allowed are'),
    ],
)
def test_an_environment_needs_the_backend_it_is_to_run(tmp_path, monkeypatch, backend, needed):
    from cxr.commands import versions

    monkeypatch.setitem(versions.BACKENDS, "jax", "no-such-jax")
    monkeypatch.setattr(versions, "version", lambda name: "1.0" if name.startswith("tensorflow") else version(name))
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\ndependencies = ["tensorflow==2.21.*", "numpy"]\n')
    (conflict,) = versions.find_conflicts(project, backend or "tensorflow")
    assert conflict.startswith(needed)


def test_a_machine_without_python_is_a_sentence(tmp_path):
    for name in ("dirname", "cmp", "basename", "df", "awk", "sh"):
        program = subprocess.run(["sh", "-c", f"command -v {name}"], capture_output=True, text=True).stdout.strip()
        (tmp_path / name).symlink_to(program)
    copy = tmp_path / "project"
    copy.mkdir()
    for name in ("cxr", "requirements.txt"):
        (copy / name).write_bytes((ROOT / name).read_bytes())
    environment = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    result = subprocess.run(["sh", str(copy / "cxr"), "--help"], capture_output=True, text=True, env=environment)
    assert_one_sentence(result, "Python 3.11")


def test_a_full_disk_is_a_sentence(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    code = (
        "import sys; from cxr import __main__; import cxr.commands.schema as step; "
        "step.run = lambda options: open('/dev/full', 'w').write('x' * 100_000); "
        "sys.exit(__main__.main(['schema']))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert_one_sentence(result, "No space left on device")
