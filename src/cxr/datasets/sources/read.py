"""Settings in, the table of every data set out: which reader belongs to which format."""

from collections.abc import Callable

from cxr.config.settings import Settings
from cxr.datasets.sources.chexpert import read_chexpert
from cxr.datasets.sources.dicom import read_dicom_tree
from cxr.datasets.sources.folders import read_folders
from cxr.datasets.sources.listing import read_list
from cxr.datasets.sources.nih import read_nih
from cxr.datasets.sources.phantom import read_phantom
from cxr.datasets.sources.table import read_table_source
from cxr.datasets.table import SourceTable

Progress = Callable[[str], Callable[[int, int], None]]
"""Title of a long job -> function that is told (done, total)."""

READERS = {
    "nih": read_nih,
    "chexpert": read_chexpert,
    "list": read_list,
    "table": read_table_source,
    "folders": read_folders,
}


def read_sources(settings: Settings, workers: int, progress: Progress) -> list[SourceTable]:
    """Read every data set of the settings, in their order."""
    sources = []
    for dataset in settings.datasets:
        name = settings.name_of(dataset)
        if dataset.format == "phantom":
            drawing = progress(f"{name}: drawing phantoms")
            sources.append(read_phantom(dataset, name, settings.prepared_dir, workers, drawing))
        elif dataset.format == "dicom":
            reading = progress(f"{name}: reading tags")
            sources.append(read_dicom_tree(dataset, name, settings.prepared_dir, workers, reading))
        else:
            sources.append(READERS[dataset.format](dataset, name))
    return sources
