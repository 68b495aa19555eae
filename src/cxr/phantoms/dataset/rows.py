"""What the tables of a data set say about one phantom: a `Phantom` in, a `Row` without its pixels out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cxr.phantoms.phantom import Box, Phantom


@dataclass(frozen=True)
class Row:
    """One image; boxes are (x, y, w, h) in pixels of the image."""

    seed: int  # of the data set: patients of another seed are other patients
    patient: int
    followup: int
    age: int  # years
    sex: str
    view: str
    image_px: int
    findings: tuple[str, ...]  # what was drawn
    labels: tuple[str, ...]  # what the label table says
    subtle: tuple[str, ...]
    devices: bool
    boxes: dict[str, list[Box]]


@dataclass(frozen=True)
class Layout:
    """How a public data set lays out its files.

    `write_image(folder, row, phantom)` writes one image with its lung mask, `write_tables(folder, rows)` all tables.
    """

    write_image: Callable[[Path, Row, Phantom], None]
    write_tables: Callable[[Path, list[Row]], None]


TEST_EVERY = 5  # every fifth patient is in the test part


def is_test(row: Row) -> bool:
    """Whether the image's patient is in the test list (NIH) or in `valid` (CheXpert)."""
    return row.patient % TEST_EVERY == 0


def describe(seed: int, patient: int, followup: int, phantom: Phantom) -> Row:
    """Everything but the pixels."""
    return Row(
        seed=seed,
        patient=patient,
        followup=followup,
        age=phantom.age,
        sex=phantom.sex,
        view=phantom.view,
        image_px=phantom.image.shape[0],
        findings=phantom.labels,
        labels=phantom.table_labels,
        subtle=phantom.subtle,
        devices=phantom.devices,
        boxes=phantom.boxes,
    )
