"""What ran: fingerprints of inputs, the record of versions and machine, and what differs between two runs."""

import hashlib
import json
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from cxr import __version__
from cxr.config.errors import UserError
from cxr.config.hardware import describe_hardware

PACKAGES = ("keras", "tensorflow-cpu", "tensorflow", "openvino", "numpy", "opencv-python-headless", "scikit-learn")


def fingerprint(content: Any) -> str:
    """Return 12 hex digits of SHA-256 over the canonical JSON of `content` (pydantic models and paths allowed)."""
    text = json.dumps(plain(content), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def hash_of_ids(ids: Any) -> str:
    """Return the SHA-256 of sorted ids, one per line: equal for equal sets whatever the order."""
    return hashlib.sha256("\n".join(sorted(map(str, ids))).encode()).hexdigest()


def hash_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def file_marks(paths: Iterable[Path]) -> list[tuple[int, int]]:
    """Return size and time of change of every file; (0, 0) for what cannot be looked at: reading it will say why."""
    marks = []
    for path in paths:
        try:
            status = path.stat()
            marks.append((status.st_size, status.st_mtime_ns))
        except OSError:
            marks.append((0, 0))
    return marks


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object that this project wrote; UserError when it is missing or broken."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise UserError(f"{path}: is damaged, not valid JSON ({error}); delete it and run the step again") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds a {type(content).__name__}; a JSON object is needed")
    return content


def plain(content: Any) -> Any:
    """Return `content` as JSON-able dictionaries, lists, strings and numbers."""
    if isinstance(content, BaseModel):
        return content.model_dump(mode="json")
    if isinstance(content, dict):
        return {str(key): plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [plain(value) for value in content]
    return str(content) if isinstance(content, Path) else content


def machine_record() -> dict[str, Any]:
    """Return versions, commit, hardware and time of the running process."""
    return {
        "versions": {"cxr": __version__, "python": platform.python_version()} | _package_versions(),
        "commit": _commit(),
        "hardware": describe_hardware(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return one sentence part per key in which two nested dictionaries differ, e.g. `epochs: 12 there, 20 now`."""
    there, now = _flat(plain(old)), _flat(plain(new))
    keys = sorted(there.keys() | now.keys())
    return [
        f"{k}: {there.get(k, 'absent')} there, {now.get(k, 'absent')} now" for k in keys if there.get(k) != now.get(k)
    ]


def _flat(content: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(content, dict):
        return {prefix: content}
    return {
        path: leaf
        for key, value in content.items()
        for path, leaf in _flat(value, f"{prefix}.{key}" if prefix else key).items()
    }


def _package_versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _commit() -> str | None:
    """Commit of the checkout this package lies in, with "+changes" when files differ from it; None outside git."""
    folder = Path(__file__).parent
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True)
        changed = subprocess.run(
            ["git", "status", "--porcelain"], cwd=folder, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit.stdout.strip()[:12] + ("+changes" if changed.stdout.strip() else "")
