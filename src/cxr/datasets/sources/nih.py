"""NIH ChestX-ray14 (Wang et al., CVPR 2017) as downloaded: Data_Entry CSV and nested image folders in, rows out."""

import os
from csv import Error as CsvError
from csv import reader
from pathlib import Path

import pandas as pd

from cxr.config.datasets import NihDataset
from cxr.config.errors import UserError
from cxr.config.findings import NIH14
from cxr.datasets.table import DESCRIPTION, REJECTED, SourceTable

ID, LABELS, PATIENT, FOLLOW_UP, AGE, VIEW = (
    "Image Index", "Finding Labels", "Patient ID", "Follow-up #", "Patient Age", "View Position",
)  # fmt: skip
SEX_NAMES = ("Patient Gender", "Patient Sex")  # 2017 and some v2020 files say Gender
NEGATIVE = "No Finding"
SUFFIXES = (".png", ".jpg", ".jpeg")
LISTS = {"train_val": "train_val_list.txt", "test": "test_list.txt"}
MAX_AGE_YEARS = 120


def read_nih(dataset: NihDataset, name: str) -> SourceTable:
    """Read the label table, find each image below the root, and note which official part lists it.

    A row whose image is not there, whose labels are unknown, or whose id was seen before is rejected with the reason.
    Raises UserError when folder, table or columns are missing, or when no row at all can be used.
    """
    root = dataset.root
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; data set {name!r} needs one with a Data_Entry CSV and its images")
    csv = _find_csv(root, dataset.csv)
    table = _read_csv(csv)
    files, repeated = _find_images(root)
    listed = _read_lists(root)
    rows, rejected = _check_rows(table, files, name)
    rows["listed"] = rows["image_id"].map(lambda image: listed.get(image, ""))
    notes = []
    if dataset.limit_patients:
        kept = _limit(rows, dataset.limit_patients)
        notes.append(f"{name}: limit_patients {dataset.limit_patients} keeps {len(kept)} of {len(rows)} usable images")
        rows = kept
    if rows.empty:
        reason = f"; the first reason: {rejected['reason'].iloc[0]}" if len(rejected) else ""
        raise UserError(f"{csv}: none of its {len(table)} rows can be used{reason}")
    rows["source"] = name
    if extra := len(files.keys() - set(table[ID])):
        notes.append(f"{name}: {extra} image files on disk are named by no row of {csv.name} and were left out")
    if repeated:
        notes.append(f"{name}: {repeated} file names occur in several folders; the first in sorted order is used")
    if bad_ages := int((rows["age"] == "").sum()):
        notes.append(f"{name}: {bad_ages} rows have no age between 0 and {MAX_AGE_YEARS} years; it is left empty")
    return SourceTable(name, root, NIH14, rows[[*DESCRIPTION, *NIH14]], rejected, notes=notes, namespace="nih")


def _find_csv(root: Path, given: str | None) -> Path:
    if given:
        if not (root / given).is_file():
            raise UserError(f'{root / given}: no such file; it is the label table named by the key "csv"')
        return root / given
    found = sorted(root.glob("Data_Entry_2017*.csv"))
    if len(found) != 1:
        listing = ", ".join(file.name for file in found) or "none"
        raise UserError(f'{root}: needs exactly one Data_Entry_2017*.csv, found {listing}; name it with the key "csv"')
    return found[0]


def _read_csv(csv: Path) -> pd.DataFrame:
    """Read the columns we use as strings, one row per data row; `flaw` says what is wrong with a row's cells, if it is.

    NIH's header holds unquoted commas ("OriginalImage[Width,Height]" is two columns) and some copies end every line
    with one, so empty cells behind the last column are fine; anything else may have moved the patient id.
    """
    try:
        with csv.open(encoding="utf-8-sig", newline="") as stream:
            first, *lines = [cells for cells in reader(stream, strict=True) if cells] or [[]]
    except (OSError, UnicodeDecodeError, CsvError) as error:
        raise UserError(f"{csv}: cannot be read as a CSV table in UTF-8 ({error})") from error
    header = [column.strip() for column in ",".join(first).rstrip(",").split(",")]
    if missing := [column for column in (ID, LABELS, PATIENT) if column not in header]:
        raise UserError(f"{csv}: has no column {', '.join(missing)}; found {', '.join(header)}")
    flaws = [_cell_flaw(cells, len(header)) for cells in lines]
    table = pd.DataFrame({"flaw": flaws}, dtype=str)
    sex = next((column for column in SEX_NAMES if column in header), "")
    for name, column in [*((name, name) for name in (ID, LABELS, PATIENT, FOLLOW_UP, AGE, VIEW)), ("sex", sex)]:
        at = header.index(column) if column in header else len(header)
        table[name] = pd.Series([cells[at] if at < len(cells) else "" for cells in lines], dtype=str)
    return table


