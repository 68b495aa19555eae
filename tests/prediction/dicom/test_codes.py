"""Every code that is written: against pydicom's copy of DICOM's tables, and by the check digit that SNOMED CT gives."""

import pytest
from pydicom.sr._concepts_dict import concepts

from cxr.prediction.dicom import capture, codes, content
from cxr.prediction.dicom.codes import FINDINGS, OWN_SCHEME, Code

ALL = {one for module in (capture, content) for one in vars(module).values() if isinstance(one, Code)}
ALL |= set(FINDINGS.values())
IN_NO_TABLE = {"46621007", "8186001", "95436008", "87433001", "51615001", "233604007", "399208008"}
"""SNOMED CT's, of findings and of the plain chest X-ray; their sources stand in `codes`."""

# Verhoeff, "Error Detecting Decimal Codes", 1969, as SNOMED CT's Release File Specification, 5.1, prescribes.
PERMUTED = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def turn(one, two):
    """The product of two elements of the group of the regular pentagon: 0 to 4 turn, 5 to 9 mirror."""
    if one < 5:
        return (one + two) % 5 if two < 5 else 5 + (one + two) % 5
    return 5 + (one - two) % 5 if two < 5 else (one - two) % 5


def check(number):
    total = 0
    for place, digit in enumerate(map(int, reversed(number))):
        for _ in range(place % 8):
            digit = PERMUTED[digit]
        total = turn(total, digit)
    return total


@pytest.mark.parametrize("code", sorted(ALL), ids=lambda code: code.meaning)
def test_a_code_means_what_the_standard_says(code):
    if code.scheme in (OWN_SCHEME, "UCUM", "RFC5646"):
        return
    known = [meanings[code.value][0] for meanings in concepts[code.scheme].values() if code.value in meanings]
    if code.value in IN_NO_TABLE:
        assert not known
    else:
        assert code.meaning in known


def test_snomed_numbers_have_their_check_digit():
    numbers = [code.value for code in ALL if code.scheme == "SCT"]
    assert len(numbers) > 10
    assert not [number for number in numbers if check(number)]
    assert check("95436003")  # seen in the wild for consolidation: a digit is wrong


def test_other_findings_are_coded_in_our_scheme():
    assert codes.finding_code("Pleural_Thickening").scheme == OWN_SCHEME
