"""SETTINGS.json: where data lies, where results go, what the machine can do."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from cxr.config.datasets import Dataset, FolderDataset, PathString, PhantomDataset
from cxr.config.model import Model, Positive, Seed


class LungPhantoms(Model):
    """Image and lung-mask pairs of synthetic patients."""

    format: Literal["phantom"]
    """`phantom`: pairs of synthetic patients who are in no phantom data set."""
    patients: Positive = 120
    """Number of synthetic patients."""
    seed: Seed = 8
    """Must differ from the seed of every phantom data set, so that no patient serves twice."""
    image_px: Annotated[int, Field(ge=64, le=1024)] = 320
    """Height and width of the images, in pixels."""


class LungPairs(Model):
    """Image and lung-mask pairs in two folders, paired by file stem (`x.jpg` with `x.png` or `x_mask.png`)."""

    format: Literal["pairs"] = "pairs"
    """`pairs`: two folders of files."""
    images: PathString
    """Folder of X-rays."""
    masks: PathString
    """Folder of masks: 0 outside, anything else inside the lungs."""
    patient_pattern: str | None = None
    """Regular expression whose first group is the patient id in a file stem; when not given each image is a patient."""
    limit: Positive | None = None
    """Use only so many pairs, evenly spread over the sorted names; all when not given."""


def _lung_format(value: object) -> str:
    found = value.get("format", "pairs") if isinstance(value, dict) else getattr(value, "format", "pairs")
    return str(found)


LungMasks = Annotated[
    Annotated[LungPhantoms, Tag("phantom")] | Annotated[LungPairs, Tag("pairs")], Discriminator(_lung_format)
]


class Parallel(Model):
    """How the preparation loop is spread over processes."""

    backend: Literal["loky", "threading"] = "loky"
    """joblib backend: `loky` (processes) or `threading`."""
    workers: Positive | Literal["auto"] = "auto"
    """Number of workers; `auto` is one per CPU core."""


class Settings(Model):
    """Everything SETTINGS.json may say."""

    schema_: str | None = Field(default=None, alias="$schema")
    """Path of the JSON schema, for editors."""
    datasets: list[Dataset] = Field(min_length=1)
    """The data sets, merged in this order."""
    lung_masks: LungMasks = LungPhantoms(format="phantom")
    """Pairs of X-ray and lung mask that the lung network learns from when `segmentation.weights` is `train`."""
    prepared_dir: PathString = Path("data/prepared")
    """Folder for manifests, splits and crops."""
    models_dir: PathString = Path("models")
    """Folder for trained models and their reports."""
    parallel: Parallel = Parallel()
    """Parallel preparation."""
    engine: Literal["auto", "openvino", "keras"] = "auto"
    """What runs finished networks: `openvino` (fastest on CPUs), `keras`, or `auto` (keras where there is a GPU)."""

    @model_validator(mode="after")
    def _names_differ(self) -> "Settings":
        names = [self.name_of(dataset) for dataset in self.datasets]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'two data sets are called {name!r}: give each its own "name"')
        if isinstance(self.lung_masks, LungPhantoms):
            for dataset in self.datasets:
                if isinstance(dataset, PhantomDataset) and dataset.seed == self.lung_masks.seed:
                    raise ValueError(
                        f"lung_masks.seed and the seed of data set {self.name_of(dataset)!r} are both {dataset.seed}: "
                        "the lung network would learn from the patients it is used on; choose another seed"
                    )
        return self

    @staticmethod
    def name_of(dataset: PhantomDataset | FolderDataset) -> str:
        """Return the name of a data set: its own, or its format."""
        return dataset.name or dataset.format

    @property
    def zero_blanks(self) -> tuple[str, ...]:
        """Names of the data sets in which an empty label means that the finding is absent."""
        return tuple(self.name_of(d) for d in self.datasets if getattr(d, "blank", "unknown") == "zero")

    @property
    def own_findings(self) -> tuple[str, ...]:
        """Findings that the data sets name themselves, beside those of the known formats."""
        named = [finding for d in self.datasets if isinstance(d, FolderDataset) for finding in d.own_findings]
        return tuple(dict.fromkeys(named))

    def anchored(self, folder: Path) -> "Settings":
        """Return these settings with every relative path starting at `folder` (the folder of SETTINGS.json)."""
        datasets = [
            d.model_copy(update={"root": folder / d.root}) if isinstance(d, FolderDataset) else d for d in self.datasets
        ]
        masks = self.lung_masks
        if isinstance(masks, LungPairs):
            masks = masks.model_copy(update={"images": folder / masks.images, "masks": folder / masks.masks})
        moved = {"prepared_dir": folder / self.prepared_dir, "models_dir": folder / self.models_dir}
        return self.model_copy(update={"datasets": datasets, "lung_masks": masks, **moved})
