"""An opened bundle in, the web application out: the page, its JSON API and the description of that."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from cxr import __version__
from cxr.images.files import FormatError, ImageError
from cxr.prediction.answers import thresholds_of
from cxr.prediction.app.answered import answer_content
from cxr.prediction.app.examples import find_examples
from cxr.prediction.app.guard import Guard
from cxr.prediction.app.schemas import About, Answered, Example, Refusal
from cxr.prediction.app.uploads import BODY, MAX_UPLOAD, read_upload
from cxr.prediction.bundle import Bundle
from cxr.prediction.cautions import cautions_of
from cxr.prediction.opened import Opened

UPLOADS = 4
"""In memory at a time; others wait before anything is read of them."""
PAGE = {
    "/": ("index.html", "text/html"),
    "/docs": ("docs.html", "text/html"),
    **{f"/{name}": (name, "text/css") for name in ("app.css",)},
    **{f"/{name}": (name, "text/javascript") for name in ("app.js", "viewer.js", "docs.js")},
}
"""Address -> file in page/ and its type."""
TITLE = "cxr: findings in chest X-rays"
DESCRIPTION = "Research use only, not a medical device. Nothing that is sent here is kept."
REFUSED = {
    400: "The form is broken.",
    403: "Another host or site.",
    408: "The upload took too long.",
    413: "The file is too large.",
    415: "Neither PNG nor JPEG nor DICOM, by its content; or no form.",
    422: "An image that cannot be used, for example damaged, a CT or a lateral view; or a form without one file.",
}


def make_app(bundle: Bundle, opened: Opened, local_only: bool = True) -> FastAPI:
    """Return the application. local_only: whether requests under a name other than this machine's own are refused."""
    app = FastAPI(title=TITLE, description=DESCRIPTION, version=__version__, docs_url=None, redoc_url=None)
    app.router.responses = {status: {"model": Refusal, "description": REFUSED[status]} for status in (403, 422)}
    app.add_middleware(Guard, local_only=local_only)
    app.add_exception_handler(RequestValidationError, _explain)
    _add_page(app)
    _add_api(app, bundle, opened)
    return app


def _add_api(app: FastAPI, bundle: Bundle, opened: Opened) -> None:
    # One image at a time, each on all cores: memory stays that of one, and one decoding process is enough for DICOM.
    worker = ThreadPoolExecutor(1, "cxr-app")
    places = asyncio.Semaphore(UPLOADS)
    examples = lru_cache(1)(partial(find_examples, bundle.findings))
    draw = lru_cache(16)(lambda name: examples()[name].png())

    async def work(function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(worker, function, *arguments)

    refused = {status: {"model": Refusal, "description": why} for status, why in REFUSED.items()}

    @app.post("/api/predict", response_model=Answered, openapi_extra=BODY, responses=refused, tags=["answers"])
    async def predict(request: Request, pictures: bool = False) -> Response:
        """Findings of one frontal chest X-ray. `pictures`: with the image and a heatmap of every finding as PNG.

        An image in which no usable lungs are found has the status `unusable` and no findings.
        """
        async with places:
            name, content = await read_upload(request)
            try:
                found = await work(answer_content, bundle, opened, name, content, pictures)
            except ImageError as error:
                status = 415 if isinstance(error, FormatError) else 422
                raise HTTPException(status, f"{name} {error}.") from error
        return JSONResponse(found)

    @app.get("/api/bundle", response_model=About, tags=["about"])
    async def describe_bundle() -> dict[str, Any]:
        """What the bundle answers, with which thresholds, and what must be known of it."""
        return about(bundle, opened)

    @app.get("/api/examples", response_model=list[Example], tags=["examples"])
    async def list_examples() -> list[dict[str, str]]:
        """Synthetic X-rays to try."""
        return [{"name": name, "title": one.title} for name, one in (await work(examples)).items()]

    @app.get("/api/examples/{name}", response_class=Response, tags=["examples"], responses={
        200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}},
        404: {"model": Refusal, "description": "No example has this name."},
    })  # fmt: skip
    async def draw_example(name: str) -> Response:
        """One of them as PNG, drawn when it is asked for."""
        if name not in await work(examples):
            raise HTTPException(404, f"There is no example of that name; there are {', '.join(await work(examples))}.")
        return Response(await work(draw, name), media_type="image/png")


def _add_page(app: FastAPI) -> None:
    folder = files("cxr.prediction.app") / "page"
    for address, (name, kind) in PAGE.items():
        content = (folder / name).read_bytes()
        answer = partial(_send, content, kind)
        app.add_api_route(address, answer, methods=["GET"], include_in_schema=False)


async def _send(content: bytes, kind: str) -> Response:
    return Response(content, media_type=f"{kind}; charset=utf-8")


async def _explain(request: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    return JSONResponse({"detail": f"{first['loc'][-1]}: {first['msg']}."}, 422)


def about(bundle: Bundle, opened: Opened) -> dict[str, Any]:
    """Return what `schemas.About` describes."""
    record = bundle.record
    cuts = [None if cut != cut else float(cut) for cut in thresholds_of(bundle)]  # NaN is not itself
    return {
        "group": record.group,
        "findings": [{"name": one, "threshold": cut} for one, cut in zip(bundle.findings, cuts, strict=True)],
        "members": [member.name for member in record.members],
        "calibrated": bundle.calibration is not None,
        "cautions": cautions_of(bundle),
        "engine": opened.engine,
        "precision": opened.precision,
        "sha256": bundle.mark,
        "max_upload_bytes": MAX_UPLOAD,
        **{key: getattr(record, key) for key in ("uncalibrated", "synthetic", "foreign", "card", "run")},
    }
