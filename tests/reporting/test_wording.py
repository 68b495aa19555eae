from typing import get_args

import pytest

from cxr.config.evaluation import Calibrator, Rule
from cxr.reporting import wording
from cxr.reporting.wording import (
    duration_text,
    epoch_text,
    headline,
    heatmap_command,
    marks,
    spread_text,
    views_text,
    with_interval,
)

ENTRY = {"value": 0.81249, "low": 0.7904, "high": 0.8296}
GOOD = {"positives": 10, "negatives": 100}


def metrics_of(mean, findings=("Edema", "Mass")):
    return {
        "auroc": {"mean": mean, **dict.fromkeys(findings, ENTRY)},
        "intervals": {"resamples": 2000, "level": 0.95},
        "split": {"name": "official (subset)", "part": "test"},
        **{"images": 25_596, "patients": 2_797},
    }


def test_the_headline_names_interval_split_part_and_resamples():
    number, rest = headline(metrics_of({**ENTRY, "findings": 2}))
    assert number == "Mean AUROC 0.812"
    assert rest == (
        "(95\N{NO-BREAK SPACE}% interval 0.790–0.830) over 2 findings, test part of split ‘official (subset)’ "
        "(25,596 images, 2,797 patients), 2,000 resamples of patients."
    )


def test_the_headline_says_what_is_missing():
    assert "over 1 of 2 findings" in headline(metrics_of({**ENTRY, "findings": 1}))[1]
    lone = {"value": 0.5, "low": None, "high": None, "findings": 1, "reason": "one patient in test: no interval"}
    assert headline(metrics_of(lone, ("Edema",)))[1].startswith("(one patient in test: no interval) over 1 finding,")
    nothing = {**lone, "value": None, "findings": 0, "reason": "no finding has positives and negatives in test"}
    number, rest = headline(metrics_of(nothing))
    assert number == "Mean AUROC not available"
    assert rest.startswith("no finding has positives and negatives in test; test part of split")


def test_values_without_interval_stand_alone():
    assert with_interval(ENTRY) == "0.812 (0.790–0.830)"
    assert with_interval({"value": 0.5, "low": None, "high": None}) == "0.500"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"positives": 9}, ["few positives"]),
        ({"negatives": 1}, ["few negatives"]),
        ({"positives": 0, "reason": "no positives in test"}, ["no positives in test"]),
    ],
)
def test_weak_numbers_are_marked(change, expected):
    assert marks({**GOOD, **change}) == expected


@pytest.mark.parametrize(("seconds", "text"), [(None, "–"), (45.2, "45 s"), (745, "12 min"), (12_600, "3.5 h")])
def test_durations_have_a_unit_to_their_size(seconds, text):
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("views", "text"), [([], ""), (["one"], ""), (["one", "flip"], "flip"), (["ten_crop", "flip"], "flip or ten_crop")]
)
def test_views_are_named_where_there_are_several(views, text):
    record = {"members_predictions": {str(number): {"views": one} for number, one in enumerate(views)}}
    assert views_text(record if views else {}) == text


def test_the_command_fits_the_group():
    assert heatmap_command({"group": "Ensemble", "smoke": True}) == "sh visualization_Ensemble.sh --smoke"
    assert "visualize Mine" in heatmap_command({"group": "Mine", "smoke": False})


def test_spread_over_seeds_and_the_kept_epoch_have_a_dash_where_there_is_none():
    assert spread_text({"mean": 0.81249, "sd": 0.0041}) == "0.812, SD 0.004"
    assert spread_text({"mean": None, "sd": None}) == "–"
    assert epoch_text({"best_epoch": 3, "epochs": 5}) == "3 of 5"
    assert [epoch_text({"best_epoch": none, "epochs": none}) for none in (None, 0)] == ["–", "–"]


def test_differences_have_a_sign_and_negative_bounds_no_dash():
    entry = {"value": -0.0123, "low": -0.05, "high": 0.021}
    assert wording.signed_text(entry) == "−0.012"
    assert wording.signed_interval(entry) == "−0.050 to +0.021"
    assert wording.with_interval(entry) == "−0.012 (−0.050 to 0.021)"
    nothing = {"value": None, "low": None, "high": None, "reason": "no positives in val"}
    assert (wording.signed_text(nothing), wording.signed_interval(nothing)) == ("–", "")
    assert wording.result_text(nothing) == "no positives in val"


def test_thresholds_keep_two_digits_when_small():
    texts = [wording.threshold_text(value) for value in (None, 0.0, 0.5, 0.0123, 0.00123)]
    assert texts == ["–", "0.000", "0.500", "0.012", "0.0012"]
    assert wording.percent_text(0.0423) == "4.2\N{NO-BREAK SPACE}%"
    assert wording.percent_text(None) == "–"


def test_every_method_and_rule_has_words():
    for method in get_args(Calibrator):
        assert wording.method_text({"calibration": method})
    for rule in get_args(Rule):
        assert wording.rule_text({"operating_point": {"name": rule, "value": 0.9}})
    assert "0.85" in wording.rule_text({"operating_point": {"name": "sensitivity", "value": 0.85}})
