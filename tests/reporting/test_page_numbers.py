import pytest

from cxr.reporting.page_numbers import calibration_numbers, operating_numbers, shift_numbers, subgroup_numbers
from cxr.reporting.run_files import read_run


@pytest.fixture
def run(make_run):
    return read_run(make_run())


def test_what_no_fit_calibrates_says_why(run):
    found = calibration_numbers(run.metrics, run.fitted)
    assert found["uncalibrated"]["Edema"] is None
    assert "a fit needs 10 of 5 patients" in found["uncalibrated"]["Mass"]
    bands = [run.metrics["calibration"]["raw"][finding]["band"] for finding in ("Edema", "Mass", "Hernia")]
    assert found["raw_inside"] == sum(band["inside"] for band in bands)


def test_rates_are_counted_and_thresholds_say_what_chose_them(run):
    found = operating_numbers(run.metrics, run.fitted)
    one = run.fitted.thresholds.fits[""].findings["Edema"]
    assert found["origins"]["Edema"] == f"{one.positives} / {one.negatives}"
    assert found["rate_counts"]["operating_point"]["sensitivity"] == 2  # Hernia has no positive in test
    assert any(text.startswith("no positives in test (") and "Hernia" in text for text in found["operating_gaps"])


def test_prevalence_leaves_out_what_nobody_labelled(run):
    run.metrics["auroc"]["Mass"] |= {"positives": 0, "negatives": 0}
    run.metrics["auroc"]["Edema"] |= {"positives": 1, "negatives": 3}
    run.metrics["auroc"]["Hernia"] |= {"positives": 0, "negatives": 3}
    found = shift_numbers(run.metrics)["test_prevalence"]
    assert found == {"Edema": 0.25, "Mass": None, "Hernia": 0.0, "mean": 0.125}


def test_bands_keep_their_order():
    groups = {name: {} for name in ("1-4", "5+", "first")}
    found = subgroup_numbers({"subgroups": {"attributes": {"follow_up": {"groups": groups}}}})
    assert found["subgroup_values"] == {"follow_up": ["first", "1-4", "5+"]}
    assert subgroup_numbers({"subgroups": None}) == {"subgroup_values": {}}
