"""An address and a checksum in, a whole file out; an interrupted transfer goes on where it stopped."""

import hashlib
import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, build_opener

from cxr.config.errors import UserError
from cxr.datasets.download.sources import Archive

BLOCK_BYTES, TIMEOUT_S, ATTEMPTS, WAIT_S = 2**20, 60, 5, 3.0
PARTIAL, RANGE_NOT_SATISFIABLE, TOO_MANY_REQUESTS, SERVER_ERROR = 206, 416, 429, 500


def fetch_archive(archive: Archive, path: Path, on_progress: Callable[[int, int], None] | None = None) -> None:
    """Fetch to `path`, which exists only when the file is whole and has the right MD5.

    What arrived lies beside it as `.part-...` and is gone on with, by range requests, now or by the next run. A file of
    another checksum is fetched once more from its beginning.
    Raises UserError when the server cannot be reached, has no such file, or sends another one twice.
    """
    part = path.with_name(f".part-{path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    for last_chance in (False, True):
        _fetch_rest(archive.url, part, on_progress)
        found = _md5(part)
        if found == archive.md5:
            part.replace(path)
            return
        part.unlink()
        if last_chance:
            raise UserError(f"{archive.url}: has MD5 {found} twice, not {archive.md5}; it is another file than it was")


def _fetch_rest(url: str, part: Path, on_progress: Callable[[int, int], None] | None) -> None:
    """Append what is missing; a connection that breaks is taken up again, as long as something arrives in between."""
    failures = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            if _receive(url, part, before, on_progress):
                return
            error: Exception = EOFError("the connection ended too early")
        except HTTPError as failure:
            failure.close()
            if failure.code < SERVER_ERROR and failure.code != TOO_MANY_REQUESTS:
                raise UserError(f"{url}: cannot be fetched (HTTP {failure.code} {failure.reason})") from failure
            error = failure
        except (URLError, HTTPException, OSError) as failure:
            error = failure
        arrived = (part.stat().st_size if part.exists() else 0) > before
        failures = 0 if arrived else failures + 1
        if failures == ATTEMPTS:
            reason = getattr(error, "reason", error)
            raise UserError(
                f"{url}: cannot be fetched ({reason}); the same command goes on where it stopped"
            ) from error
        time.sleep(WAIT_S * failures)


def _receive(url: str, part: Path, start: int, on_progress: Callable[[int, int], None] | None) -> bool:
    """Receive from byte `start` on; whether the file is whole now."""
    request = Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        response = build_opener().open(request, timeout=TIMEOUT_S)  # proxies as the environment has them now
    except HTTPError as error:
        if error.code == RANGE_NOT_SATISFIABLE:  # nothing is missing
            error.close()
            return True
        raise
    with response:
        goes_on = response.status == PARTIAL
        length = response.headers.get("Content-Length")
        done = start if goes_on else 0
        total = done + int(length) if length else None
        with part.open("ab" if goes_on else "wb") as stream:
            while block := response.read(BLOCK_BYTES):
                stream.write(block)
                done += len(block)
                if on_progress and total:
                    on_progress(done // BLOCK_BYTES, -(-total // BLOCK_BYTES))
    return total is None or done == total


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
