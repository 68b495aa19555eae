"""CheXpert (Irvin et al., AAAI 2019) as downloaded: train.csv and valid.csv in, rows out."""

from pathlib import Path

import pandas as pd

from cxr.config.datasets import ChexpertDataset
from cxr.config.errors import UserError
from cxr.config.findings import CHEXPERT_NAMES
from cxr.datasets.sources.accept import accept_rows, require_folder
from cxr.datasets.sources.cells import read_cells
from cxr.datasets.sources.files import is_folder
from cxr.datasets.table import SourceTable

PATH, SEX, AGE, FRONTAL, VIEW = "Path", "Sex", "Age", "Frontal/Lateral", "AP/PA"
TABLES = {"train.csv": "train_val", "valid.csv": "test"}
"""CheXpert's tables and the part they are: its 200 validation studies were read by radiologists and serve as test."""
PARTS_OF_PATH = r"(?:^|/)(?P<part>train|valid|test)/(?P<patient>[^/]+)/(?P<study>[^/]+)/(?P<image>[^/]+)\.\w+$"


def read_chexpert(dataset: ChexpertDataset, name: str) -> SourceTable:
    """Read both tables, as far as they are there; patient and study come from the path.

    1, 0, -1 and blank stay what they are. Raises UserError when folder, tables or columns are missing, or when no row
    at all can be used.
    """
    require_folder(dataset.root, name, "train.csv, valid.csv or both")
    tables = _find_tables(dataset.root)
    parts, flaws = [], []
    for csv, listed in tables:
        cells, wrong = read_cells(csv, (PATH, FRONTAL, *CHEXPERT_NAMES))
        columns = [PATH, SEX, AGE, FRONTAL, VIEW, *CHEXPERT_NAMES]
        parts.append(cells.reindex(columns=columns, fill_value="").assign(listed=listed))
        flaws.append(wrong)
    table, wrong = pd.concat(parts, ignore_index=True), pd.concat(flaws, ignore_index=True)
    numbers = pd.concat([pd.Series(part.index + 1) for part in parts], ignore_index=True)
    named = table[PATH].str.strip().str.extract(PARTS_OF_PATH).fillna("")
    lateral = table[FRONTAL].str.strip().str.lower() == "lateral"
    wrong = wrong.mask((wrong == "") & (named["patient"] == ""), "its path names no patient and study")
    if dataset.laterals == "leave_out":
        wrong = wrong.mask((wrong == "") & lateral, "is a lateral view")
    rows = pd.DataFrame(
        {
            "path": _paths(table[PATH].str.strip(), dataset.root),
            "image_id": named["patient"] + "-" + named["study"] + "-" + named["image"],
            "patient_id": named["patient"],
            "study_id": named["patient"] + "-" + named["study"],
            "view": table[VIEW].mask(lateral, "LATERAL"),
            "sex": table[SEX],
            "age": table[AGE],
            "listed": table["listed"],
        }
    )
    for theirs, ours in CHEXPERT_NAMES.items():
        rows[ours] = table[theirs]
    findings = tuple(CHEXPERT_NAMES.values())
    return accept_rows(dataset, name, tables[0][0], rows, wrong, findings, "chexpert", numbers=numbers)


def _find_tables(root: Path) -> list[tuple[Path, str]]:
    """The tables in the folder itself, or in the one folder CheXpert-* below it."""
    for folder in (root, *sorted(root.glob("CheXpert-*"))):
        if found := [(folder / file, listed) for file, listed in TABLES.items() if (folder / file).is_file()]:
            return found
    raise UserError(f"{root}: holds neither train.csv nor valid.csv, nor does a folder CheXpert-* in it")


def _paths(paths: pd.Series, root: Path) -> pd.Series:
    """Paths below the root: those of the tables begin with the folder `CheXpert-v1.0...`, which may be the root."""
    pieces = paths.str.split("/", n=1)
    first = pieces.str[0]
    inside = {folder for folder in first.unique() if is_folder(root, folder)}
    return paths.where(first.isin(inside), pieces.str[-1])
