from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cxr.config.evaluation import Evaluation
from cxr.evaluation.auroc import auroc
from cxr.evaluation.fitted import fit_on_validation
from cxr.evaluation.measured_part import Part
from cxr.evaluation.resamples import Resamples
from cxr.evaluation.subgroups import measure_subgroups

SPLIT = {"name": "s", "hash": "h"}


@pytest.fixture
def part(make_predictions):
    predictions = make_predictions(patients=300)
    fitted = fit_on_validation(predictions, SPLIT, Evaluation())
    test = predictions.part("test")
    return Part("test", test, *fitted.apply(test), fitted.missing_thresholds(test.findings))


def attributes_of(part, **columns):
    return pd.DataFrame({"image_id": part.predictions.image_ids, **columns}).sample(frac=1, random_state=0)


def test_numbers_are_those_of_the_subgroups_images_and_differences_are_paired(part):
    rows = part.predictions
    sex = np.array(["F", "M", ""])[np.random.default_rng(1).choice(3, p=[0.45, 0.45, 0.1], size=len(rows.image_ids))]
    resamples = Resamples.of(rows.patient_ids, 200, 0)
    found = measure_subgroups(part, attributes_of(part, sex=sex), resamples, 5, 0.95)["sex"]
    assert found["unknown"] == (sex == "").sum()
    assert list(found["groups"]) == ["F", "M"]
    for name, other in (("F", "M"), ("M", "F")):
        group, chosen = found["groups"][name], sex == name
        assert (group["images"], group["patients"]) == (chosen.sum(), len(set(rows.patient_ids[chosen])))
        expected = auroc(rows.labels[chosen], rows.probabilities[chosen])
        called = part.calibrated[chosen] >= part.thresholds[chosen]
        for k, finding in enumerate(rows.findings):
            assert group["auroc"][finding]["value"] == pytest.approx(expected[k])
            missed = ~called[rows.labels[chosen, k] == 1, k]
            assert group["false_negative_rate"][finding]["value"] == pytest.approx(missed.mean())
            assert group["sensitivity"][finding]["value"] == pytest.approx(1 - missed.mean())
            apart = group["difference"]["auroc"][finding]
            assert apart["value"] == pytest.approx(expected[k] - found["groups"][other]["auroc"][finding]["value"])
            assert apart["low"] < apart["value"] < apart["high"]
        assert group["auroc"]["mean"]["value"] == pytest.approx(expected.mean())
        ill = (rows.labels[chosen] == 1).any(axis=1)
        assert group["underdiagnosis"]["value"] == pytest.approx((~called[ill].any(axis=1)).mean())
        mirrored = found["groups"][other]["difference"]["underdiagnosis"]["value"]
        assert group["difference"]["underdiagnosis"]["value"] == pytest.approx(-mirrored)


def test_the_rest_of_several_values_is_all_the_others(part):
    rows = part.predictions
    age = np.array(["0-17", "18-39", "40-59"])[np.random.default_rng(2).choice(3, size=len(rows.image_ids))]
    found = measure_subgroups(part, attributes_of(part, age=age), Resamples.of(rows.patient_ids, 100, 0), 5, 0.95)
    chosen = age == "18-39"
    apart = auroc(rows.labels[chosen], rows.probabilities[chosen]) - auroc(
        rows.labels[~chosen], rows.probabilities[~chosen]
    )
    got = found["age"]["groups"]["18-39"]["difference"]["auroc"]
    assert [got[finding]["value"] for finding in rows.findings] == pytest.approx(list(apart))


def test_too_few_positives_are_null_with_the_reason(part):
    few = np.where(np.arange(len(part.predictions.image_ids)) < 12, "lateral", "PA")
    resamples = Resamples.of(part.predictions.patient_ids, 100, 0)
    group = measure_subgroups(part, attributes_of(part, view=few), resamples, 20, 0.95)["view"]["groups"]["lateral"]
    for kind in ("auroc", "sensitivity", "false_negative_rate"):
        assert group[kind]["Edema"]["value"] is None
        assert "positives in view lateral; a number needs 20" in group[kind]["Edema"]["reason"]
        assert group["difference"][kind]["Edema"]["value"] is None
        assert group[kind]["mean"]["findings"] == 0
    assert group["underdiagnosis"]["value"] is None


def test_outputs_that_mean_normal_are_no_findings_to_be_missed(part):
    resamples = Resamples.of(part.predictions.patient_ids, 100, 0)
    sex = np.where(np.arange(len(part.predictions.image_ids)) % 2, "F", "M")

    def rate(findings):
        renamed = replace(part, predictions=replace(part.predictions, findings=findings))
        return measure_subgroups(renamed, attributes_of(part, sex=sex), resamples, 5, 0.95)["sex"]["groups"]["F"][
            "underdiagnosis"
        ]["value"]

    chosen = sex == "F"
    ill = (part.predictions.labels[chosen, :2] == 1).any(axis=1)
    called = (part.calibrated >= part.thresholds)[chosen, :2].any(axis=1)
    assert rate(("Edema", "Mass", "No Finding")) == pytest.approx((~called[ill]).mean())
    assert rate(("Edema", "Mass", "Hernia")) != rate(("Edema", "Mass", "No Finding"))


def test_images_without_a_row_are_unknown_and_lone_values_are_left_out(part):
    ids = part.predictions.image_ids
    table = pd.DataFrame({"image_id": ids[:40], "sex": np.where(np.arange(40) % 2, "F", "M"), "source": "nih"})
    found = measure_subgroups(part, table, Resamples.of(part.predictions.patient_ids, 100, 0), 5, 0.95)
    assert list(found) == ["sex"]
    assert found["sex"]["unknown"] == len(ids) - 40
