"""The parallel loop: image paths in, crops.npy, lungs.npy and a table of both out; resumes when interrupted."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from cxr.config.atomic import write_json, written_atomically
from cxr.config.params import Crop
from cxr.engines.engine import Engine
from cxr.preparation.crop import crop_images

CHUNK_IMAGES = 32
PART, DONE = ".part-", ".part-chunks"
RESULT_COLUMNS = [
    "row", "x0", "y0", "x1", "y1", "lung_fraction", "quality", "fallback", "height_px", "width_px", "image_hash",
    "pixels_hash", "reason",
]  # fmt: skip


@dataclass(frozen=True)
class LungNet:
    """How workers get at the lung network: OpenVINO files (opened once per process), or an engine in this process."""

    image_px: int
    openvino: Path | None = None
    engine: Engine | None = None

    def open(self) -> Engine:
        """Return the engine; OpenVINO runs on one thread, because the workers are what runs in parallel."""
        return self.engine if self.engine else _opened(self.openvino)


@lru_cache(maxsize=1)
def _opened(path: Path) -> Engine:
    from cxr.engines.openvino_engine import OpenVinoEngine

    return OpenVinoEngine(path, batch=CHUNK_IMAGES, threads=1)


def crop_all(
    paths: list[Path],
    crop: Crop,
    lung_net: LungNet | None,
    folder: Path,
    inputs: str,
    backend: str,
    workers: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Write crops.npy and lungs.npy, row i for paths[i], and return RESULT_COLUMNS for every path (why rejected).

    crops.npy: (N, S, S) uint8. lungs.npy, with a lung network only: (N, P, ceil(P / 8)) uint8, cleaned masks of the
    plainly resized image, eight pixels a byte (numpy.packbits).

    inputs: fingerprint of paths and parameters; chunks of an interrupted run with the same one are not done again,
    until `forget_chunks` is called. Results do not depend on the number of workers. Rejected rows stay black.
    """
    arrays = {"crops.npy": (len(paths), crop.image_px, crop.image_px)}
    if lung_net:
        arrays["lungs.npy"] = (len(paths), lung_net.image_px, -(-lung_net.image_px // 8))
    done_dir = folder / DONE
    _prepare_resume(folder, done_dir, inputs, arrays)
    starts = range(0, len(paths), CHUNK_IMAGES)
    todo = [start for start in starts if not (done_dir / f"{start}.csv").is_file()]
    tasks = (
        delayed(_do_chunk)(start, paths[start : start + CHUNK_IMAGES], crop, lung_net, folder, done_dir)
        for start in todo
    )
    finished = len(paths) - sum(min(CHUNK_IMAGES, len(paths) - start) for start in todo)
    for count in Parallel(n_jobs=workers, backend=backend, return_as="generator_unordered")(tasks):
        finished += count
        if on_progress:
            on_progress(finished, len(paths))
    tables = [
        pd.read_csv(done_dir / f"{start}.csv", keep_default_na=False, dtype={"pixels_hash": str, "image_hash": str})
        for start in starts
    ]
    for name in arrays:
        if (folder / (PART + name)).is_file():  # a run that was killed here has moved the first already
            (folder / (PART + name)).replace(folder / name)
    return pd.concat(tables, ignore_index=True)


def forget_chunks(folder: Path) -> None:
    """Remove what an interrupted run needs to go on: all that is made of the crops is in place."""
    shutil.rmtree(folder / DONE, ignore_errors=True)


def _prepare_resume(folder: Path, done_dir: Path, inputs: str, arrays: dict[str, tuple[int, ...]]) -> None:
    """Keep what an interrupted run with the same inputs left; otherwise start with empty arrays."""
    mark = done_dir / "inputs.json"
    begun = all((folder / (PART + name)).is_file() or (folder / name).is_file() for name in arrays)
    if begun and mark.is_file() and mark.read_text(encoding="utf-8").strip() == f'"{inputs}"':
        return
    shutil.rmtree(done_dir, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("crops.npy", "lungs.npy"):  # of other inputs; from now on they are there only when moved into place
        (folder / name).unlink(missing_ok=True)
    for name, shape in arrays.items():
        np.lib.format.open_memmap(folder / (PART + name), mode="w+", dtype=np.uint8, shape=shape).flush()
    write_json(mark, inputs)


def _do_chunk(start: int, paths: list[Path], crop: Crop, lung_net: LungNet | None, folder: Path, done_dir: Path) -> int:
    """Crop one chunk into the arrays, then write its table: the table says that the chunk is done."""
    results = crop_images(paths, crop, lung_net.open() if lung_net else None, lung_net.image_px if lung_net else 0)
    crops = np.lib.format.open_memmap(folder / (PART + "crops.npy"), mode="r+")
    masks = np.lib.format.open_memmap(folder / (PART + "lungs.npy"), mode="r+") if lung_net else None
    records = []
    for row, result in enumerate(results, start):
        if isinstance(result, str):
            records.append((row, *[0] * 9, "", "", result))
            continue
        crops[row] = result.pixels
        if masks is not None:
            masks[row] = np.packbits(result.lungs.mask, axis=-1)
        scores = (round(result.lungs.fraction, 4), round(result.lungs.quality, 4)) if result.lungs else (0, 0)
        pixels_hash = blake2b(result.pixels.tobytes(), digest_size=8).hexdigest()
        original = (result.height_px, result.width_px, result.image_hash)
        records.append((row, *result.box, *scores, int(result.fallback), *original, pixels_hash, ""))
    for array in (crops, masks):
        if array is not None:
            array.flush()
    with written_atomically(done_dir / f"{start}.csv") as table:
        pd.DataFrame(records, columns=RESULT_COLUMNS).to_csv(table, index=False)
    return len(paths)
