"""A folder of X-rays in, a folder of lung masks and a table of their quality out."""

import shutil
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from cxr.config.atomic import write_json, written_atomically
from cxr.config.errors import UserError
from cxr.config.record import file_marks, fingerprint, read_json
from cxr.datasets.sources.files import SUFFIXES, walk_files
from cxr.images.dicom_tags import is_dicom_file
from cxr.images.files import ImageError, read_image, write_png
from cxr.images.geometry import resize
from cxr.preparation.chunks import CHUNK_IMAGES, LungNet
from cxr.preparation.resumable import mark_begun, may_resume, run_chunks
from cxr.segmentation.lungs import find_lungs

TABLE, RECORD = "masks.csv", "masks.json"
COLUMNS = ["path", "mask", "quality", "usable", "lung_fraction", "height_px", "width_px", "reason"]
TEXTS = ("path", "mask", "reason")


def write_masks(
    images: Path,
    folder: Path,
    net: LungNet,
    net_hash: str,
    min_quality: float,
    backend: str,
    workers: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[pd.DataFrame, bool]:
    """Write a mask (PNG, 0 and 255, of the image's size) for every X-ray below `images`, and masks.csv.

    Returns its table (COLUMNS) and whether it was written now: usable says whether quality reaches `min_quality`,
    reason why an image has no mask. An interrupted run goes on where it stopped, and a finished one is kept. Raises
    UserError when there are no images, or when `folder` holds anything else.
    """
    if not images.is_dir():
        raise UserError(f"{images}: no such folder; name one that holds X-rays")
    paths = [
        Path(path) for path in walk_files(images) if path.lower().endswith(SUFFIXES) or is_dicom_file(images / path)
    ]
    if not paths:
        raise UserError(f"{images}: holds no image ({', '.join(SUFFIXES)}, or DICOM under any name)")
    if folder.resolve().is_relative_to(images.resolve()):
        raise UserError(f"{folder}: lies inside {images}: the masks would be taken for X-rays; name another folder")
    done_dir = folder / ".part-chunks"
    inputs = fingerprint(
        {
            "files": [str(path) for path in paths],
            "marks": file_marks([images / path for path in paths]),
            "net": net_hash,
            "min_quality": min_quality,
            "cleaning": net.cleaning,
        }
    )
    if _is_finished(folder, inputs):
        return _read_table(folder), False
    if not may_resume(done_dir, inputs):
        if folder.exists() and any(folder.iterdir()):
            raise UserError(
                f"{folder}: is not empty, and holds no run of the same images and parameters; name a folder of its own"
            )
        mark_begun(done_dir, inputs)
    stems = Counter(path.with_suffix("") for path in paths)
    twins = {path for path in paths if stems[path.with_suffix("")] > 1}  # x.png and x.jpg: both keep their ending
    work = partial(_mask_chunk, images, folder, net, min_quality, twins)
    table = run_chunks(paths, CHUNK_IMAGES, work, done_dir, backend, workers, on_progress, TEXTS)
    with written_atomically(folder / TABLE) as part:
        table.to_csv(part, index=False)
    write_json(folder / RECORD, {"inputs": inputs, "images": len(table)})
    shutil.rmtree(done_dir)
    return table, True


def _is_finished(folder: Path, inputs: str) -> bool:
    """Whether `folder` holds the finished table of these inputs and every mask that it names."""
    record, table = folder / RECORD, folder / TABLE
    if not record.is_file() or not table.is_file() or read_json(record).get("inputs") != inputs:
        return False
    return all((folder / mask).is_file() for mask in _read_table(folder)["mask"] if mask)


def _read_table(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / TABLE, keep_default_na=False, dtype=dict.fromkeys(TEXTS, str))


def _mask_chunk(
    images: Path, folder: Path, net: LungNet, min_quality: float, twins: set[Path], _: int, paths: list[Path]
) -> pd.DataFrame:
    """Write the masks of one chunk, and return its table."""
    read = [_read(images / path) for path in paths]
    usable = [k for k, image in enumerate(read) if not isinstance(image, str)]
    found = {}
    if usable:
        inputs = np.stack([resize(read[k], net.image_px, net.image_px) for k in usable])[..., None]
        found = dict(zip(usable, net.open().run(inputs.astype(np.float32))[0], strict=True))
    rows = []
    for k, (path, image) in enumerate(zip(paths, read, strict=True)):
        if isinstance(image, str):
            rows.append((path.as_posix(), "", 0.0, 0, 0.0, 0, 0, image))
            continue
        height, width = image.shape
        lungs = find_lungs(resize(found[k][..., 0], height, width), net.cleaning)
        mask = path.with_name(f"{path.name}.png") if path in twins else path.with_suffix(".png")
        write_png(folder / mask, np.where(lungs.mask, 255, 0).astype(np.uint8))
        scores = (round(lungs.quality, 4), int(lungs.quality >= min_quality), round(lungs.fraction, 4))
        rows.append((path.as_posix(), mask.as_posix(), *scores, height, width, ""))
    return pd.DataFrame(rows, columns=COLUMNS)


def _read(path: Path) -> np.ndarray | str:
    try:
        return read_image(path)
    except ImageError as error:
        return str(error)
