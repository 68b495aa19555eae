"""The built-in phantoms: written once below the prepared folder in NIH's layout, then read like NIH's data."""

from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path

from cxr.config.datasets import NihDataset, PhantomDataset
from cxr.config.record import fingerprint
from cxr.config.settings import LungPhantoms
from cxr.datasets.sources.nih import read_nih
from cxr.datasets.table import SourceTable
from cxr.phantoms.dataset.folder import FORM, write_phantoms
from cxr.phantoms.spec import PhantomSpec

Progress = Callable[[int, int], None]


def phantom_folder(
    dataset: PhantomDataset | LungPhantoms, prepared_dir: Path, workers: int, on_progress: Progress | None = None
) -> Path:
    """Return the folder of these phantoms below `prepared_dir`, writing them first where they are not there yet."""
    wanted = {field.name for field in fields(PhantomSpec)}
    spec = PhantomSpec(**dataset.model_dump(include=wanted))
    folder = prepared_dir / "phantoms" / f"{dataset.patients}-patients-{fingerprint({**asdict(spec), 'form': FORM})}"
    write_phantoms(folder, spec, workers=workers, on_progress=on_progress)
    return folder


def read_phantom(
    dataset: PhantomDataset, name: str, prepared_dir: Path, workers: int, on_progress: Progress | None = None
) -> SourceTable:
    """Write the phantoms where needed and read them; the table is marked synthetic."""
    folder = phantom_folder(dataset, prepared_dir, workers, on_progress)
    table = read_nih(NihDataset(format="nih", root=folder), name)
    return replace(table, synthetic=True, origin=f"phantom-{dataset.seed}")
