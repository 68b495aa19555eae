"""One entry of `datasets` in SETTINGS.json: a class per format."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from cxr.config.findings import NIH14, checked_name
from cxr.config.model import Model, Name, Positive, Seed

LISTED_PARTS = ("train", "val", "test", "train_val")
Blank = Literal["zero", "unknown"]


def _without_null(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("a path cannot hold a null character")
    return path


def _with_one_group(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f'"{pattern}" is no regular expression ({error})') from error
    if groups != 1:
        raise ValueError(f'"{pattern}" has {groups} groups (...); exactly one is needed, which holds the patient id')
    return pattern


def _without_null_text(text: str) -> str:
    _without_null(Path(text))
    return text


def _each_once(names: list[str]) -> list[str]:
    if again := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"{again[0]} is named twice")
    return names


PathString = Annotated[Path, Field(strict=False), AfterValidator(_without_null)]
PatientPattern = Annotated[str, AfterValidator(_with_one_group)]
FindingName = Annotated[str, AfterValidator(checked_name)]
FileName = Annotated[str, Field(min_length=1), AfterValidator(_without_null_text)]
Column = Annotated[str, Field(min_length=1)]


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
    """Of findings among them: `even`, or as rare as among the ill of `nih`'s table. Which go together is as there."""
    label_noise: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Share of findings the label table misses, and of labels it invents; the truth is then in `true_labels.csv`."""


class FolderDataset(Model):
    """What every data set read from a folder has."""

    format: str
    name: Name | None = None
    """Name of the source in manifests and reports; the format when not given."""
    origin: Name | None = None
    """Data sets of one origin share their patients and image names (two folders of NIH's images). When not given:
    `nih`, `chexpert` and `dicom` for these formats, else the name."""
    root: PathString
    """The folder; relative paths start at the SETTINGS file."""
    limit_patients: Positive | None = None
    """Use only the first so many patients (by number) of each listed part; all when not given."""

    @property
    def own_findings(self) -> tuple[str, ...]:
        """Findings that this entry names itself."""
        return ()


class NihDataset(FolderDataset):
    """NIH ChestX-ray14 as downloaded, or any part of it."""

    format: Literal["nih"]
    """`nih`: a folder with Data_Entry CSV and `images*/images/*.png`."""
    csv: FileName | None = None
    """Label table inside `root`; when not given, the one `Data_Entry_2017*.csv` there."""


class ChexpertDataset(FolderDataset):
    """CheXpert as downloaded (`CheXpert-v1.0` or `-small`), or any part of it."""

    format: Literal["chexpert"]
    """`chexpert`: a folder with `train.csv`, `valid.csv` or both, and the images they name."""
    laterals: Literal["leave_out", "keep"] = "leave_out"
    """Lateral images: `leave_out` (listed in `rejected.csv`), or `keep`."""
    blank: Blank = "zero"
    """A finding that the report does not mention: `zero` (absent, as CheXpert's authors take it) or `unknown`."""


class ListDataset(FolderDataset):
    """Text files with a line per image: its path, then 0 or 1 for each finding, as many repositories publish splits."""

    format: Literal["list"]
    """`list`: lines of `path 0 1 0 ...`, separated by blanks, tabs or commas."""
    lists: dict[Literal["train", "val", "test", "train_val", "all"], FileName] = Field(min_length=1)
    """The files inside `root` by the part they list; `all` for a file that names no part."""
    findings: Annotated[list[FindingName], AfterValidator(_each_once)] = Field(default=list(NIH14), min_length=1)
    """What the columns after the path stand for, in their order."""
    patient_pattern: PatientPattern
    """Regular expression whose group is the patient id in a path, e.g. `(\\d{8})_\\d{3}` for NIH's file names."""

    @property
    def own_findings(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(self.findings)


class TableColumns(Model):
    """What the columns of a table hold: ours -> theirs."""

    path: Column
    """Column with the image's path below `root`."""
    patient_id: Column
    """Column with the patient."""
    image_id: Column | None = None
    """Column with a name for the image; its path when not given."""
    study_id: Column | None = None
    """Column with the study."""
    view: Column | None = None
    """Column with the view: PA, AP, LATERAL."""
    sex: Column | None = None
    """Column with the sex."""
    age: Column | None = None
    """Column with the age in years."""
    split: Column | None = None
    """Column with the part: train, val, test or train_val."""
    findings: dict[FindingName, Column] = Field(min_length=1)
    """Finding -> column with 1, 0, -1 (uncertain) or nothing."""


class TableDataset(FolderDataset):
    """Any CSV table with a row per image."""

    format: Literal["table"]
    """`table`: any CSV with a row per image, its columns named here."""
    csv: FileName
    """The table inside `root`."""
    columns: TableColumns
    """What its columns hold."""
    blank: Blank = "unknown"
    """An empty cell of a finding: `zero` or `unknown`."""

    @property
    def own_findings(self) -> tuple[str, ...]:
        """The mapped findings."""
        return tuple(self.columns.findings)


class FoldersDataset(FolderDataset):
    """One folder per class."""

    format: Literal["folders"]
    """`folders`: a folder of images for each class, in `root` or in folders `train`, `val` and `test` there."""
    classes: dict[str, list[FindingName]] = Field(min_length=1)
    """Folder -> the findings its images have, e.g. `{"NORMAL": ["No Finding"], "PNEUMONIA": ["Pneumonia"]}`; findings
    of the other folders they do not have."""
    patient_pattern: PatientPattern
    """Regular expression whose group is the patient id in a file name."""

    @field_validator("classes")
    @classmethod
    def _folders(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        for folder in value:
            if not folder or folder in LISTED_PARTS or "/" in folder or "\\" in folder:
                raise ValueError(f'"{folder}" cannot be the folder of a class; it is a name without slashes')
        if not any(value.values()):
            raise ValueError("no folder has a finding; name at least one")
        return value

    @property
    def own_findings(self) -> tuple[str, ...]:
        """The findings of all classes."""
        return tuple(dict.fromkeys(finding for findings in self.classes.values() for finding in findings))


class DicomColumns(Model):
    """What the columns of a DICOM tree's label table hold."""

    path: Column = "path"
    """Column with the file's path below `root`, its name, or its SOP instance UID."""
    patient_id: Column | None = None
    """Column with the patient; the files' tag PatientID when not given."""
    split: Column | None = None
    """Column with the part: train, val, test or train_val."""
    findings: dict[FindingName, Column] | None = None
    """Finding -> column; when not given, every column that is named like a known finding."""


class DicomDataset(FolderDataset):
    """A tree of DICOM files with a label table; patient ids are stored as keyed hashes, names never."""

    format: Literal["dicom"]
    """`dicom`: a tree of DICOM files and a table with their labels."""
    csv: FileName
    """The table inside `root`."""
    columns: DicomColumns = DicomColumns()
    """What its columns hold."""
    blank: Blank = "unknown"
    """An empty cell of a finding: `zero` or `unknown`."""

    @property
    def own_findings(self) -> tuple[str, ...]:
        """The mapped findings."""
        return tuple(self.columns.findings or ())


Dataset = Annotated[
    PhantomDataset | NihDataset | ChexpertDataset | ListDataset | TableDataset | FoldersDataset | DicomDataset,
    Field(discriminator="format"),
]
