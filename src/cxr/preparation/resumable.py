"""A long loop over images in chunks: tables of chunks in a folder of their own, so that an interrupted loop goes on."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed

from cxr.config.atomic import write_json, written_atomically

Work = Callable[[int, list[Path]], pd.DataFrame]
"""(first row, paths of a chunk) -> a table with a row for each; a function that other processes can be sent."""


def may_resume(done_dir: Path, inputs: str) -> bool:
    """Whether `done_dir` holds chunks of an interrupted loop with the same inputs."""
    mark = done_dir / "inputs.json"
    return mark.is_file() and mark.read_text(encoding="utf-8").strip() == f'"{inputs}"'


def mark_begun(done_dir: Path, inputs: str) -> None:
    """Say what the chunks of `done_dir` are made of; whatever they need is in place by now."""
    write_json(done_dir / "inputs.json", inputs)


def run_chunks(
    paths: list[Path],
    chunk: int,
    work: Work,
    done_dir: Path,
    backend: str,
    workers: int,
    on_progress: Callable[[int, int], None] | None = None,
    text_columns: tuple[str, ...] = (),
) -> pd.DataFrame:
    """Return the tables of all chunks of so many paths below each other; what has a table in `done_dir` is not redone.

    text_columns: columns that are text even where they look like numbers. The result does not depend on the number of
    workers. The caller removes `done_dir` when it has made use of the result.
    """
    count, starts = len(paths), range(0, len(paths), chunk)
    todo = [start for start in starts if not _table(done_dir, start).is_file()]
    tasks = (delayed(_do_chunk)(start, paths[start : start + chunk], work, done_dir) for start in todo)
    finished = count - sum(min(chunk, count - start) for start in todo)
    for done in Parallel(n_jobs=workers, backend=backend, return_as="generator_unordered")(tasks):
        finished += done
        if on_progress:
            on_progress(finished, count)
    dtypes: Mapping[str, type] = dict.fromkeys(text_columns, str)
    tables = [pd.read_csv(_table(done_dir, start), keep_default_na=False, dtype=dtypes) for start in starts]
    return pd.concat(tables, ignore_index=True)


def _do_chunk(start: int, paths: list[Path], work: Work, done_dir: Path) -> int:
    """Do one chunk, then write its table: the table says that the chunk is done."""
    table = work(start, paths)
    with written_atomically(_table(done_dir, start)) as part:
        table.to_csv(part, index=False)
    return len(paths)


def _table(done_dir: Path, start: int) -> Path:
    return done_dir / f"{start}.csv"
