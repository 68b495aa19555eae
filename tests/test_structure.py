"""The rooms of the package: imports go one way, and heavy packages stay where they are allowed."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "cxr"

# A room may import rooms with a higher number only; rooms of one number may import each other.
LEVELS = {
    "commands": 0, "reporting": 1, "prediction": 2, "visualization": 3, "classification": 4, "preparation": 4,
    "segmentation": 5, "training": 6, "engines": 7, "datasets": 8, "phantoms": 8, "images": 9, "config": 10,
}  # fmt: skip
EVALUATION_MAY_BE_USED_BY = {"commands", "reporting", "prediction", "visualization", "classification", "preparation",
                             "segmentation"}  # fmt: skip
EVALUATION_MAY_USE = {"config", "evaluation"}
NAMES_TO_AVOID = {"utils", "helpers", "common", "manager", "misc"}


def _files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _imports(file: Path) -> set[str]:
    """Dotted names of everything a file imports, also inside functions."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import; write the whole path"
            names.add(node.module)
    return names


def _room(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("file", _files(), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_go_one_way(file):
    room = _room(file)
    if room in ("__init__", "__main__"):
        return
    rooms = {name.split(".")[1] for name in _imports(file) if name.startswith("cxr.")}
    for used in rooms - {room}:
        if room == "evaluation":
            assert used in EVALUATION_MAY_USE, f"evaluation imports {used}"
        elif used == "evaluation":
            assert room in EVALUATION_MAY_BE_USED_BY, f"{room} imports evaluation"
        else:
            assert LEVELS[room] <= LEVELS[used], f"{room} imports {used}: the wrong way"


@pytest.mark.parametrize(("package", "most"), [("tensorflow", 2), ("cv2", 4)])
def test_heavy_packages_stay_in_few_files(package, most):
    users = [file.relative_to(PACKAGE) for file in _files() if package in {n.split(".")[0] for n in _imports(file)}]
    assert len(users) <= most, users


def test_evaluation_and_reporting_know_no_framework():
    for file in _files():
        if _room(file) in ("evaluation", "reporting"):
            assert not {name.split(".")[0] for name in _imports(file)} & {"keras", "tensorflow", "openvino"}, file


def test_every_file_says_what_it_is_and_has_a_name():
    for file in _files():
        assert ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))), f"{file}: no docstring"
        assert file.stem not in NAMES_TO_AVOID


def test_every_room_has_a_level():
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms <= LEVELS.keys() | {"evaluation"}
