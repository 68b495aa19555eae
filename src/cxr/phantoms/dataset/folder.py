"""A folder of phantoms: a `PhantomSpec`, a layout and a folder in; images, masks and tables out."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from json import loads
from pathlib import Path

from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor

from cxr.config.atomic import write_json
from cxr.config.errors import UserError
from cxr.config.findings import NIH14
from cxr.phantoms.course import draw_course
from cxr.phantoms.dataset.chexpert import CHEXPERT
from cxr.phantoms.dataset.dicom import DICOM
from cxr.phantoms.dataset.nih import NIH
from cxr.phantoms.dataset.rows import Layout, Row, describe
from cxr.phantoms.phantom import render_visit
from cxr.phantoms.spec import PhantomSpec

FORM = 6  # of the drawing: raise it when a spec gives other pixels, or older folders are taken for new ones
STARTED_JSON, COMPLETE_JSON = "phantoms-started.json", "phantoms.json"
CHUNK_PATIENTS = 8  # one task of a worker
LAYOUTS: dict[str, Layout] = {"nih": NIH, "chexpert": CHEXPERT, "dicom": DICOM}
"""Name -> how files and tables are laid out."""


def write_phantoms(
    folder: Path,
    spec: PhantomSpec,
    workers: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
    layout: str = "nih",
) -> None:
    """Write the whole data set into `folder`; return at once when it is complete there.

    Layout "nih": `images_001/images/{patient:08d}_{followup:03d}.png` (8-bit grey), `Data_Entry_2017.csv`,
    `BBox_List_2017.csv` (pixels of a 1024 grid; one row per side for findings of both lungs), `train_val_list.txt`,
    `test_list.txt`, and `true_labels.csv` where labels are noisy. "chexpert": `CheXpert-v1.0-small/` with `train.csv`,
    `valid.csv` and some lateral images. "dicom": `files/` and `labels.csv`. `masks/` holds the lung
    masks (0/255) under the same names. `phantoms-started.json` marks the folder as ours from the first moment,
    `phantoms.json` is written last.

    An image depends only on (spec without `patients`, patient, follow-up): the result is the same for any number of
    `workers` (processes), and a smaller set is the beginning of a larger one. An interrupted run is written anew,
    and so is a set that files were removed from. `on_progress` is called with (images written, images in all).

    Raises UserError when the folder holds phantoms of another spec, or anything else.
    """
    folder = Path(folder)
    signature = {"form": FORM, "layout": layout, "spec": asdict(spec)}
    if _is_complete(folder, signature):
        return
    try:
        write_json(folder / STARTED_JSON, signature)
    except FileNotFoundError as error:
        raise UserError(f"{folder}: cannot be made ({error.strerror})") from error
    patients = range(1, spec.patients + 1)
    images_n = sum(len(draw_course(spec, patient).visits) for patient in patients)
    chunks = [patients[start : start + CHUNK_PATIENTS] for start in range(0, len(patients), CHUNK_PATIENTS)]
    rows: list[Row] = []
    for written in _written_chunks(folder, spec, layout, chunks, workers):
        rows += written
        if on_progress:
            on_progress(len(rows), images_n)
    LAYOUTS[layout].write_tables(folder, rows)
    write_json(folder / COMPLETE_JSON, signature | {"counts": _count(rows), "files": _files_in(folder)})


def _is_complete(folder: Path, wanted: dict) -> bool:
    """Whether the data set lies there already; refuse folders that hold something else: nothing is overwritten."""
    for name in (COMPLETE_JSON, STARTED_JSON):
        path = folder / name
        if not path.exists():
            continue
        try:
            content = loads(path.read_text(encoding="utf-8"))
            found = {key: content.get(key) for key in wanted}
        except (ValueError, AttributeError) as error:
            raise UserError(f"{path} is damaged ({error}); delete {folder} and run again") from None
        if found != wanted:
            raise UserError(
                f"{path} describes other phantoms: found {found}, wanted {wanted}; "
                f"name another folder or delete {folder}"
            )
        return name == COMPLETE_JSON and _files_in(folder) >= content.get("files", 0)
    if folder.exists() and any(folder.iterdir()):
        raise UserError(
            f"{folder} is not empty and holds no {COMPLETE_JSON}; phantoms are only written to a folder of their own"
        )
    return False


def _files_in(folder: Path) -> int:
    """How many files the folder holds, its record and its picture not counted."""
    return sum(path.is_file() and path.name not in (COMPLETE_JSON, "sheet.png") for path in folder.rglob("*"))


def _written_chunks(
    folder: Path, spec: PhantomSpec, layout: str, chunks: list[range], workers: int
) -> Iterator[list[Row]]:
    """Write all chunks, in this process or in several, and yield their rows in order."""
    if workers == 1:
        yield from (_write_chunk(folder, spec, layout, chunk) for chunk in chunks)
        return
    tasks = (delayed(_write_chunk)(folder, spec, layout, chunk) for chunk in chunks)
    yield from Parallel(n_jobs=workers, backend="loky", return_as="generator")(tasks)
    # Kept for the next step, which needs more memory, these processes would be taken for leaking and be replaced.
    get_reusable_executor().shutdown(wait=True)


def _write_chunk(folder: Path, spec: PhantomSpec, layout: str, patients: range) -> list[Row]:
    """Render and write all images of some patients."""
    rows = []
    for patient in patients:
        course = draw_course(spec, patient)
        for followup in range(len(course.visits)):
            phantom = render_visit(spec, patient, followup, course)
            rows.append(describe(spec.seed, patient, followup, phantom))
            LAYOUTS[layout].write_image(folder, rows[-1], phantom)
    return rows


def _count(rows: list[Row]) -> dict:
    """Counts for the record."""
    findings = Counter(label for row in rows for label in row.labels)
    return {
        "patients": len({row.patient for row in rows}),
        "images": len(rows),
        "boxes": sum(len(boxes) for row in rows for boxes in row.boxes.values()),
        "No Finding": sum(not row.labels for row in rows),
        "findings": {finding: findings[finding] for finding in NIH14},
        "wrong labels": sum(len(set(row.labels) ^ set(row.findings)) for row in rows),
    }
