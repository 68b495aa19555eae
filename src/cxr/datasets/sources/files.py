"""A folder in, the image files below it out."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

SUFFIXES = (".png", ".jpg", ".jpeg", ".dcm", ".dicom")


def find_images(root: Path) -> tuple[dict[str, str], int]:
    """Map file names to paths relative to the root, over all folders below; count names that occur again.

    Folders called `masks` are left out: lung masks lie there.
    """
    found: dict[str, str] = {}
    repeated = 0
    for path in walk_files(root):
        folder, _, name = path.rpartition("/")
        if name.lower().endswith(SUFFIXES) and "masks" not in folder.split("/"):
            repeated += name in found
            found.setdefault(name, path)
    return found, repeated


def is_file(root: Path, path: str) -> bool:
    """Whether a path, whatever a table says it is, names a file below the root; pathlib raises for names too long."""
    return os.path.isfile(os.path.join(root, path))  # noqa: PTH113, PTH118


def is_folder(root: Path, path: str) -> bool:
    """The same for a folder."""
    return os.path.isdir(os.path.join(root, path))  # noqa: PTH112, PTH118


def walk_files(root: Path, on_error: Callable[[OSError], None] | None = None) -> list[str]:
    """Return the paths of all files below the root, relative to it and sorted by folder and name.

    Links to folders are followed, each real folder once, so that a link back up does not go round for ever.
    on_error: told of folders that cannot be read, which are passed over otherwise.
    """
    paths: list[str] = []
    seen = set()
    for folder, folders, names in os.walk(root, onerror=on_error, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        here = Path(folder).relative_to(root).as_posix()
        regular = [name for name in sorted(names) if not _is_special(os.path.join(folder, name))]  # noqa: PTH118
        paths += [name if here == "." else f"{here}/{name}" for name in regular]
    return paths


def _is_special(path: str) -> bool:
    """Whether it is a pipe, a socket or a device, which reading would wait on for ever; a broken link is none."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116
    except OSError:
        return False
