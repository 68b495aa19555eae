"""A chest X-ray's header as a file would give it, and answers about it."""

import io

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from cxr.prediction.dicom.answers import BundleName, FindingAnswer, ImageAnswers

ROWS, COLUMNS = 40, 60


@pytest.fixture
def make_header():
    """A function: tags -> the data set read back from the bytes of such a file; a tag None is left out."""

    def make(**tags):
        data = Dataset()
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data.SpecificCharacterSet = tags.pop("SpecificCharacterSet", "ISO_IR 100")
        data.SOPClassUID, data.SOPInstanceUID = DigitalXRayImageStorageForPresentation, "1.2.3.4"
        data.StudyInstanceUID, data.SeriesInstanceUID, data.InstanceNumber = "1.2.3", "1.2.3.1", 7
        data.StudyDate, data.StudyTime, data.StudyID, data.AccessionNumber = "20240229", "101112", "S1", "A-77"
        data.PatientID, data.PatientName, data.PatientSex, data.PatientAge = "4711", "Müller^Jörg", "M", "058Y"
        data.PatientBirthDate, data.ReferringPhysicianName, data.StudyDescription = "19660101", "Ward^A", "Thorax"
        data.IssuerOfPatientID, data.PatientOrientation = "Clinic", ["L", "F"]
        data.Modality, data.BodyPartExamined, data.PhotometricInterpretation = "DX", "CHEST", "MONOCHROME1"
        data.Rows, data.Columns, data.SamplesPerPixel, data.PixelRepresentation = ROWS, COLUMNS, 1, 0
        data.BitsAllocated, data.BitsStored, data.HighBit = 8, 8, 7
        data.PixelData = bytes(ROWS * COLUMNS)
        data["PixelData"].VR = "OB"
        block = data.private_block(0x0011, "SOME VENDOR", create=True)
        block.add_new(0x01, "LO", "a private secret")
        for name, value in tags.items():
            if value is None:
                delattr(data, name)
            else:
                setattr(data, name, value)
        stream = io.BytesIO()
        data.save_as(stream, implicit_vr=False, little_endian=True)
        return dcmread(io.BytesIO(stream.getvalue()), force=True)

    return make


@pytest.fixture
def overlay():
    """(ROWS, COLUMNS, 3) uint8 of noise: no two places are alike."""
    return np.random.default_rng(5).integers(0, 256, (ROWS, COLUMNS, 3), dtype=np.uint8)


@pytest.fixture
def answers():
    """Three findings: positive with two boxes (one beyond the image), negative, and a user's own without threshold."""
    findings = (
        FindingAnswer("Effusion", 0.731, 0.4, True, ((3.0, 5.0, 20.5, 30.0), (50.0, 30.0, 99.0, 80.0))),
        FindingAnswer("Edema", 1e-7, 0.25, False, ((100.0, 100.0, 120.0, 120.0),)),
        FindingAnswer("Enlarged_Cardiomediastinum", 0.5),
    )
    return ImageAnswers(BundleName("Ensemble", "0.1.0", "ab" * 32), findings, ("No lungs were found.",))
