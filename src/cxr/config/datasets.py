"""One entry of `datasets` in SETTINGS.json: a class per format."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from cxr.config.model import Model, Name, Positive, Seed


def _without_null(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("a path cannot hold a null character")
    return path


PathString = Annotated[Path, Field(strict=False), AfterValidator(_without_null)]


class PhantomDataset(Model):
    """The built-in synthetic chest X-rays, made on first use under `prepared_dir`."""

    format: Literal["phantom"]
    """`phantom`: synthetic X-rays in NIH's layout."""
    name: Name | None = None
    """Name of the source in manifests and reports; the format when not given."""
    patients: Positive = 1700
    """Number of synthetic patients, one to five images each."""
    seed: Seed = 7
    """Patients of another seed are other patients."""
    image_px: Annotated[int, Field(ge=64, le=1024)] = 320
    """Height and width of the images, in pixels."""
    prevalence: Annotated[float, Field(ge=0, le=1)] = 0.7
    """Share of patients who have findings."""
    frequencies: Literal["even", "nih"] = "even"
    """Of the findings among them: `even`, or as rare as in `nih`'s table (Hernia 0.2 %). Co-occurring as there."""
    label_noise: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Share of findings the label table misses, and of labels it invents; the truth is then in `true_labels.csv`."""


class NihDataset(Model):
    """NIH ChestX-ray14 as downloaded, or any part of it."""

    format: Literal["nih"]
    """`nih`: a folder with Data_Entry CSV and `images*/images/*.png`."""
    name: Name | None = None
    """Name of the source in manifests and reports; the format when not given."""
    root: PathString
    """The folder; relative paths start at the SETTINGS file."""
    csv: str | None = None
    """Label table inside `root`; when not given, the one `Data_Entry_2017*.csv` there."""
    limit_patients: Positive | None = None
    """Use only the first so many patients (by number) of each official part; all when not given."""
