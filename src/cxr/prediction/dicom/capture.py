"""The source's header, the overlay and the answers in, a Secondary Capture (PS3.3, A.8.1) out.

This oldest class of colour pictures is the one that every archive and viewer takes.
"""

import hashlib
import re
from datetime import datetime

import numpy as np
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import (
    JPEG2000,
    JPEG2000MC,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
    SecondaryCaptureImageStorage,
)

from cxr.prediction.dicom.answers import MARKING, ImageAnswers
from cxr.prediction.dicom.codes import Code, code_item
from cxr.prediction.dicom.header import (
    copied_value,
    new_header,
    set_character_set,
    source_reference,
    source_shape,
    source_value,
)
from cxr.prediction.dicom.marking import mark

SOURCE_OF_PROCESSING = Code("121322", "DCM", "Source image for image processing operation")
LOSSY_SYNTAXES = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless, JPEG2000, JPEG2000MC)
LOSSY_ONCE = "01"  # C.7.6.1.1.5: what was lossy compressed once stays so called


def build_capture(
    source: Dataset, overlay: np.ndarray, answers: ImageAnswers, when: datetime, turned: bool = False
) -> Dataset:
    """Return the overlay (H, W, 3) uint8, between its bands of text, as an image of the source's study.

    turned: whether the overlay lies otherwise than the source, whose orientation then does not hold for it.
    Raises UnfiledError where the source lacks a UID, ValueError for another overlay.
    """
    if overlay.ndim != 3 or overlay.shape[2] != 3 or overlay.dtype != np.uint8:
        raise ValueError(f"an overlay of shape {overlay.shape} and {overlay.dtype}; (H, W, 3) uint8 is needed")
    pixels, _ = mark(overlay, answers)
    digest = hashlib.sha256(pixels.tobytes()).hexdigest() + answers.digest
    data = new_header(source, SecondaryCaptureImageStorage, "overlay", digest, answers.bundle, when)
    data.Modality = "OT"  # no X-ray any more: a viewer must not window it as one
    data.BodyPartExamined = "CHEST"
    data.ConversionType = "WSD"
    data.DateOfSecondaryCapture, data.TimeOfSecondaryCapture = data.ContentDate, data.ContentTime
    data.ImageType = ["DERIVED", "SECONDARY"]
    data.PatientOrientation = None if turned else _orientation(source, overlay)
    data.BurnedInAnnotation = "YES"
    data.DerivationDescription = f"Findings and heatmap of {answers.bundle.name} over the image. {MARKING}"[:1024]
    data.ImageComments = f"{MARKING}. Not verified by any person."
    reference = source_reference(source)
    reference.PurposeOfReferenceCodeSequence = [code_item(SOURCE_OF_PROCESSING)]
    data.SourceImageSequence = [reference]
    _copy_lossiness(data, source)
    data.set_pixel_data(pixels, "RGB", 8, generate_instance_uid=False)
    set_character_set(data, source, [answers.bundle.name, answers.bundle.version])
    return data


def _orientation(source: Dataset, overlay: np.ndarray) -> list[str] | None:
    """The source's orientation where the overlay has its shape; empty (type 2C) where that cannot be told."""
    given = source_value(source, "PatientOrientation")
    rows, columns = source_shape(source)
    same = abs(overlay.shape[0] * columns - overlay.shape[1] * rows) <= max(rows, columns)
    directions = [str(part) for part in given] if isinstance(given, MultiValue) else []
    valid = len(directions) == 2 and all(re.fullmatch("[APRLHF]{1,3}", part) for part in directions)
    return directions if rows and columns and same and valid else None


def _copy_lossiness(data: Dataset, source: Dataset) -> None:
    syntax = getattr(source, "file_meta", Dataset()).get("TransferSyntaxUID")
    if syntax in LOSSY_SYNTAXES or copied_value(source, "LossyImageCompression") == LOSSY_ONCE:
        data.LossyImageCompression = LOSSY_ONCE
        for keyword in ("LossyImageCompressionRatio", "LossyImageCompressionMethod"):
            value = copied_value(source, keyword)
            if value is not None:
                setattr(data, keyword, value)
