"""The prepared folder: where each of its files lies, and the arrays and tables that training and heatmaps read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxr.config.errors import UserError
from cxr.config.labels import Findings
from cxr.config.record import hash_of_ids, read_json
from cxr.datasets.labels import fill_blanks, has_no_finding, keep_single, read_labels
from cxr.datasets.manifest import read_table
from cxr.datasets.split import PARTS, SPLIT_COLUMNS, NamedSplit, check_patients, describe_split
from cxr.datasets.table import DESCRIPTION, REJECTED
from cxr.images.geometry import Box
from cxr.images.lies import BY_NAME, Lie

CROP_COLUMNS = [
    "image_id", "row", "x0", "y0", "x1", "y1", "lung_fraction", "quality", "fallback", "lies", "height_px",
    "width_px", "image_hash",
]  # fmt: skip


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
    boxes = property(lambda self: self.folder / "boxes.csv")
    record = property(lambda self: self.folder / "prepared.json")
    split = property(lambda self: self.folder / f"splits-{self.split_id}.csv")
    split_record = property(lambda self: self.folder / f"splits-{self.split_id}.json")
    subsets = property(lambda self: self.folder / f"subsets-{self.split_id}.csv")


@dataclass(frozen=True)
class Store:
    """A prepared data set with one split, in the row order of the split table.

    crops: (M, S, S) uint8, memory-mapped; rows: (N,) row of each image in it; labels: (N, K) float32 codes 1, 0,
    -1 uncertain, NaN unknown; no_finding: (N,) bool; parts: (N,) train, val or test; folds: (N,) the fold whose test
    part an image is in, "" without folds; boxes: per image, in pixels of the original; lies: how that lies; its crop is
    upright. lungs: (M, P, ceil(P / 8))
    uint8 packed masks, or None with crop.mode none. zero_blanks: sources whose empty labels were read as 0.
    """

    findings: tuple[str, ...]
    image_ids: np.ndarray
    patient_ids: np.ndarray
    parts: np.ndarray
    folds: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    no_finding: np.ndarray
    crops: np.ndarray
    lungs: np.ndarray | None
    boxes: list[Box]
    lies: list[Lie]
    paths: list[Path]
    split: dict[str, Any]
    record: dict[str, Any]
    zero_blanks: tuple[str, ...] = ()


def open_stores(files: PreparedFiles, findings: Findings, zero_blanks: Sequence[str] = ()) -> dict[str, Store]:
    """Open a prepared folder once for every fold of its split; {"": store} where it has none.

    zero_blanks: sources whose empty labels mean 0. Raises UserError when the folder is not complete, a patient is in
    two parts, or a finding is missing.
    """
    tables = _read_tables(files)
    return {fold: _store(files, tables, fold, findings, zero_blanks) for fold in tables.split.folds}


def open_store(files: PreparedFiles, findings: Findings, zero_blanks: Sequence[str] = ()) -> Store:
    """Open a prepared folder with its one split; with folds, as `pooled` lays them together."""
    return pooled(open_stores(files, findings, zero_blanks))


def pooled(stores: dict[str, Store]) -> Store:
    """Return the only store as it is; of several folds one store of all images, each in the test part of its fold."""
    first = next(iter(stores.values()))
    if len(stores) == 1:
        return first
    pieces = [(store, np.flatnonzero(store.parts == "test"), fold) for fold, store in stores.items()]
    arrays = {
        name: np.concatenate([getattr(store, name)[rows] for store, rows, _ in pieces])
        for name in ("image_ids", "patient_ids", "parts", "rows", "labels", "no_finding")
    }
    counts = {part: {"images": 0, "patients": 0, "hash": hash_of_ids([]), "positives": dict.fromkeys(first.findings, 0)}
              for part in PARTS}  # fmt: skip
    counts["test"] = {
        "images": len(arrays["image_ids"]),
        "patients": len(np.unique(arrays["patient_ids"])),
        "hash": hash_of_ids(arrays["image_ids"]),
        "positives": dict(zip(first.findings, (arrays["labels"] == 1).sum(axis=0).tolist(), strict=True)),
    }
    split_hash = hash_of_ids(store.split["hash"] for store in stores.values())
    return replace(
        first,
        **arrays,
        folds=np.concatenate([np.full(len(rows), fold) for _, rows, fold in pieces]),
        boxes=[store.boxes[row] for store, rows, _ in pieces for row in rows],
        lies=[store.lies[row] for store, rows, _ in pieces for row in rows],
        paths=[store.paths[row] for store, rows, _ in pieces for row in rows],
        split={"name": first.split["name"], "hash": split_hash, "parts": counts},
    )


@dataclass(frozen=True)
class _Tables:
    record: dict[str, Any]
    manifest: pd.DataFrame
    crops: pd.DataFrame
    split: NamedSplit


def _read_tables(files: PreparedFiles) -> _Tables:
    if not all(file.is_file() for file in (files.record, files.split_record, files.crops)):
        raise UserError(
            f"{files.folder}: the data are not prepared yet; run ./prepare_data.sh with the same options first"
        )
    record = read_json(files.record)
    try:
        manifest, crop_table = check_tables(files, record)
    except UserError as error:
        raise UserError(f"{error}; ./prepare_data.sh with the same options makes it again") from error
    split = read_table(files.split, SPLIT_COLUMNS)
    try:
        check_patients(manifest, split)
    except UserError as error:
        raise UserError(f"{files.split}: {error}") from error
    named = NamedSplit(read_json(files.split_record)["name"], split)
    return _Tables(record, manifest.set_index("image_id"), crop_table.set_index("image_id"), named)


def _store(files: PreparedFiles, tables: _Tables, fold: str, findings: Findings, zero_blanks: Sequence[str]) -> Store:
    split = tables.split.table[tables.split.table["fold"] == fold].reset_index(drop=True)
    crop_table = tables.crops.loc[split["image_id"]]
    record = tables.record
    written = tables.manifest.loc[split["image_id"]].reset_index()
    chosen = fill_blanks(written, zero_blanks, record["labelled"])
    labels = read_labels(chosen, findings.outputs)
    if findings.single:
        labels = keep_single(labels)
    parts = split["split"].to_numpy(str)
    return Store(
        findings=findings.names,
        image_ids=chosen["image_id"].to_numpy(str),
        patient_ids=chosen["patient_id"].to_numpy(str),
        parts=parts,
        folds=np.where(parts == "test", fold, "").astype(str),
        rows=crop_table["row"].to_numpy(np.int64),
        labels=labels,
        no_finding=has_no_finding(written, chosen),
        crops=np.load(files.crops, mmap_mode="r"),
        lungs=np.load(files.lungs, mmap_mode="r") if files.lungs.is_file() else None,
        boxes=_boxes(crop_table),
        lies=[BY_NAME[name] for name in crop_table["lies"]],
        paths=[Path(record["roots"][s]) / p for s, p in zip(chosen["source"], chosen["path"], strict=True)],
        split=describe_split(chosen, NamedSplit(tables.split.name, split), list(findings.names), labels),
        record=record,
        zero_blanks=tuple(zero_blanks),
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
