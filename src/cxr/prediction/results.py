"""A bundle and items in, predictions.csv, .jsonl, boxes.csv and rejected.csv out; an interrupted run goes on.

Answers are kept chunk by chunk, each file whole or not there at all, and put together when the last is done; until then
the results of an earlier run stay as they were.
"""

import csv
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from cxr.config.atomic import write_json, write_text, written_atomically
from cxr.config.errors import UserError
from cxr.config.record import file_marks, fingerprint, read_json
from cxr.prediction.answers import Answer, Item
from cxr.prediction.bundle import Bundle
from cxr.prediction.rows import BOX, box_rows, columns_of, record_of, row_of

TABLE, LINES, BOXES, REJECTED = "predictions.csv", "predictions.jsonl", "boxes.csv", "rejected.csv"
RECORD = "predict.json"
OVERLAYS, DICOM = "overlays", "dicom"
OUTPUTS = (RECORD, TABLE, LINES, BOXES, REJECTED)
CHUNKS, INPUTS = ".part-chunks", "inputs.json"
CHUNK_IMAGES = 32

Work = Callable[[Sequence[Item]], list[Answer]]
Draw = Callable[[int, Answer], dict[str, Any]]
"""(place among all items, its answer) -> what its line says of the files that were written: folder -> their names."""


def mark_of(bundle: Bundle, items: Sequence[Item], options: dict[str, Any]) -> str:
    """Return the fingerprint of everything that results depend on."""
    files = {"names": [item.name for item in items], "marks": file_marks(item.path for item in items)}
    return fingerprint({"bundle": bundle.mark, "files": files, "options": options})


def find_results(folder: Path, mark: str, overwrite: bool) -> Counter[str] | None:
    """Return the counts of a finished run with this mark, None where it is to be done or gone on with.

    Raises UserError when the folder holds anything else, unless it is another run and `overwrite`.
    """
    if not folder.is_dir() or not any(folder.iterdir()):
        return None
    if (folder / RECORD).is_file():
        record = read_json(folder / RECORD)
        if record.get("inputs") == mark and all((folder / name).is_file() for name in OUTPUTS):
            return Counter(record["counts"])
    begun = folder / CHUNKS / INPUTS
    if begun.is_file() and read_json(begun).get("inputs") == mark:
        return None
    ours = (folder / RECORD).is_file() or begun.is_file()
    if ours and overwrite:
        return None
    if ours:
        raise UserError(
            f"{folder}: holds predictions of other images, or by another bundle or options; name another --out, or "
            "--overwrite to replace them"
        )
    raise UserError(f"{folder}: is not empty, and holds no predictions; name a folder of its own")


def predict_into(
    folder: Path,
    bundle: Bundle,
    items: Sequence[Item],
    work: Work,
    mark: str,
    about: dict[str, Any],
    draw: Draw | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Counter[str]:
    """Answer all items, CHUNK_IMAGES at a time, and write the results; return how many have which status.

    work: answers a chunk. about: what is kept of the run in predict.json. draw: writes pictures of an image before its
    answer is kept, and returns what its line says of them.
    """
    chunks = folder / CHUNKS
    if not ((chunks / INPUTS).is_file() and read_json(chunks / INPUTS).get("inputs") == mark):
        shutil.rmtree(chunks, ignore_errors=True)
        write_json(chunks / INPUTS, {"inputs": mark})
    starts = range(0, len(items), CHUNK_IMAGES)
    for start in starts:
        chosen = items[start : start + CHUNK_IMAGES]
        if not (chunks / f"{start}.jsonl").is_file():
            records = []
            for place, answer in enumerate(work(chosen), start):
                records.append(record_of(bundle, answer) | (draw(place, answer) if draw else {}))
            lines = [json.dumps(record, allow_nan=False) + "\n" for record in records]
            write_text(chunks / f"{start}.jsonl", "".join(lines))
        if on_progress:
            on_progress(start + len(chosen), len(items))
    counts, drawn = _join(folder, [chunks / f"{start}.jsonl" for start in starts], bundle.findings)
    for stale in {*(folder / OVERLAYS).glob("*"), *(folder / DICOM).glob("*")} - drawn:  # of a run that was replaced
        stale.unlink()
    write_json(folder / RECORD, {"inputs": mark, "counts": dict(counts), **about})
    shutil.rmtree(chunks)
    return counts


def count_objects(folder: Path) -> tuple[int, int]:
    """Return of how many images of finished results there are DICOM objects, and of how many there are none."""
    found = Counter(bool(record.get(DICOM)) for _, record in _records([folder / LINES]))
    return found[True], found[False]


def _join(folder: Path, chunks: Sequence[Path], findings: Sequence[str]) -> tuple[Counter[str], set[Path]]:
    """Write the results, all complete before the first is moved into place; no more than a line in memory.

    Returns how many images have which status, and the pictures that belong to the results.
    """
    counts: Counter[str] = Counter()
    drawn: set[Path] = set()
    with ExitStack() as stack:  # closes the files, then moves them into place
        parts = {name: stack.enter_context(written_atomically(folder / name)) for name in OUTPUTS[1:]}
        streams = {
            name: stack.enter_context(part.open("w", newline="", encoding="utf-8")) for name, part in parts.items()
        }
        write = {name: csv.writer(stream, lineterminator="\n").writerow for name, stream in streams.items()}
        write[TABLE](columns_of(findings))
        write[BOXES](("image", "finding", *BOX))
        write[REJECTED](("image", "reason"))
        for line, record in _records(chunks):
            counts[record["status"]] += 1
            streams[LINES].write(line)
            drawn |= {folder / name for kind in (OVERLAYS, DICOM) for name in record.get(kind, [])}
            if record["status"] == "rejected":
                write[REJECTED]((record["image"], record["reason"]))
                continue
            write[TABLE](row_of(record, findings))
            for row in box_rows(record):
                write[BOXES](row)
        for stream in streams.values():
            stream.flush()  # a full disk is found here, before anything is replaced
        (folder / RECORD).unlink(missing_ok=True)  # of an earlier run there is all, or no record that says so
    return counts, drawn


def _records(chunks: Sequence[Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    for chunk in chunks:
        with chunk.open(encoding="utf-8") as stream:
            for line in stream:
                yield line, json.loads(line)
