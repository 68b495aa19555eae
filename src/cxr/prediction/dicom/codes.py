"""Names in, coded concepts (PS3.16) out: the standard's and SNOMED CT's where they fit exactly, else our own scheme.

A wrong code is worse than a private one: only findings whose meaning a code has exactly are listed. Those that DICOM's
own tables hold are as they stand there (`pydicom.sr`); the others were found in public SNOMED CT value sets and maps,
not in a release: Atelectasis, Fibrosis (MII's map of adverse events), Consolidation (OMOP's concept 4318404),
Emphysema, Pneumonia (lists that agree), and Cardiomegaly, of which only mappings of chest X-ray labels agree.
"""

import hashlib
from typing import NamedTuple

from pydicom.dataset import Dataset

OWN_SCHEME = "99CXR"  # designators that begin with 99 are private (PS3.16, 8.2)


class Code(NamedTuple):
    """A coded concept: value, coding scheme designator, meaning."""

    value: str
    scheme: str
    meaning: str


FINDINGS = {
    "Atelectasis": Code("46621007", "SCT", "Atelectasis"),
    "Cardiomegaly": Code("8186001", "SCT", "Cardiomegaly"),
    "Consolidation": Code("95436008", "SCT", "Lung consolidation"),
    "Edema": Code("19242006", "SCT", "Pulmonary edema"),
    "Effusion": Code("60046008", "SCT", "Pleural effusion"),
    "Emphysema": Code("87433001", "SCT", "Pulmonary emphysema"),
    "Fibrosis": Code("51615001", "SCT", "Fibrosis of lung"),
    "Infiltration": Code("112121", "DCM", "Infiltrate"),  # this, Mass, Nodule and Opacity: CID 6102 of Chest CAD
    "Lung_Opacity": Code("112001", "DCM", "Opacity"),
    "Mass": Code("4147007", "SCT", "Mass"),
    "Nodule": Code("27925004", "SCT", "Nodule"),
    "Pneumonia": Code("233604007", "SCT", "Pneumonia"),
    "Pneumothorax": Code("36118008", "SCT", "Pneumothorax"),
}
"""Other findings (a user's own, "Pleural_Thickening", "Support_Devices") are coded in our scheme."""

LONGEST_VALUE, LONGEST_MEANING = 16, 64  # characters of SH and LO (PS3.5, 6.2)


def finding_code(name: str) -> Code:
    """Return the code of a finding; its own name as a private one where no other is known to fit."""
    return FINDINGS.get(name) or own_code(name, name.replace("_", " "))


def own_code(name: str, meaning: str) -> Code:
    """Return a code of our own scheme. A name too long for a code value, or not plain ASCII, ends in its hash."""
    value = name
    if len(name) > LONGEST_VALUE or not name.isascii() or not name.isprintable() or "\\" in name:
        kept = "".join(letter for letter in name if letter.isascii() and letter.isalnum())[:7]
        value = f"{kept}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return Code(value, OWN_SCHEME, short_text(meaning, LONGEST_MEANING))


def code_item(code: Code) -> Dataset:
    """Return the one item of a code sequence (PS3.3, table 8.8-1)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code
    return item


def own_scheme_item() -> Dataset:
    """Return what is said of our own scheme in every object (PS3.3, C.12.1)."""
    item = Dataset()
    item.CodingSchemeDesignator = OWN_SCHEME
    item.CodingSchemeName = "Names of the software cxr"
    return item


def short_text(text: str, longest: int) -> str:
    """Return text as one value of a short string: without backslashes (they part values) and control characters."""
    clean = "".join(letter if letter.isprintable() else " " for letter in text.replace("\\", "/"))
    return clean[:longest].strip()
