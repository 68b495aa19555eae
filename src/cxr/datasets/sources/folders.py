"""One folder per class in, rows out."""

import pandas as pd

from cxr.config.datasets import FoldersDataset
from cxr.config.errors import UserError
from cxr.datasets.sources.accept import accept_rows, patient_from, require_folder
from cxr.datasets.sources.files import SUFFIXES, walk_files
from cxr.datasets.table import SourceTable

PART_FOLDERS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def read_folders(dataset: FoldersDataset, name: str) -> SourceTable:
    """Read the images of every class; an image in a folder that is no class is left out and counted.

    An image has the findings of its folder, and has not those of the other folders. Raises UserError when the root or
    the folder of a class is missing, or when there is no image.
    """
    require_folder(dataset.root, name, f"the folders {', '.join(dataset.classes)}")
    patient = patient_from(dataset.patient_pattern)
    findings = dataset.own_findings
    records, others, seen = [], 0, set()
    for path in walk_files(dataset.root):
        *folders, file = path.split("/")
        if not file.lower().endswith(SUFFIXES):
            continue
        label = next((folder for folder in folders if folder in dataset.classes), None)
        if label is None:
            others += 1
            continue
        seen.add(label)
        listed = next((PART_FOLDERS[folder.lower()] for folder in folders if folder.lower() in PART_FOLDERS), "")
        codes = ("1" if finding in dataset.classes[label] else "0" for finding in findings)
        records.append((path, path.replace("/", "-"), patient(file), listed, *codes))
    if missing := [folder for folder in dataset.classes if folder not in seen]:
        raise UserError(f"{dataset.root}: no image lies in a folder {missing[0]!r}, a class of data set {name!r}")
    rows = pd.DataFrame(records, columns=["path", "image_id", "patient_id", "listed", *findings], dtype=str)
    notes = [f"{name}: {others} images lie in no folder of a class and were left out"] if others else []
    return accept_rows(dataset, name, dataset.root, rows, pd.Series("", index=rows.index), findings, notes=notes)
