"""A folder of phantoms in NIH's layout: a `PhantomSpec` and a folder in; images, masks, tables and lists out."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from json import JSONDecodeError, loads
from pathlib import Path

from joblib import Parallel, delayed

from cxr.config.atomic import write_json, write_text
from cxr.config.errors import UserError
from cxr.config.findings import NIH14
from cxr.images.files import write_png
from cxr.phantoms.course import draw_course
from cxr.phantoms.phantom import Phantom, PhantomSpec, render_phantom, render_visit

__all__ = ["Phantom", "PhantomSpec", "render_phantom", "write_phantoms"]

FORM = 1  # of the drawing: raise it when a spec gives other pixels, or older folders are taken for new ones
IMAGES_DIR, MASKS_DIR = "images_001/images", "masks"
STARTED_JSON, COMPLETE_JSON = "phantoms-started.json", "phantoms.json"
ENTRY_HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)
BOX_HEADER = "Image Index,Finding Label,Bbox [x,y,w,h],,,"
BOX_GRID_PX = 1024  # NIH gives boxes on this grid, whatever the size of the file
BOX_NAMES = {"Infiltration": "Infiltrate"}  # NIH's box file has a name of its own for it
FRAME_MM = 360.0  # width of the imaged field, from which the pixel spacing follows
TEST_EVERY = 5  # every fifth patient is in the test list
CHUNK_PATIENTS = 8  # one task of a worker


@dataclass(frozen=True)
class Rows:
    """What one image adds to the tables."""

    name: str
    patient: int
    labels: tuple[str, ...]
    entry: tuple
    boxes: tuple[tuple, ...]


def write_phantoms(
    folder: Path, spec: PhantomSpec, workers: int = 1, on_progress: Callable[[int, int], None] | None = None
) -> None:
    """Write the whole data set into `folder`; return at once when it is complete there.

    The folder then holds `images_001/images/{patient:08d}_{followup:03d}.png` (8-bit grey), `masks/` with the lung
    masks (0/255) under the same names, `Data_Entry_2017.csv`, `BBox_List_2017.csv` (pixels of a 1024 grid; one row per
    side for findings of both lungs), `train_val_list.txt`, `test_list.txt` and, written last, `phantoms.json`;
    `phantoms-started.json` marks it as ours from the first moment.

    An image depends only on (spec without `patients`, patient, follow-up): the result is the same for any number of
    `workers` (processes), and a smaller set is the beginning of a larger one. An interrupted run is written anew.
    `on_progress` is called with (images written, images in all).

    Raises UserError when the folder holds phantoms of another spec, or anything else.
    """
    folder = Path(folder)
    if _is_complete(folder, spec):
        return
    write_json(folder / STARTED_JSON, _signature(spec))
    patients = range(1, spec.patients + 1)
    images_n = sum(len(draw_course(spec.seed, patient, spec.prevalence).visits) for patient in patients)
    chunks = [patients[start : start + CHUNK_PATIENTS] for start in range(0, len(patients), CHUNK_PATIENTS)]
    rows: list[Rows] = []
    for written in _written_chunks(folder, spec, chunks, workers):
        rows += written
        if on_progress:
            on_progress(len(rows), images_n)
    _write_tables(folder, rows)
    write_json(folder / COMPLETE_JSON, _signature(spec) | {"counts": _count(rows)})


def _signature(spec: PhantomSpec) -> dict:
    """What a folder must agree in to be the data set asked for."""
    return {"form": FORM, "spec": asdict(spec)}


def _is_complete(folder: Path, spec: PhantomSpec) -> bool:
    """Whether the data set lies there already; refuse folders that hold something else: nothing is overwritten."""
    wanted = _signature(spec)
    for name in (COMPLETE_JSON, STARTED_JSON):
        path = folder / name
        if not path.exists():
            continue
        try:
            content = loads(path.read_text(encoding="utf-8"))
            found = {key: content.get(key) for key in wanted}
        except (JSONDecodeError, AttributeError) as error:
            raise UserError(f"{path} is damaged ({error}); delete {folder} and run again") from None
        if found != wanted:
            raise UserError(
                f"{path} describes other phantoms: found {found}, wanted {wanted}; "
                f"name another folder or delete {folder}"
            )
        return name == COMPLETE_JSON
    if folder.exists() and any(folder.iterdir()):
        raise UserError(
            f"{folder} is not empty and holds no {COMPLETE_JSON}; phantoms are only written to a folder of their own"
        )
    return False


def _written_chunks(folder: Path, spec: PhantomSpec, chunks: list[range], workers: int) -> Iterator[list[Rows]]:
    """Write all chunks, in this process or in several, and yield their rows in order."""
    if workers == 1:
        yield from (_write_chunk(folder, spec, chunk) for chunk in chunks)
        return
    tasks = (delayed(_write_chunk)(folder, spec, chunk) for chunk in chunks)
    yield from Parallel(n_jobs=workers, backend="loky", return_as="generator")(tasks)


def _write_chunk(folder: Path, spec: PhantomSpec, patients: range) -> list[Rows]:
    """Render and write all images of some patients."""
    rows = []
    for patient in patients:
        course = draw_course(spec.seed, patient, spec.prevalence)
        for followup in range(len(course.visits)):
            phantom = render_visit(spec, patient, followup, course)
            name = f"{patient:08d}_{followup:03d}.png"
            write_png(folder / IMAGES_DIR / name, phantom.image)
            write_png(folder / MASKS_DIR / name, phantom.lung_mask)
            rows.append(_describe(name, patient, followup, phantom))
    return rows


def _describe(name: str, patient: int, followup: int, phantom: Phantom) -> Rows:
    """The rows of one image in NIH's terms."""
    height_px, width_px = phantom.image.shape
    labels, spacing_mm = "|".join(phantom.labels) or "No Finding", round(FRAME_MM / width_px, 6)
    person = (patient, phantom.age, phantom.sex, phantom.view)
    entry = (name, labels, followup, *person, width_px, height_px, spacing_mm, spacing_mm)
    scale = BOX_GRID_PX / width_px
    boxes = tuple(
        (name, BOX_NAMES.get(finding, finding), *(round(side * scale, 3) for side in box), "", "", "")
        for finding, around in phantom.boxes.items()
        for box in around
    )
    return Rows(name, patient, phantom.labels, entry, boxes)


def _write_tables(folder: Path, rows: list[Rows]) -> None:
    """Write the two tables and the two lists."""
    write_text(folder / "Data_Entry_2017.csv", _as_csv(ENTRY_HEADER, [row.entry for row in rows]))
    write_text(folder / "BBox_List_2017.csv", _as_csv(BOX_HEADER, [box for row in rows for box in row.boxes]))
    for name, wanted in (("train_val_list.txt", False), ("test_list.txt", True)):
        members = [row.name for row in rows if (row.patient % TEST_EVERY == 0) == wanted]
        write_text(folder / name, "".join(f"{member}\n" for member in members))


def _as_csv(header: str, lines: list[tuple]) -> str:
    """NIH's headers are no valid CSV names (commas inside brackets, unquoted), so they are written as they are."""
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows(lines)
    return f"{header}\n{table.getvalue()}"


def _count(rows: list[Rows]) -> dict:
    """Counts for the record."""
    findings = Counter(label for row in rows for label in row.labels)
    return {
        "patients": len({row.patient for row in rows}),
        "images": len(rows),
        "boxes": sum(len(row.boxes) for row in rows),
        "No Finding": sum(not row.labels for row in rows),
        "findings": {finding: findings[finding] for finding in NIH14},
    }
