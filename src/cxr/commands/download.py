"""`cxr download FOLDER`: the archives of NIH ChestX-ray14 fetched, checked and unpacked."""

import argparse
from pathlib import Path

from joblib import Parallel, delayed

from cxr.commands.context import core_count
from cxr.commands.progress import show_progress
from cxr.datasets.download.fetch import fetch_archive
from cxr.datasets.download.sources import Archive, choose_archives, read_archives
from cxr.datasets.download.unpack import unpack_archive


def run(options: argparse.Namespace) -> None:
    """Fetch what is not there yet, one archive after the other, then unpack them side by side."""
    source = read_archives(options.sources)
    chosen = choose_archives(source.archives, options.archives)
    todo = [archive for archive in chosen if not (options.folder / archive.name).is_dir()]
    for archive in todo:
        path = _path(options.folder, archive)
        if not path.is_file():
            fetch_archive(archive, path, show_progress(f"{archive.name} (MB)"))
    jobs = (delayed(unpack_archive)(_path(options.folder, one), options.folder / one.name) for one in todo)
    counts = Parallel(n_jobs=core_count())(jobs)
    for archive, count in zip(todo, counts, strict=True):
        print(f"download: {count} images unpacked: {options.folder / archive.name}")
        if not options.keep:
            _path(options.folder, archive).unlink()
    if there := len(chosen) - len(todo):
        print(f"download: {there} archives were there already")
    missing = [name for name in source.by_hand if not (options.folder / name).is_file()]
    if missing:
        print(f"download: still to be fetched by hand from {source.page} into {options.folder}: {', '.join(missing)}")


def _path(folder: Path, archive: Archive) -> Path:
    return folder / "archives" / f"{archive.name}.tar.gz"
