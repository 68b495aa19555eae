"""The content of an image file and an opened bundle in, the JSON answer out: record, outline of the lungs, pictures."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np

from cxr.config.errors import first_line
from cxr.images.files import ImageError, decode_image, encode_png
from cxr.images.geometry import resize
from cxr.images.lies import BY_NAME
from cxr.prediction.answers import Answer, Item, answer_items, heat_of
from cxr.prediction.bundle import Bundle
from cxr.prediction.opened import Opened
from cxr.prediction.rows import record_of
from cxr.segmentation.lungs import outline_mask
from cxr.visualization.overlay import tint

SHOWN_PX, HEAT_PX = 1024, 128
BARE_DICOM = (b"\x08\0", b"\x02\0")
"""The first group of a DICOM file without preamble, little-endian: content says what a file is, never its name."""


def answer_content(bundle: Bundle, opened: Opened, name: str, content: bytes, pictures: bool) -> dict[str, Any]:
    """Return what `schemas.Answered` describes. Raises ImageError when the content is no image that can be used."""
    try:
        image = decode_image(content, may_be_bare=content.startswith(BARE_DICOM))
    except ImageError:
        raise
    except Exception as error:  # of a decoder, over whatever somebody sent
        raise ImageError(f"cannot be processed: {type(error).__name__}: {first_line(error)}") from error
    (answer,) = answer_items(bundle, opened, [Item(name, Path(name), image=image)])
    if answer.status == "rejected":
        raise ImageError(answer.reason)
    record: dict[str, Any] = {"findings": {}} | record_of(bundle, answer)
    height, width = image.shape
    record["lungs"] = {
        "outline": [_scaled(one, width, height).tolist() for one in outline_mask(answer.crop.lungs.mask)]
    }
    record["pictures"] = _pictures(bundle, answer, image) if pictures else None
    return record


def _scaled(points: np.ndarray, width_px: int, height_px: int) -> np.ndarray:
    """(n, 2) shares of width and height -> pixels, to a tenth."""
    return np.round(points * (width_px, height_px), 1)


def _pictures(bundle: Bundle, answer: Answer, image: np.ndarray) -> dict[str, Any]:
    height, width = image.shape
    scale = min(1, SHOWN_PX / max(height, width))
    shown = resize(image, max(round(height * scale), 1), max(round(width * scale), 1))
    heat = {}
    if answer.probabilities is not None:
        turn = BY_NAME[answer.crop.lies].turn
        for k, finding in enumerate(bundle.findings):
            heat[finding] = _data_uri(tint(turn(heat_of(bundle, answer, k, HEAT_PX))))
    return {"xray": _data_uri(shown), "heat": heat}


def _data_uri(pixels: np.ndarray) -> str:
    return "data:image/png;base64," + b64encode(encode_png(pixels)).decode()
