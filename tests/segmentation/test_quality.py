from dataclasses import fields, replace

import pytest

from cxr.segmentation.quality import CHECKS, LungShape, quality_of

GOOD = LungShape(area=0.25, balance=0.85, distance=0.41, level=0.02, middle_x=0.01, middle_y=0.05, edge=0.0, debris=0.0,
                 certainty=0.97)  # fmt: skip


def test_lungs_as_they_are_in_the_middle_of_593_masks_score_full_marks():
    assert quality_of(GOOD) == 1
    assert CHECKS.keys() == {field.name for field in fields(LungShape)}


@pytest.mark.parametrize(("name", "ends"), [(name, ends) for name, checks in CHECKS.items() for ends in checks])
def test_every_check_alone_can_say_no(name, ends):
    scores = [quality_of(replace(GOOD, **{name: value})) for value in (ends[0], sum(ends) / 2, ends[1])]
    assert scores == [0, pytest.approx(0.5), 1]


def test_the_weakest_check_counts():
    assert quality_of(replace(GOOD, balance=0.25, certainty=0.6)) == pytest.approx(0.2)
