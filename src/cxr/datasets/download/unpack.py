"""A .tar.gz in, its images in one folder out: nothing outside it, and the folder is there only when it is whole."""

import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from cxr.config.errors import UserError, first_line
from cxr.datasets.sources.files import SUFFIXES


def unpack_archive(archive: Path, folder: Path) -> int:
    """Unpack the images of `archive` to `folder/images/` and return how many; their own folders are left out.

    Only regular files with an image's suffix are written, each under its plain name, so that no member can reach beyond
    the folder whatever it is called. Raises UserError when the archive is damaged, holds no image, or two of one name.
    """
    part = folder.with_name(f".part-{folder.name}")
    shutil.rmtree(part, ignore_errors=True)
    (part / "images").mkdir(parents=True)
    names: set[str] = set()
    try:
        with tarfile.open(archive) as members:
            for member in members:
                name = PurePosixPath(member.name).name
                if not member.isreg() or not name.lower().endswith(SUFFIXES):
                    continue
                if name in names:
                    raise UserError(f"{archive}: holds {name} twice")
                names.add(name)
                content = members.extractfile(member)
                with (part / "images" / name).open("wb") as stream:
                    shutil.copyfileobj(content, stream)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk, not the archive
            raise
        raise UserError(
            f"{archive}: is damaged ({first_line(error)}); delete it and run the same command again"
        ) from error
    if not names:
        raise UserError(f"{archive}: holds no image")
    part.replace(folder)
    return len(names)
