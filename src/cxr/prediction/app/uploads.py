"""A request with one file in, its name and content out; in memory only, and never more than is allowed."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import PurePosixPath

from fastapi import HTTPException, Request
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

FIELD = "file"
MAX_UPLOAD = 50_000_000
"""Bytes of a file: the largest uncompressed detector image of 16 bit has about 40 million."""
ENVELOPE = 100_000
"""Bytes that a form may add to its file."""
MAX_SECONDS = 120
"""For an upload as a whole, so that a slow one cannot keep its place for ever."""
LONGEST_NAME = 120
BODY = {
    "requestBody": {
        "required": True,
        "description": f"One PNG, JPEG or DICOM file of at most {MAX_UPLOAD // 1_000_000} MB.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {FIELD: {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}
"""What OpenAPI is told of it."""


class _InMemory(MultiPartParser):
    """Starlette's parser writes what is larger than this to a temporary file: never, as no larger body comes here."""

    spool_max_size = MAX_UPLOAD + 2 * ENVELOPE


async def read_upload(request: Request) -> tuple[str, bytes]:
    """Return the name and content of the file in the form field `file`.

    Raises HTTPException with one sentence: 413 for too large a body (before it is read where it says so itself, else
    as soon as too much has come), 408 for too slow a one, 415 for what is no form, 422 for a form without one file.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise HTTPException(415, f"Send the image as a form (multipart/form-data) with one file in the field {FIELD}.")
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said[:20]) > MAX_UPLOAD + ENVELOPE:
        raise _too_large()
    try:
        async with asyncio.timeout(MAX_SECONDS):
            return await _parse(request.headers, _limited(request))
    except TimeoutError as error:
        raise HTTPException(408, f"The upload took longer than {MAX_SECONDS} seconds.") from error
    except MultiPartException as error:
        raise HTTPException(400, f"The form cannot be read: {error.message}") from error
    except ClientDisconnect as error:
        raise HTTPException(400, "The upload was broken off.") from error


async def _parse(headers: Headers, stream: AsyncGenerator[bytes, None]) -> tuple[str, bytes]:
    form = await _InMemory(headers, stream, max_files=1, max_fields=0).parse()
    try:
        (file,) = form.getlist(FIELD) or [None]
        if not isinstance(file, UploadFile):
            found = ", ".join(sorted(form)) or "nothing"
            raise HTTPException(422, f"The form needs one file in the field {FIELD}; it has {found[:LONGEST_NAME]}.")
        content = await file.read()
        if len(content) > MAX_UPLOAD:
            raise _too_large()
        return plain_name(file.filename or ""), content
    finally:
        await form.close()


async def _limited(request: Request) -> AsyncGenerator[bytes, None]:
    seen = 0
    async for chunk in request.stream():
        seen += len(chunk)
        if seen > MAX_UPLOAD + ENVELOPE:
            raise _too_large()
        yield chunk


def _too_large() -> HTTPException:
    return HTTPException(413, f"The file is larger than {MAX_UPLOAD // 1_000_000} MB, which is the most allowed here.")


def plain_name(name: str) -> str:
    """Return the last part of a name that somebody sent, with nothing in it that cannot be shown."""
    last = PurePosixPath(name.replace("\\", "/")).name
    plain = "".join(one if one.isprintable() else "_" for one in last)[:LONGEST_NAME]
    return "image" if plain in ("", "..") else plain