def _cell_flaw(cells: list[str], columns: int) -> str:
    if len(cells) >= columns and not any(cells[columns:]):
        return ""
    return f"has {len(cells)} cells where the header has {columns}"


def _find_images(root: Path) -> tuple[dict[str, str], int]:
    """Map file names to paths relative to the root, over all folders below; count names that occur again.

    Links to folders are followed, each real folder once, so that a link back up does not go round for ever.
    """
    found: dict[str, str] = {}
    repeated, seen = 0, set()
    for folder, folders, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(f for f in folders if f != "masks")
        for name in sorted(names):
            if name.lower().endswith(SUFFIXES):
                repeated += name in found
                found.setdefault(name, str((Path(folder) / name).relative_to(root)))
    return found, repeated


def _read_lists(root: Path) -> dict[str, str]:
    """Map image ids to the official part that lists them; the last line counts with or without a final newline."""
    listed: dict[str, str] = {}
    for part, file in LISTS.items():
        path = root / file
        if not path.is_file():
            continue
        try:
            lines = path.read_text(encoding="utf-8-sig").split()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path}: cannot be read as a list of images ({error})") from error
        for line in lines:
            if listed.setdefault(line, part) != part:
                raise UserError(f"{path}: lists {line}, which {LISTS['train_val']} lists too; one part only is allowed")
    return listed


def _check_rows(table: pd.DataFrame, files: dict[str, str], name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Turn table rows into manifest rows, or into rejected rows with a reason."""
    found_labels = table[LABELS].str.split("|").apply(lambda names: [label.strip() for label in names])
    known = set(NIH14) | {NEGATIVE}
    reason = pd.Series("", index=table.index)
    reason[table[PATIENT].str.strip() == ""] = "has no patient id"
    reason[found_labels.apply(lambda labels: NEGATIVE in labels and len(labels) > 1)] = (
        f'says "{NEGATIVE}" together with a finding'
    )
    unknown = found_labels.apply(lambda labels: next((label for label in labels if label not in known), None))
    has_unknown = unknown.notna()
    reason[has_unknown] = 'unknown finding "' + unknown[has_unknown].astype(str) + '"'
    reason[~table[ID].isin(files.keys())] = "the image does not exist"
    reason[table[ID].duplicated()] = "the image id was listed before"
    reason = table["flaw"].where(table["flaw"] != "", reason)
    good = reason == ""
    patients = table[PATIENT].str.strip().str.replace(r"^0+(?=\d)", "", regex=True)  # 00000001 and 1 are one person
    rows = pd.DataFrame(
        {
            "image_id": table[ID],
            "path": table[ID].map(files),
            "patient_id": patients,
            "study_id": patients + "-" + table[FOLLOW_UP].str.strip(),
            "view": table[VIEW].str.strip(),
            "sex": table["sex"].str.strip(),
            "age": _ages(table[AGE]),
        }
    )
    for finding in NIH14:
        rows[finding] = found_labels.apply(lambda labels, f=finding: "1" if f in labels else "0")
    rejected = pd.DataFrame({"source": name, "row": table.index + 1, "path": table[ID], "reason": reason})
    return rows[good].reset_index(drop=True), rejected.loc[~good, REJECTED].reset_index(drop=True)


def _ages(text: pd.Series) -> pd.Series:
    """Years as whole-number strings; `058Y` means 58, months and days mean 0, beyond 120 years is left empty."""
    parts = text.str.strip().str.extract(r"^(\d+)([YMDymd]?)$")
    years = pd.to_numeric(parts[0], errors="coerce")
    years = years.where(~parts[1].str.upper().isin(["M", "D"]), 0)
    return years.where(years <= MAX_AGE_YEARS).map(lambda age: "" if pd.isna(age) else str(int(age)))


def _limit(rows: pd.DataFrame, patients: int) -> pd.DataFrame:
    """Keep the first patients (by number) of each official part, so that a limited data set can still be split."""
    kept = set()
    for _, group in rows.groupby("listed"):
        ids = sorted(group["patient_id"].unique(), key=lambda patient: (len(patient), patient))
        kept |= set(ids[:patients])
    return rows[rows["patient_id"].isin(kept)].reset_index(drop=True)
