"""Settings and parameters in, a complete prepared folder out: manifest, rejected, crops, split, prepared.json."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cxr.config.atomic import write_json, write_text
from cxr.config.errors import UserError
from cxr.config.findings import NO_FINDING
from cxr.config.params import Params
from cxr.config.record import file_marks, fingerprint, machine_record, read_json
from cxr.config.settings import Settings
from cxr.datasets.labels import fill_blanks
from cxr.datasets.manifest import merge_boxes, merge_sources, read_table, write_table
from cxr.datasets.split import NamedSplit, assign_split
from cxr.datasets.subsets import subset_table
from cxr.datasets.table import BOXES, DESCRIPTION, REJECTED, SourceTable
from cxr.preparation.chunks import LungNet, crop_all, forget_chunks
from cxr.preparation.store import CROP_COLUMNS, PreparedFiles, Store, check_tables, open_stores


@dataclass(frozen=True)
class LungSource:
    """What the crops depend on besides images: the hash of the lung network's file, and how good it is.

    open: opens the network; called only when crops have to be made, because it loads Keras.
    """

    open: Callable[[], LungNet]
    file_hash: str
    metrics: dict[str, Any] | None


def prepared_files(settings: Settings, params: Params) -> PreparedFiles:
    """Return where these settings and parameters keep their prepared data; the name carries their fingerprint."""
    datasets = [dataset.model_dump(mode="json", exclude={"blank"}) for dataset in settings.datasets]
    crops = {"datasets": datasets, "crop": params.crop}
    if params.crop.mode != "none":
        one = params.segmentation
        learnt = {"segmentation": one, "lung_masks": settings.lung_masks}
        crops |= {"weights": one.weights, "cleaning": one.cleaning} if params.lung_weights else learnt
    name = "+".join(settings.name_of(dataset) for dataset in settings.datasets)
    split_id = fingerprint({"split": params.split, "seed": params.seed})[:8]
    return PreparedFiles(settings.prepared_dir / f"{name}-{fingerprint(crops)}", split_id)


def open_prepared(settings: Settings, params: Params) -> dict[str, Store]:
    """Open what these settings and parameters have prepared, once for every fold; {"": store} without folds."""
    return open_stores(prepared_files(settings, params), params.findings, settings.zero_blanks)


def prepare(
    sources: Sequence[SourceTable],
    settings: Settings,
    params: Params,
    lungs: LungSource | None,
    workers: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[PreparedFiles, bool]:
    """Make the prepared folder complete; return it and whether the crops had to be made (False: already there).

    lungs: None when `crop.mode` is none. Raises UserError when no image can be used.
    """
    files = prepared_files(settings, params)
    candidates, rejected = merge_sources(sources)
    _assign(candidates, params)  # what cannot be split is said before hours of cropping, not after
    roots = {source.name: source.root for source in sources}
    paths = [roots[s] / p for s, p in zip(candidates["source"], candidates["path"], strict=True)]
    rows = [table.to_csv(index=False) for table in (candidates, rejected)]
    inputs = fingerprint({"rows": rows, "files": file_marks(paths), "lungs": lungs and lungs.file_hash})
    record = _finished_record(files, inputs)
    fresh = record is None
    if fresh:
        started = time.perf_counter()
        files.record.unlink(missing_ok=True)
        for stale in [*files.folder.glob("splits-*"), *files.folder.glob("subsets-*")]:
            stale.unlink()
        net = lungs.open() if lungs else None
        backend = "threading" if net and net.engine else settings.parallel.backend
        result = crop_all(paths, params.crop, net, files.folder, inputs, backend, workers, on_progress)
        record = _write_tables(files, candidates, rejected, result)
        record |= {
            "inputs": inputs,
            "seconds": round(time.perf_counter() - started, 2),
            "synthetic": all(source.synthetic for source in sources),
            "crop": params.crop.model_dump(),
            "labelled": {source.name: list(source.findings) for source in sources},
            "lungs_sought": lungs is not None,
            "lungs": lungs.metrics if lungs else None,
            **machine_record(),
        }
    places = {name: str(root) for name, root in roots.items()}
    if record.get("roots") != places:  # new, or the same files were moved
        write_json(files.record, record | {"roots": places})
    forget_chunks(files.folder)
    _write_boxes(files, merge_boxes(sources))
    _write_split(files, params, settings.zero_blanks, record["labelled"])
    return files, fresh


def _finished_record(files: PreparedFiles, inputs: str) -> dict[str, Any] | None:
    """Return prepared.json when all it stands for is there, whole, and made of these inputs, else None."""
    if not files.record.is_file():
        return None
    record = read_json(files.record)
    if record.get("inputs") != inputs:
        return None
    try:
        check_tables(files, record)
    except UserError:
        return None  # damaged or incomplete: made again
    return record


def _write_tables(
    files: PreparedFiles, candidates: pd.DataFrame, rejected: pd.DataFrame, result: pd.DataFrame
) -> dict[str, Any]:
    """Write manifest.csv, crops.csv and rejected.csv; return the counts and the hash of what classifiers will see.

    Rows in = manifest rows + rejected rows. "content" is the same wherever and whenever the same crops are made.
    """
    bad = (result["reason"] != "").to_numpy()
    unreadable = candidates.loc[bad, ["source", "row", "path"]].assign(reason=result["reason"][bad])
    rejected = pd.concat([rejected, unreadable], ignore_index=True)
    write_table(files.rejected, rejected[REJECTED])
    manifest = candidates[~bad].drop(columns="row").reset_index(drop=True)
    if manifest.empty:
        raise UserError(f"{files.rejected}: none of {len(candidates)} images can be used; the reasons are listed there")
    write_table(files.manifest, manifest)
    crops = result[~bad].reset_index(drop=True)
    crops.insert(0, "image_id", manifest["image_id"])
    write_table(files.crop_table, crops[CROP_COLUMNS])
    return {
        "content": fingerprint([manifest.to_csv(index=False), list(crops["pixels_hash"])]),
        "images": len(manifest),
        "patients": int(manifest["patient_id"].nunique()),
        "rejected": len(rejected),
        "fallbacks": int(crops["fallback"].astype(int).sum()),
        "set_upright": int((crops["lies"] != "").sum()),
    }


def _write_boxes(files: PreparedFiles, boxes: pd.DataFrame) -> None:
    """Write the boxes of the images that are there, in pixels of the original; an unchanged file is left alone."""
    sizes = read_table(files.crop_table, CROP_COLUMNS).set_index("image_id")[["width_px", "height_px"]].astype(float)
    boxes = boxes[boxes["image_id"].isin(sizes.index)]
    scale = sizes.loc[boxes["image_id"], ["width_px", "height_px"] * 2].to_numpy()
    pixels = (boxes[BOXES[2:]] * scale).round(2)
    table = pd.concat([boxes[BOXES[:2]], pixels], axis=1)
    text = table.to_csv(index=False, lineterminator="\n")
    if not files.boxes.is_file() or files.boxes.read_text(encoding="utf-8") != text:
        write_text(files.boxes, text)


def _assign(manifest: pd.DataFrame, params: Params) -> NamedSplit:
    """Split a manifest by its own finding columns, so that runs with other finding sets share the split."""
    findings = [column for column in manifest.columns if column not in (*DESCRIPTION, NO_FINDING, "row")]
    return assign_split(manifest, params.split, findings, params.seed)


def _write_split(
    files: PreparedFiles, params: Params, zero_blanks: Sequence[str], labelled: dict[str, list[str]]
) -> None:
    manifest = read_table(files.manifest, DESCRIPTION)
    split = _assign(manifest, params)
    write_table(files.split, split.table)
    write_table(files.subsets, subset_table(fill_blanks(manifest, zero_blanks, labelled), split))
    write_json(files.split_record, {"name": split.name, "split": params.split.model_dump(), "seed": params.seed})
