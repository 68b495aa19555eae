"""The source's header and the answers in, a Structured Report of the class Comprehensive SR (PS3.3, A.35.3) out.

The class and the template (TID 1500) are the ones in which archives expect results of algorithms (IHE AI Results).
"""

from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.uid import ComprehensiveSRStorage

from cxr.prediction.dicom.answers import ImageAnswers
from cxr.prediction.dicom.codes import own_scheme_item
from cxr.prediction.dicom.content import fill_content, texts_of
from cxr.prediction.dicom.header import needed_uid, new_header, set_character_set, source_reference, source_shape


def build_report(source: Dataset, answers: ImageAnswers, when: datetime) -> Dataset:
    """Return the report of the answers as an object of the source's study that refers to the source image.

    Raises UnfiledError where the source lacks a UID.
    """
    data = new_header(source, ComprehensiveSRStorage, "findings", answers.digest, answers.bundle, when)
    data.Modality = "SR"
    data.CodingSchemeIdentificationSequence = [own_scheme_item()]
    data.ReferencedPerformedProcedureStepSequence = []
    data.PerformedProcedureCodeSequence = []
    data.CompletionFlag = "COMPLETE"
    data.VerificationFlag = "UNVERIFIED"
    data.PreliminaryFlag = "PRELIMINARY"
    reference = source_reference(source)
    data.CurrentRequestedProcedureEvidenceSequence = [_evidence(source, reference)]
    fill_content(data, answers, reference, source_shape(source))
    set_character_set(data, source, texts_of(answers))
    return data


def _evidence(source: Dataset, reference: Dataset) -> Dataset:
    """Return the item that says in which study and series the source lies (table C.17-3)."""
    series, study = Dataset(), Dataset()
    series.SeriesInstanceUID = needed_uid(source, "SeriesInstanceUID")
    series.ReferencedSOPSequence = [reference]
    study.StudyInstanceUID = needed_uid(source, "StudyInstanceUID")
    study.ReferencedSeriesSequence = [series]
    return study
