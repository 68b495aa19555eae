"""Titles of long jobs in, progress bars with the time left on a terminal out, or a line now and then in a log."""

import sys
import time
from collections.abc import Callable

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LOG_EVERY_S = 30.0


def show_progress(title: str) -> Callable[[int, int], None]:
    """Return the function that is told (done, total) by a long job; the bar ends when done reaches total."""
    return _bar(title) if sys.stderr.isatty() else _log(title)


def _bar(title: str) -> Callable[[int, int], None]:
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    bar = Progress(*columns)
    task = bar.add_task(title, total=None)

    def tell(done: int, total: int) -> None:
        if not bar.finished and bar.tasks[0].completed == 0:
            bar.start()
        bar.update(task, completed=done, total=total)
        if done >= total:
            bar.stop()

    return tell


def _log(title: str) -> Callable[[int, int], None]:
    started = last = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done >= total:
            print(f"{title}: {total} done in {now - started:.0f} s", file=sys.stderr, flush=True)
        elif now - last >= LOG_EVERY_S:
            last = now
            left = (now - started) / max(done, 1) * (total - done)
            print(f"{title}: {done} of {total}, about {left:.0f} s left", file=sys.stderr, flush=True)

    return tell
