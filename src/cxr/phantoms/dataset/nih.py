"""Phantoms in the layout of NIH ChestX-ray14: nested image folder, label table, box table, two lists."""

import csv
import io
from pathlib import Path

from cxr.config.atomic import write_text
from cxr.images.files import write_png
from cxr.phantoms.dataset.rows import Layout, Row, is_test
from cxr.phantoms.phantom import Phantom

IMAGES_DIR, MASKS_DIR = "images_001/images", "masks"
ENTRY_HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)
BOX_HEADER = "Image Index,Finding Label,Bbox [x,y,w,h],,,"
BOX_GRID_PX = 1024  # NIH gives boxes on this grid, whatever the size of the file
BOX_NAMES = {"Infiltration": "Infiltrate"}  # NIH's box file has a name of its own for it
FRAME_MM = 380.0  # width of the imaged field, from which the pixel spacing follows


def _name(row: Row) -> str:
    return f"{row.patient:08d}_{row.followup:03d}.png"


def _write_image(folder: Path, row: Row, phantom: Phantom) -> None:
    write_png(folder / IMAGES_DIR / _name(row), phantom.image)
    write_png(folder / MASKS_DIR / _name(row), phantom.lung_mask)


def _write_tables(folder: Path, rows: list[Row]) -> None:
    """Label table, the same with the drawn findings where labels are noisy, boxes of labelled findings, two lists."""
    write_text(folder / "Data_Entry_2017.csv", _as_csv(ENTRY_HEADER, [_entry(row, row.labels) for row in rows]))
    if any(row.labels != row.findings for row in rows):
        write_text(folder / "true_labels.csv", _as_csv(ENTRY_HEADER, [_entry(row, row.findings) for row in rows]))
    write_text(folder / "BBox_List_2017.csv", _as_csv(BOX_HEADER, [box for row in rows for box in _boxes(row)]))
    for name, wanted in (("train_val_list.txt", False), ("test_list.txt", True)):
        write_text(folder / name, "".join(f"{_name(row)}\n" for row in rows if is_test(row) == wanted))


def _entry(row: Row, labels: tuple[str, ...]) -> tuple:
    """A row of the label table."""
    spacing_mm = round(FRAME_MM / row.image_px, 6)
    person = (row.patient, row.age, row.sex, row.view)
    sizes = (row.image_px, row.image_px, spacing_mm, spacing_mm)
    return (_name(row), "|".join(labels) or "No Finding", row.followup, *person, *sizes)


def _boxes(row: Row) -> list[tuple]:
    """Rows of the box table, for findings that are drawn and labelled."""
    scale = BOX_GRID_PX / row.image_px
    return [
        (_name(row), BOX_NAMES.get(finding, finding), *(round(side * scale, 3) for side in box), "", "", "")
        for finding, boxes in row.boxes.items()
        if finding in row.labels
        for box in boxes
    ]


def _as_csv(header: str, lines: list[tuple]) -> str:
    """NIH's headers are no valid CSV names (commas inside brackets, unquoted), so they are written as they are."""
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows(lines)
    return f"{header}\n{table.getvalue()}"


NIH = Layout(_write_image, _write_tables)
