"""A loss that is not finite, and the step it came at, in; the error that stops the run, naming the images, out."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr.config.atomic import written_atomically
from cxr.config.errors import UserError
from cxr.training.batches import Batches

DIVERGED = "diverged.csv"
SHOWN_IDS = 8
ADVICE = (
    "lower the learning rate (training.optimizer.learning_rate, or segmentation.learning_rate for the lung network)"
)


@dataclass(frozen=True)
class Step:
    """One step of a run; epoch and step are counted from 0."""

    epoch: int
    step: int
    steps: int
    batches: Batches

    def __str__(self) -> str:
        """As people count."""
        return f"at step {self.step + 1} of {self.steps} of epoch {self.epoch + 1}"


def divergence_error(
    what: str,
    value: float,
    where: Step | str,
    folder: Path | None = None,
    sample_ids: Callable[[np.ndarray], Sequence[str]] | None = None,
) -> UserError:
    """Return the error to raise; with `sample_ids`, write all images of the batch into diverged.csv in `folder`.

    The batch before is listed too: a gradient that is not finite shows only in the loss of the step after.
    """
    text = f"training: the {what} became {value} {where}"
    if isinstance(where, Step) and folder and sample_ids:
        rows = [
            (where.epoch + 1, step + 1, name)
            for step in range(max(where.step - 1, 0), where.step + 1)
            for name in sample_ids(where.batches.rows(step))
        ]
        _write(rows, folder / DIVERGED)
        names = [name for _, step, name in rows if step == where.step + 1]
        more = f" and {len(names) - SHOWN_IDS} more" if len(names) > SHOWN_IDS else ""
        text += f", whose images are {', '.join(names[:SHOWN_IDS])}{more} (these and those of the step before: "
        text += f"{folder / DIVERGED})"
    return UserError(f"{text}; {ADVICE}" + (", or leave out an image that is broken" if folder and sample_ids else ""))


def _write(rows: Sequence[tuple[int, int, str]], path: Path) -> None:
    with written_atomically(path) as part, part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("epoch", "step", "image_id"))
        writer.writerows(rows)
