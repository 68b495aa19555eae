"""`python -m cxr.commands.versions pyproject.toml`: does this interpreter's environment satisfy the requirements?"""

import os
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

BACKENDS = {"tensorflow": None, "jax": "jax", "torch": "torch"}
"""KERAS_BACKEND -> the package that takes the place of TensorFlow."""


def find_conflicts(pyproject: Path, backend: str = "tensorflow") -> list[str]:
    """Return one phrase per direct requirement that is missing or has another version.

    backend: value of KERAS_BACKEND; with another than TensorFlow, that is not needed and the other is.
    """
    if backend not in BACKENDS:
        return [f'KERAS_BACKEND is "{backend}", allowed are {", ".join(BACKENDS)}']
    instead = BACKENDS[backend]
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return ["packaging is not installed"]
    conflicts = []
    lines = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["dependencies"]
    for line in [*lines, instead] if instead else lines:
        wanted = Requirement(line)
        if instead and wanted.name.startswith("tensorflow"):
            continue
        if wanted.marker and not wanted.marker.evaluate():
            continue
        try:
            found = version(wanted.name)
        except PackageNotFoundError:
            conflicts.append(f"{wanted.name} is not installed")
            continue
        if not wanted.specifier.contains(found, prereleases=True):
            conflicts.append(f"{wanted.name} is {found}, needed is {wanted.specifier}")
    return conflicts


def main(pyproject: str) -> int:
    """Print one sentence naming every conflict; exit code 2 when there is one."""
    conflicts = find_conflicts(Path(pyproject), os.environ.get("KERAS_BACKEND") or "tensorflow")
    if conflicts:
        print(
            f"cxr: the environment of {sys.executable} does not fit: {'; '.join(conflicts)}. Install requirements.txt "
            "there, or unset CXR_PYTHON to let ./cxr make its own",
            file=sys.stderr,
        )
    return 2 if conflicts else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
