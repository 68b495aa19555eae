import csv
import dataclasses
import io

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from cxr.config.errors import UserError
from cxr.evaluation.comparison import COLUMNS, compare_runs, comparison_table
from cxr.evaluation.delong import delong


@pytest.fixture
def pair(make_predictions):
    """Two runs on the same images; the second knows more, and has rows and findings in another order."""
    first = make_predictions(patients=90)
    better = first.probabilities * 0.5 + 0.5 * (first.label_codes == 1)
    shuffled = np.random.default_rng(1).permutation(len(first.image_ids))
    second = dataclasses.replace(first, probabilities=better).rows(shuffled).of_findings(first.findings[::-1])
    return {"first": first, "second": second}


def test_values_and_differences_are_those_of_scikit_learn(pair):
    found = compare_runs(pair, resamples=100, seed=0)
    for number, function in (("auroc", roc_auc_score), ("average_precision", average_precision_score)):
        for finding in pair["first"].findings:
            values = {}
            for name, run in pair.items():
                test = run.part("test").of_findings([finding])
                known = ~np.isnan(test.labels[:, 0])
                values[name] = function(test.labels[known, 0], test.probabilities[known, 0])
                assert found["values"][name][number][finding]["value"] == pytest.approx(values[name], abs=1e-12)
            difference = found["differences"]["second"][number][finding]
            assert difference["value"] == pytest.approx(values["second"] - values["first"], abs=1e-12)
            assert difference["low"] <= difference["value"] <= difference["high"]


def test_draws_are_paired_by_patient(pair):
    """The interval is that of a plain loop in which both runs are measured on the same drawn patients."""
    found = compare_runs(pair, resamples=1000, seed=0)["differences"]["second"]["auroc"]["Edema"]
    first = pair["first"].part("test").of_findings(["Edema"])
    place = {image: row for row, image in enumerate(pair["second"].image_ids)}
    second = pair["second"].of_findings(["Edema"]).rows([place[image] for image in first.image_ids])
    random, draws = np.random.default_rng(5), []
    patients = np.unique(first.patient_ids)
    rows_of = [np.flatnonzero(first.patient_ids == patient) for patient in patients]
    for _ in range(1000):
        rows = np.concatenate([rows_of[p] for p in random.integers(len(patients), size=len(patients))])
        rows = rows[~np.isnan(first.labels[rows, 0])]
        areas = [roc_auc_score(first.labels[rows, 0], one.probabilities[rows, 0]) for one in (first, second)]
        draws.append(areas[1] - areas[0])
    low, high = np.quantile(draws, [0.025, 0.975])
    assert found["low"] == pytest.approx(low, abs=0.02)
    assert found["high"] == pytest.approx(high, abs=0.02)


def test_p_is_adjusted_over_all_findings_of_all_runs(pair, make_predictions):
    noise = np.random.default_rng(3).random(pair["first"].probabilities.shape)
    third = dataclasses.replace(pair["first"], probabilities=noise)
    found = compare_runs(pair | {"third": third}, resamples=200, seed=0)
    entries = [of["auroc"][finding] for of in found["differences"].values() for finding in found["findings"]]
    assert min(one["p_holm"] for one in entries) == pytest.approx(6 * min(one["p"] for one in entries))
    assert all(one["p_holm"] >= one["p"] for one in entries)
    test = pair["first"].part("test")
    scores = np.stack([one.part("test").probabilities[:, 0] for one in (pair["first"], third)], axis=1)
    p = delong(test.labels[:, 0], scores).difference(1, 0)[2]
    assert found["differences"]["third"]["auroc"]["Edema"]["p_delong"] == pytest.approx(p)
    assert "p_delong" not in found["differences"]["third"]["auroc"]["mean"]


def test_a_run_against_itself_differs_by_nothing_and_has_no_p(make_predictions):
    one = make_predictions()
    found = compare_runs({"one": one, "again": one}, resamples=100, seed=0)
    entry = found["differences"]["again"]["auroc"]["Edema"]
    assert (entry["value"], entry["low"], entry["p"], entry["p_delong"]) == (0, None, None, None)
    assert entry["reason"] == "the same in every resample of test: no interval"


def test_a_difference_to_a_perfect_ranking_has_an_interval(pair):
    perfect = dataclasses.replace(pair["first"], probabilities=(pair["first"].label_codes == 1).astype(float))
    found = compare_runs({"perfect": perfect, "first": pair["first"]}, resamples=100, seed=0)
    assert found["values"]["perfect"]["auroc"]["Edema"]["low"] is None
    entry = found["differences"]["first"]["auroc"]["Edema"]
    assert entry["high"] < 0
    assert entry["p"] < 2 / 101


def test_findings_that_one_run_lacks_are_left_out_and_told(pair):
    fewer = pair["second"].of_findings(["Mass", "Edema"])
    found = compare_runs({"first": pair["first"], "fewer": fewer}, resamples=100, seed=0)
    assert (found["findings"], found["left_out"]) == (["Edema", "Mass"], ["Hernia"])


def test_runs_on_other_images_patients_or_labels_are_refused(pair):
    first, second = pair["first"], pair["second"]

    def refused(other, message):
        with pytest.raises(UserError, match=message):
            compare_runs({"first": first, "other": other}, resamples=100, seed=0)

    kept = second.rows(second.image_ids != first.part("test").image_ids[0])
    refused(kept, rf"hash \w{{12}}, 89 images.*image '{first.part('test').image_ids[0]}' is in first only")
    image = first.part("test").image_ids[3]
    owners = np.where(second.image_ids == image, "x", second.patient_ids)
    refused(dataclasses.replace(second, patient_ids=owners), f"image '{image}' is of patient 'x'")
    codes = np.where((second.image_ids == image)[:, None], np.nan, second.label_codes)
    refused(dataclasses.replace(second, label_codes=codes), f"image '{image}', .*: its label is empty, in first")
    refused(second.rows(second.splits == "val"), "holds no image of the test part")
    refused(dataclasses.replace(second, findings=("A", "B", "C")), "have no finding in common")


def test_the_table_has_a_row_per_number_run_and_finding(pair):
    found = compare_runs(pair, resamples=100, seed=0)
    header, *rows = csv.reader(io.StringIO(comparison_table(found)))
    assert tuple(header) == COLUMNS
    assert len(rows) == 2 * 4
    edema = dict(
        zip(header, next(row for row in rows if row[:4] == ["auroc", "second", "first", "Edema"]), strict=True)
    )
    entry = found["differences"]["second"]["auroc"]["Edema"]
    assert float(edema["difference"]) == entry["value"] == float(edema["value"]) - float(edema["reference_value"])
    assert float(edema["p_delong_holm"]) == entry["p_delong_holm"]
