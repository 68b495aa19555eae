"""A JSON file with addresses and checksums in, the archives to fetch out."""

import json
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from cxr.config.errors import UserError


@dataclass(frozen=True)
class Archive:
    """One .tar.gz of images. name: of the folder it is unpacked into; md5: hex digest of the file."""

    name: str
    url: str
    md5: str


@dataclass(frozen=True)
class Archives:
    """What a data set consists of: archives, and tables that have no address and are fetched by hand from `page`."""

    archives: tuple[Archive, ...]
    by_hand: tuple[str, ...]
    page: str


def read_archives(path: Path | None = None) -> Archives:
    """Read the list at `path`, or NIH's; UserError when it is missing, no JSON or lacks a key."""
    source = path or files("cxr.datasets.download").joinpath("nih.json")
    try:
        content = json.loads(source.read_text(encoding="utf-8"))
        archives = tuple(_archive(one) for one in content["archives"])
        by_hand, page = content.get("by_hand", []), content.get("page", "")
        if not (isinstance(by_hand, list) and all(isinstance(name, str) for name in [*by_hand, page])):
            raise ValueError('"by_hand" must be a list of file names and "page" a text')
        return Archives(archives, tuple(by_hand), page)
    except OSError as error:
        raise UserError(f"{source}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        message = f"lacks the key {error}" if isinstance(error, KeyError) else str(error)
        raise UserError(
            f'{source}: is no list of archives ({message}); it needs "archives", each with "name", "url" and "md5"'
        ) from error


def _archive(one: dict[str, str]) -> Archive:
    """Check one entry; ValueError, KeyError or TypeError where it cannot be fetched or unpacked safely."""
    name, url, md5 = (str(one[key]) for key in ("name", "url", "md5"))
    if not re.fullmatch(r"\w[\w.-]{0,63}", name):
        raise ValueError(f'"{name}" is no name of a folder; use letters, digits, _ . and -')
    if not url.isascii() or urlsplit(url).scheme not in ("http", "https", "ftp", "file"):
        raise ValueError(f'"{url}" is no address; it begins with https:// and is plain ASCII')
    if not re.fullmatch(r"[0-9a-f]{32}", md5.lower()):
        raise ValueError(f'"{md5}" is no MD5 sum of 32 hexadecimal digits')
    return Archive(name, url, md5.lower())


def choose_archives(archives: tuple[Archive, ...], text: str | None) -> tuple[Archive, ...]:
    """Return those that a text such as "1,3-5" names, all for None; UserError for anything else."""
    if text is None:
        return archives
    chosen: set[int] = set()
    for piece in text.split(","):
        first, dash, last = piece.partition("-")
        try:
            numbers = range(int(first), int(last if dash else first) + 1)
        except ValueError:
            numbers = range(0)
        if not numbers or numbers[0] < 1 or numbers[-1] > len(archives):
            raise UserError(
                f'--archives: "{piece}" names none; allowed are numbers from 1 to {len(archives)}, as in 1,3-5'
            )
        chosen |= set(numbers)
    return tuple(archives[number - 1] for number in sorted(chosen))
