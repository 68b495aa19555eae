"""Phantoms in the layout of CheXpert: one folder per patient and study, JPEG, 1 / 0 / -1 / blank labels."""

import csv
import io
from pathlib import Path
from zlib import crc32

from cxr.config.atomic import write_text
from cxr.images.files import write_jpeg, write_png
from cxr.phantoms.dataset.lateral import render_lateral
from cxr.phantoms.dataset.rows import Layout, Row, is_test
from cxr.phantoms.phantom import Phantom

ROOT, MASKS_DIR = "CheXpert-v1.0-small", "masks"
OBSERVATIONS: dict[str, tuple[str, ...]] = {
    "No Finding": (),
    "Enlarged Cardiomediastinum": ("Cardiomegaly",),
    "Cardiomegaly": ("Cardiomegaly",),
    "Lung Opacity": ("Infiltration", "Pneumonia", "Consolidation", "Edema", "Atelectasis", "Mass", "Nodule"),
    "Lung Lesion": ("Mass", "Nodule"),
    "Edema": ("Edema",),
    "Consolidation": ("Consolidation",),
    "Pneumonia": ("Pneumonia",),
    "Atelectasis": ("Atelectasis",),
    "Pneumothorax": ("Pneumothorax",),
    "Pleural Effusion": ("Effusion",),
    "Pleural Other": ("Pleural_Thickening", "Fibrosis"),
    "Fracture": (),
    "Support Devices": (),
}
"""CheXpert's columns and the findings that make each 1."""
HEADER = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *OBSERVATIONS)
LATERAL_EVERY = 4  # one study in so many has a lateral image too
MENTIONED = 0.25  # share of absent findings that the report denies (0); the others it does not mention (blank)


def _study(row: Row) -> str:
    part = "valid" if is_test(row) else "train"
    return f"{part}/patient{row.patient:05d}/study{row.followup + 1}"


def _has_lateral(row: Row) -> bool:
    return _share(row, "lateral") < 1 / LATERAL_EVERY


def _share(row: Row, what: str) -> float:
    """A number in [0, 1) that depends on the image and `what` only."""
    return crc32(f"{row.seed} {row.patient} {row.followup} {what}".encode()) / 2**32


def _write_image(folder: Path, row: Row, phantom: Phantom) -> None:
    write_jpeg(folder / ROOT / _study(row) / "view1_frontal.jpg", phantom.image)
    write_png(folder / MASKS_DIR / _study(row) / "view1_frontal.png", phantom.lung_mask)
    if _has_lateral(row):
        lateral = render_lateral(row.seed, row.patient, row.followup, row.image_px)
        write_jpeg(folder / ROOT / _study(row) / "view2_lateral.jpg", lateral)


def _write_tables(folder: Path, rows: list[Row]) -> None:
    """`train.csv` with uncertain and blank labels, `valid.csv` with 1 and 0 only, as radiologists gave them."""
    for part in ("train", "valid"):
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(HEADER)
        for row in rows:
            if is_test(row) == (part == "valid"):
                writer.writerows(_lines(row, certain=part == "valid"))
        write_text(folder / ROOT / f"{part}.csv", table.getvalue())


def _lines(row: Row, certain: bool) -> list[tuple]:
    """The frontal image's line and, where there is one, the lateral's."""
    path, sex = f"{ROOT}/{_study(row)}", "Male" if row.sex == "M" else "Female"
    labels = tuple(_label(row, observation, certain) for observation in OBSERVATIONS)
    lines = [(f"{path}/view1_frontal.jpg", sex, row.age, "Frontal", row.view, *labels)]
    if _has_lateral(row):
        lines.append((f"{path}/view2_lateral.jpg", sex, row.age, "Lateral", "", *labels))
    return lines


def _label(row: Row, observation: str, certain: bool) -> str:
    """1.0 present, -1.0 uncertain (subtle findings, half of them), 0.0 denied, blank not mentioned."""
    causes = set(OBSERVATIONS[observation]) & set(row.labels)
    seen = {"No Finding": not row.labels, "Support Devices": row.devices}.get(observation, bool(causes))
    if certain:
        return "1.0" if seen else "0.0"
    if not seen:
        return "0.0" if _share(row, observation) < MENTIONED and observation != "No Finding" else ""
    return "-1.0" if causes and causes <= set(row.subtle) and _share(row, observation) < 0.5 else "1.0"


CHEXPERT = Layout(_write_image, _write_tables)
