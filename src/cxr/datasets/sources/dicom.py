"""A tree of DICOM files with a label table in, rows out: patients as keyed hashes, names nowhere."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed

from cxr.config.datasets import DicomDataset
from cxr.config.errors import UserError
from cxr.config.findings import ALL_FINDINGS
from cxr.datasets.sources.accept import accept_rows, require_folder
from cxr.datasets.sources.cells import read_cells
from cxr.datasets.sources.files import walk_files
from cxr.datasets.sources.pseudonyms import load_key, pseudonym
from cxr.datasets.table import SourceTable
from cxr.images.dicom_tags import DicomTags, read_tags

CHUNK_FILES = 64
NO_FILES = (".csv", ".txt", ".json", ".xml", ".md", ".png", ".jpg", ".jpeg", ".gz", ".zip", ".tar", ".pdf")
NO_TAGS = DicomTags("", "", "", "", "", "", "")
Progress = Callable[[int, int], None]


def read_dicom_tree(
    dataset: DicomDataset, name: str, prepared_dir: Path, workers: int, on_progress: Progress | None = None
) -> SourceTable:
    """Read every file's tags and the label table, which names files by path, by file name or by SOP instance UID.

    What is no frontal chest X-ray is rejected with the reason. Raises UserError when folder, table or columns are
    missing, or when no row at all can be used.
    """
    require_folder(dataset.root, name, "DICOM files and their label table")
    csv, columns = dataset.root / dataset.csv, dataset.columns
    given = [column for column in (columns.path, columns.patient_id, columns.split) if column]
    table, flaws = read_cells(csv, (*given, *(columns.findings or {}).values()))
    findings = columns.findings or {finding: finding for finding in ALL_FINDINGS if finding in table.columns}
    if not findings:
        raise UserError(f"{csv}: no column is named like a finding; map them with the key columns.findings")
    tags = _read_tree(dataset.root, workers, on_progress)
    named = table[columns.path].str.strip()
    places = _places(tags)
    paths = [places.get(text, text) for text in named]
    found = [tags.get(path, NO_TAGS) for path in paths]
    key = load_key(prepared_dir)
    patients = table[columns.patient_id].str.strip() if columns.patient_id else [one.patient for one in found]
    flaws = flaws.mask(flaws == "", pd.Series([one.refused for one in found], dtype=str))
    rows = pd.DataFrame(
        {
            "path": paths,
            "image_id": [pseudonym(key, one.image_uid or path) for one, path in zip(found, paths, strict=True)],
            "patient_id": [pseudonym(key, patient) for patient in patients],
            "study_id": [pseudonym(key, one.study_uid) for one in found],
            "view": [one.view for one in found],
            "sex": [one.sex for one in found],
            "age": [one.age for one in found],
            "listed": table[columns.split].str.strip() if columns.split else "",
            **{finding: table[column] for finding, column in findings.items()},
        },
        dtype=str,
    )
    extra = len(tags.keys() - set(paths))
    notes = [f"{name}: {extra} DICOM files are named by no row of {csv.name} and were left out"] if extra else []
    return accept_rows(dataset, name, csv, rows, flaws, tuple(findings), "dicom", notes)


def _read_tree(root: Path, workers: int, on_progress: Progress | None) -> dict[str, DicomTags]:
    """Map the path of every file that may be DICOM to its tags."""
    files = [path for path in walk_files(root) if not path.lower().endswith(NO_FILES)]
    chunks = [files[start : start + CHUNK_FILES] for start in range(0, len(files), CHUNK_FILES)]
    tags: dict[str, DicomTags] = {}
    jobs = (delayed(_read_chunk)(root, chunk) for chunk in chunks)
    for chunk, found in zip(chunks, Parallel(n_jobs=workers, return_as="generator")(jobs), strict=True):
        tags |= dict(zip(chunk, found, strict=True))
        if on_progress:
            on_progress(len(tags), len(files))
    return tags


def _read_chunk(root: Path, paths: list[str]) -> list[DicomTags]:
    return [read_tags(root / path) for path in paths]


def _places(tags: dict[str, DicomTags]) -> dict[str, str]:
    """Map every name that is one file's only (path, file name, SOP instance UID) to its path."""
    places: dict[str, str] = {}
    for names in ([one.image_uid for one in tags.values()], [path.rpartition("/")[2] for path in tags]):
        counts = pd.Series(names, dtype=str).value_counts()
        places |= {name: path for name, path in zip(names, tags, strict=True) if name and counts[name] == 1}
    return places | {path: path for path in tags}
