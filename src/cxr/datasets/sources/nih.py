"""NIH ChestX-ray14 (Wang et al., CVPR 2017) as downloaded: Data_Entry CSV and nested image folders in, rows out."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from cxr.config.datasets import NihDataset
from cxr.config.errors import UserError
from cxr.config.findings import NIH14, NO_FINDING
from cxr.datasets.sources.accept import accept_rows, require_folder
from cxr.datasets.sources.cells import read_cells
from cxr.datasets.sources.files import find_images
from cxr.datasets.sources.nih_boxes import read_boxes
from cxr.datasets.table import SourceTable

ID, LABELS, PATIENT, FOLLOW_UP, AGE, VIEW = (
    "Image Index", "Finding Labels", "Patient ID", "Follow-up #", "Patient Age", "View Position",
)  # fmt: skip
SEX_NAMES = ("Patient Gender", "Patient Sex")  # 2017 and some v2020 files say Gender
OPTIONAL = (FOLLOW_UP, AGE, VIEW, *SEX_NAMES)
FINDINGS = (*NIH14, NO_FINDING)
BOX_TABLE = "BBox_List_2017.csv"
LISTS = {"train_val": "train_val_list.txt", "test": "test_list.txt"}


def read_nih(dataset: NihDataset, name: str) -> SourceTable:
    """Read the label table, find each image below the root, and note which official part lists it.

    A row whose image is not there, whose labels are unknown, or whose id was seen before is rejected with the reason.
    Raises UserError when folder, table or columns are missing, or when no row at all can be used.
    """
    root = dataset.root
    require_folder(root, name, "a Data_Entry CSV and its images")
    csv = _find_csv(root, dataset.csv)
    files, repeated = find_images(root)
    rows, flaws = read_nih_table(csv)
    rows["path"] = [files.get(image, image) for image in rows["image_id"]]
    absent = (rows["image_id"] != "") & ~rows["image_id"].isin(files.keys())  # a path is no id, or one image had two
    flaws = flaws.mask((flaws == "") & absent, "the image does not exist")
    listed = _read_lists(root)
    rows["listed"] = [listed.get(image, "") for image in rows["image_id"]]
    notes = []
    if extra := len(files.keys() - set(rows["image_id"])):
        notes.append(f"{name}: {extra} image files on disk are named by no row of {csv.name} and were left out")
    if repeated:
        notes.append(f"{name}: {repeated} file names occur in several folders; the first in sorted order is used")
    source = accept_rows(dataset, name, csv, rows, flaws, FINDINGS, origin="nih", notes=notes)
    boxes = root / BOX_TABLE
    return replace(source, boxes=read_boxes(boxes)) if boxes.is_file() else source


def read_nih_table(csv: Path) -> tuple[pd.DataFrame, pd.Series]:
    """Return NIH's label table in our columns, a row each, and for each what is wrong with it; images are not sought.

    Some copies end every line with a comma, and the header's brackets hold one without quotes.
    """
    table, flaws = read_cells(csv, (ID, LABELS, PATIENT), commas_in_header=True)
    table = table.reindex(columns=dict.fromkeys([*table.columns, *OPTIONAL]), fill_value="")
    patients = table[PATIENT].str.strip().str.replace(r"^0+(?=\d)", "", regex=True)  # 00000001 and 1 are one person
    follow_up = table[FOLLOW_UP].str.strip()
    rows = pd.DataFrame(
        {
            "image_id": table[ID],
            "patient_id": patients,
            "study_id": (patients + "-" + follow_up).where(follow_up != "", ""),  # of the 112,120 each is one image
            "view": table[VIEW],
            "sex": table[SEX_NAMES[0]].where(table[SEX_NAMES[0]] != "", table[SEX_NAMES[1]]),
            "age": table[AGE],
        }
    )
    cells = {text: _findings_of(text) for text in table[LABELS].unique()}
    reasons = {text: reason for text, (_, reason) in cells.items()}
    flaws = flaws.mask(flaws == "", table[LABELS].map(reasons))
    for finding in FINDINGS:
        rows[finding] = table[LABELS].map(
            {text: "1" if finding in found else "0" for text, (found, _) in cells.items()}
        )
    return rows, flaws


def _findings_of(text: str) -> tuple[set[str], str]:
    """The findings of one cell such as `Mass|Edema`, and what is wrong with it."""
    found = [label.strip() for label in text.split("|")]
    for label in found:
        if label not in FINDINGS:
            return set(found), f'unknown finding "{label}"'
    if NO_FINDING in found and len(found) > 1:
        return set(found), f'says "{NO_FINDING}" together with a finding'
    return set(found), ""


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
