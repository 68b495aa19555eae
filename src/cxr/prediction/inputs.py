"""Paths from a command line in, the images they stand for out: files, folders, and CSVs with a column of paths."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from os.path import normpath
from pathlib import Path
from stat import S_ISREG

from cxr.config.errors import UserError
from cxr.config.findings import IMAGE_COLUMNS
from cxr.datasets.sources.files import SUFFIXES, walk_files
from cxr.images.dicom_tags import is_dicom_file
from cxr.prediction.answers import Item

PATH_COLUMNS = ("path", *(name for name in IMAGE_COLUMNS if name != "path"))


def find_items(paths: Sequence[Path]) -> list[Item]:
    """Return the images of all paths in order, each file once.

    Of a folder: every PNG, JPEG and DICOM file below it, DICOM under any name. Of a CSV: the rows of its column `path`
    (or `image`, `file`, ...), relative to its own folder; one that leads out of it by `..` is an item with a reason.
    Raises UserError for a path that is missing or cannot be read, for a CSV without such a column, and for none at all.
    """
    items: list[Item] = []
    for path in paths:
        if path.suffix.lower() == ".csv" and path.is_file():
            items += _of_table(path)
        elif path.is_dir():
            items += _of_folder(path)
        else:
            items.append(_of_file(path))
    if not items:
        named = ", ".join(map(str, paths))
        raise UserError(f"{named}: holds no image ({', '.join(SUFFIXES)}, or DICOM under any name)")
    return _once(items)


def _once(items: Sequence[Item]) -> list[Item]:
    """Each file once; one whose name another file has already, as rows of two tables may, is called by its path."""
    once: dict[tuple[str, str], Item] = {}
    for item in items:
        once.setdefault((normpath(item.path), item.name if item.reason else ""), item)
    found: dict[str, Item] = {}
    for item in once.values():
        longer = f"{_name(item.path)}: {item.name}" if item.reason else _name(item.path)
        name = item.name if item.name not in found else longer
        found[name] = replace(item, name=name)
    return list(found.values())


def _of_file(path: Path) -> Item:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    if not S_ISREG(mode):
        raise UserError(f"{path}: is neither a file nor a folder")
    return Item(_name(path), path)


def _name(path: Path) -> str:
    """The path as text that every table can hold."""
    return str(path).encode("utf-8", "replace").decode()


def _of_folder(folder: Path) -> list[Item]:
    try:
        next(folder.iterdir(), None)
    except OSError as error:
        raise UserError(f"{folder}: cannot be read ({error.strerror})") from error
    found = []
    for name in walk_files(folder, _refuse):
        path = folder / name
        if name.lower().endswith(SUFFIXES) or is_dicom_file(path):
            found.append(Item(_name(path), path))
    return found


def _refuse(error: OSError) -> None:
    raise UserError(f"{error.filename}: cannot be read ({error.strerror}); its images would be missing") from error


def _of_table(table: Path) -> list[Item]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            rows = csv.DictReader(stream)
            known = {name.strip().lower(): name for name in rows.fieldnames or [] if name}
            column = next((known[name] for name in PATH_COLUMNS if name in known), None)
            if column is None:
                raise UserError(f"{table}: has no column path; it has {', '.join(known) or 'none'}")
            return [_of_row(table, (row[column] or "").strip(), number) for number, row in enumerate(rows, 2)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{table}: cannot be read as a table ({error})") from error


def _of_row(table: Path, text: str, line: int) -> Item:
    if not text or "\0" in text:
        return Item(f"{table}, line {line}", table, "has no path")
    if ".." in Path(text.replace("\\", "/")).parts:
        return Item(text, table, "leads out of the table's folder by `..`; write the path in full")
    return Item(text, table.parent / text)
