"""SETTINGS.json: where data lies, where results go, what the machine can do."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from cxr.config.datasets import Dataset, FolderDataset, PathString, PhantomDataset
from cxr.config.lungs import LungPairs, LungPhantoms, LungSet
from cxr.config.model import Model, Positive


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
    lung_masks: list[LungSet] = Field(default=[LungPhantoms(format="phantom")], min_length=1)
    """Pairs of X-ray and lung mask that the lung network learns from and is measured on (`./cxr segment`)."""
    prepared_dir: PathString = Path("data/prepared")
    """Folder for manifests, splits and crops."""
    models_dir: PathString = Path("models")
    """Folder for trained models and their reports."""
    parallel: Parallel = Parallel()
    """Parallel preparation."""
    devices: Positive | Literal["all"] = 1
    """GPUs of this machine that share each batch while a classifier is trained; `all` takes every one."""
    engine: Literal["auto", "openvino", "keras"] = "auto"
    """What runs finished networks: `openvino` (fastest on CPUs), `keras`, or `auto` (keras where there is a GPU)."""

    @model_validator(mode="after")
    def _names_differ(self) -> "Settings":
        names = [self.name_of(dataset) for dataset in self.datasets]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'two data sets are called {name!r}: give each its own "name"')
        names = [pairs.name for pairs in self.lung_masks]
        if "all" in names:
            raise ValueError('a set of lung_masks is called "all", which stands for all sets together; rename it')
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'two sets of lung_masks are called {name!r}: give each its own "name"')
        seeds = {pairs.seed for pairs in self.lung_masks if isinstance(pairs, LungPhantoms)}
        for dataset in self.datasets:
            if isinstance(dataset, PhantomDataset) and dataset.seed in seeds:
                raise ValueError(
                    f"the seeds of lung_masks and of data set {self.name_of(dataset)!r} are both {dataset.seed}: "
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
        masks = [
            m.model_copy(update={"images": folder / m.images, "masks": folder / m.masks})
            if isinstance(m, LungPairs)
            else m
            for m in self.lung_masks
        ]
        moved = {"prepared_dir": folder / self.prepared_dir, "models_dir": folder / self.models_dir}
        return self.model_copy(update={"datasets": datasets, "lung_masks": masks, **moved})
