"""Phantoms as a tree of DICOM files with a label table: `files/PATIENT/STUDY/IMAGE.dcm` and `labels.csv`."""

import csv
import io
from pathlib import Path

import numpy as np

from cxr.config.atomic import write_text, written_atomically
from cxr.config.findings import NIH14
from cxr.images.files import write_png
from cxr.phantoms.dataset.nih import FRAME_MM
from cxr.phantoms.dataset.rows import Layout, Row
from cxr.phantoms.phantom import Phantom

FILES_DIR, MASKS_DIR = "files", "masks"
STORED_BITS = 12  # as most detectors give
INVERTED_EVERY = 3  # one patient in so many is stored as MONOCHROME1, white air
DIGITAL_X_RAY = "1.2.840.10008.5.1.4.1.1.1.1"  # SOP class "Digital X-Ray Image Storage - For Presentation"


def _path(row: Row) -> str:
    return f"{FILES_DIR}/PHANTOM{row.patient:06d}/study{row.followup + 1}/image1.dcm"


def _write_image(folder: Path, row: Row, phantom: Phantom) -> None:
    with written_atomically(folder / _path(row)) as part:
        _dicom(row, phantom.image).save_as(part, enforce_file_format=True)
    write_png(folder / MASKS_DIR / Path(_path(row)).relative_to(FILES_DIR).with_suffix(".png"), phantom.lung_mask)


def _dicom(row: Row, image: np.ndarray):
    """A pydicom Dataset with the pixels at 12 bits and the tags that a chest X-ray carries."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    inverted, top = row.patient % INVERTED_EVERY == 0, 2**STORED_BITS - 1
    stored = np.round(image.astype(np.float32) * (top / 255)).astype(np.uint16)
    study = f"phantom {row.seed} {row.patient} {row.followup}"
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = DIGITAL_X_RAY
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid(entropy_srcs=[study, "image"])
    data.StudyInstanceUID = generate_uid(entropy_srcs=[study])
    data.SeriesInstanceUID = generate_uid(entropy_srcs=[study, "series"])
    data.PatientID, data.PatientName = f"PHANTOM{row.patient:06d}", f"Phantom^Number {row.patient}"
    data.PatientSex, data.PatientAge = row.sex, f"{row.age:03d}Y"
    data.Modality, data.BodyPartExamined, data.ViewPosition = "DX", "CHEST", row.view
    data.ImageType = ["DERIVED", "PRIMARY"]
    data.ImageComments = "synthetic, no patient"
    data.Rows, data.Columns = image.shape
    data.SamplesPerPixel, data.PixelRepresentation = 1, 0
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, STORED_BITS, STORED_BITS - 1
    data.PhotometricInterpretation = "MONOCHROME1" if inverted else "MONOCHROME2"
    data.PixelSpacing = data.ImagerPixelSpacing = [round(FRAME_MM / image.shape[0], 6)] * 2
    data.WindowCenter, data.WindowWidth = (top + 1) / 2, top + 1
    data.PixelData = (top - stored if inverted else stored).astype("<u2").tobytes()
    data["PixelData"].VR = "OW"
    return data


def _write_tables(folder: Path, rows: list[Row]) -> None:
    """`labels.csv`: path, patient and one 0/1 column per finding."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("path", "patient_id", *NIH14))
    for row in rows:
        writer.writerow((_path(row), f"PHANTOM{row.patient:06d}", *(int(finding in row.labels) for finding in NIH14)))
    write_text(folder / "labels.csv", table.getvalue())


DICOM = Layout(_write_image, _write_tables)
