import dataclasses

import numpy as np
import pytest

from cxr.config.errors import UserError
from cxr.evaluation.predictions import read_predictions, write_predictions
from cxr.visualization.best_member import best_members

FINDINGS = ("Cardiomegaly", "Effusion", "Mass")


@pytest.fixture
def members(copied):
    return [copied / "first", copied / "second"]


def answer(folder, right, change=lambda predictions: predictions):
    """Rewrite a member's predictions: of val right about these findings and wrong about others, of test the reverse."""
    there = read_predictions(folder / "predictions.csv")
    truth = np.where(there.label_codes == 1, 0.9, 0.1)
    sure = np.isin(FINDINGS, right) == (there.splits == "val")[:, None]
    there = dataclasses.replace(there, probabilities=np.where(sure, truth, 1 - truth))
    write_predictions(folder / "predictions.csv", change(there))


def test_the_best_is_chosen_per_finding_on_val(members):
    answer(members[0], ["Effusion"])
    answer(members[1], ["Cardiomegaly", "Mass"])
    assert best_members(members, FINDINGS, "findings").tolist() == [1, 0, 1]
    assert best_members(members, FINDINGS, "sum").tolist() == [1]
    assert best_members(members, FINDINGS[::-1], "findings").tolist() == [1, 0, 1][::-1]
    answer(members[1], ["Effusion"])
    assert best_members(members, FINDINGS, "findings").tolist() == [0, 0, 0]  # the first of equals


def test_a_finding_without_an_auroc_goes_to_the_best_of_the_others(members):
    def never_mass(predictions):
        codes = predictions.label_codes.copy()
        codes[:, 2] = 0
        return dataclasses.replace(predictions, label_codes=codes)

    answer(members[0], ["Mass"], never_mass)
    answer(members[1], ["Cardiomegaly", "Effusion"], never_mass)
    assert best_members(members, FINDINGS, "findings").tolist() == [1, 1, 1]


def test_one_member_needs_no_predictions(tmp_path):
    assert best_members([tmp_path], FINDINGS, "findings").tolist() == [0, 0, 0]


def test_what_cannot_be_compared_is_one_sentence(members):
    answer(members[0], ["Mass"], lambda all_: all_.part("test"))
    with pytest.raises(UserError, match=r"predictions\.csv: holds no image of the val part; heatmaps\.group"):
        best_members(members, FINDINGS, "findings")
    with pytest.raises(UserError, match=r"predictions\.csv: holds no Hernia"):
        best_members(members[1:] * 2, ("Hernia",), "findings")
    (members[0] / "predictions.csv").unlink()
    with pytest.raises(UserError, match=r"predictions\.csv: no such file; heatmaps\.group"):
        best_members(members, FINDINGS, "findings")


def test_no_positive_at_all_is_one_sentence(members):
    for member in members:
        answer(member, [], lambda all_: dataclasses.replace(all_, label_codes=np.zeros_like(all_.label_codes)))
    with pytest.raises(UserError, match='"best" needs a finding with positives and negatives on val'):
        best_members(members, FINDINGS, "findings")
