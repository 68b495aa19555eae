"""The prepared folder: where each of its files lies, and the arrays and tables that training and heatmaps read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxr.config.errors import UserError
from cxr.config.record import read_json
from cxr.datasets.manifest import read_labels, read_table
from cxr.datasets.split import NamedSplit, check_patients, describe_split
from cxr.datasets.table import DESCRIPTION, REJECTED
from cxr.images.geometry import Box

CROP_COLUMNS = ["image_id", "row", "x0", "y0", "x1", "y1", "lung_fraction", "quality", "fallback"]


@dataclass(frozen=True)
class PreparedFiles:
    """Names of the files in one prepared folder; `record` is written last, so a folder with it is complete."""

    folder: Path
    split_id: str

    manifest = property(lambda self: self.folder / "manifest.csv")
    rejected = property(lambda self: self.folder / "rejected.csv")
    crops = property(lambda self: self.folder / "crops.npy")
    lungs = property(lambda self: self.folder / "lungs.npy")
    crop_table = property(lambda self: self.folder / "crops.csv")
    record = property(lambda self: self.folder / "prepared.json")
    split = property(lambda self: self.folder / f"splits-{self.split_id}.csv")
    split_record = property(lambda self: self.folder / f"splits-{self.split_id}.json")


@dataclass(frozen=True)
class Store:
    """A prepared data set with one split, in the row order of the split table.

    crops: (M, S, S) uint8, memory-mapped; rows: (N,) row of each image in it; labels: (N, K) float32 codes 1, 0,
    -1 uncertain, NaN unknown; parts: (N,) train, val or test; boxes: per image, in pixels of the original.
    lungs: (M, P, ceil(P / 8)) uint8 packed masks, or None with crop.mode none.
    """

    findings: tuple[str, ...]
    image_ids: np.ndarray
    patient_ids: np.ndarray
    parts: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    crops: np.ndarray
    lungs: np.ndarray | None
    boxes: list[Box]
    paths: list[Path]
    split: dict[str, Any]
    record: dict[str, Any]


def open_store(files: PreparedFiles, findings: tuple[str, ...]) -> Store:
    """Open a prepared folder; UserError when it is not complete, a patient is in two parts, or a finding is missing."""
    if not all(file.is_file() for file in (files.record, files.split_record, files.crops)):
        raise UserError(
            f"{files.folder}: the data are not prepared yet; run ./prepare_data.sh with the same options first"
        )
    record = read_json(files.record)
    try:
        manifest, crop_table = check_tables(files, record)
    except UserError as error:
        raise UserError(f"{error}; ./prepare_data.sh with the same options makes it again") from error
    split = read_table(files.split, ["image_id", "split"])
    try:
        check_patients(manifest, split)
    except UserError as error:
        raise UserError(f"{files.split}: {error}") from error
    crop_table = crop_table.set_index("image_id").loc[split["image_id"]]
    chosen = manifest.set_index("image_id").loc[split["image_id"]].reset_index()
    labels = read_labels(chosen, findings)
    named = NamedSplit(read_json(files.split_record)["name"], split)
    return Store(
        findings=findings,
        image_ids=chosen["image_id"].to_numpy(str),
        patient_ids=chosen["patient_id"].to_numpy(str),
        parts=split["split"].to_numpy(str),
        rows=crop_table["row"].to_numpy(np.int64),
        labels=labels,
        crops=np.load(files.crops, mmap_mode="r"),
        lungs=np.load(files.lungs, mmap_mode="r") if files.lungs.is_file() else None,
        boxes=_boxes(crop_table),
        paths=[Path(record["roots"][s]) / p for s, p in zip(chosen["source"], chosen["path"], strict=True)],
        split=describe_split(chosen, named, list(findings), labels),
        record=record,
    )


def check_tables(files: PreparedFiles, record: dict[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return manifest and crop table of a prepared folder; UserError when a file is missing, damaged or incomplete."""
    manifest, crop_table = read_table(files.manifest, DESCRIPTION), read_table(files.crop_table, CROP_COLUMNS)
    read_table(files.rejected, REJECTED)
    if not len(manifest) == len(crop_table) == record.get("images"):
        raise UserError(f"{files.folder}: its tables do not hold the {record.get('images')} images that were prepared")
    for array in (files.crops, files.lungs) if record.get("lungs_sought") else (files.crops,):
        try:
            rows = len(np.load(array, mmap_mode="r"))
        except (OSError, ValueError, EOFError) as error:
            raise UserError(f"{array}: is missing or damaged ({error})") from error
        if rows <= crop_table["row"].astype(int).max():
            raise UserError(f"{array}: has {rows} rows, too few for crops.csv")
    return manifest, crop_table


def lung_mask(store: Store, index: int) -> np.ndarray | None:
    """Return the (P, P) bool lung mask of image `index` (of the plainly resized image), None where none was sought."""
    if store.lungs is None:
        return None
    packed = store.lungs[store.rows[index]]
    return np.unpackbits(packed, axis=-1, count=len(packed)).astype(bool)


def _boxes(crop_table: pd.DataFrame) -> list[Box]:
    corners = crop_table[["x0", "y0", "x1", "y1"]].to_numpy(np.int64)
    return [Box(*map(int, row)) for row in corners]
