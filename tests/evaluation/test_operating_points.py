import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr.config.evaluation import OperatingPoint
from cxr.evaluation.confusion import confuse, rates_of
from cxr.evaluation.cuts import cut
from cxr.evaluation.operating_points import choose_threshold

ROWS = st.lists(
    st.tuples(st.sampled_from([0.0, 1.0, np.nan]), st.integers(0, 9).map(lambda step: step / 9)),
    min_size=4,
    max_size=50,
)
RULES = st.sampled_from(
    [
        OperatingPoint(name="youden"),
        OperatingPoint(name="max_f1"),
        OperatingPoint(name="prevalence"),
        OperatingPoint(name="sensitivity", value=0.9),
        OperatingPoint(name="specificity", value=0.8),
    ]
)


def rates_at(labels, scores, threshold):
    counts = confuse(labels[:, None], scores[:, None], np.array([threshold])).counts
    return {rate: float(value[0]) for rate, value in rates_of(counts).items()}


@given(ROWS, RULES)
def test_no_other_threshold_is_better(rows, rule):
    labels, scores = np.array(rows).T
    chosen, reason = choose_threshold(labels, scores, rule)
    known = ~np.isnan(labels)
    candidates = sorted(set(scores[known]), reverse=True)  # every way to part the images, by brute force
    if {0.0, 1.0} - set(labels[known]) or len(candidates) == 1:
        assert chosen is None
        assert reason
        return
    tried = [rates_at(labels, scores, candidate) for candidate in candidates]
    goodness = {
        "youden": lambda r: round(r["sensitivity"] + r["specificity"], 9),
        "max_f1": lambda r: round(r["f1"], 12),
        "prevalence": lambda r: -round(abs(r["prevalence"] - r["predicted_prevalence"]), 9),
        "sensitivity": lambda r: r["specificity"] if r["sensitivity"] >= 0.9 - 1e-9 else -1,
        "specificity": lambda r: r["sensitivity"] if r["specificity"] >= 0.8 - 1e-9 else -1,
    }[rule.name]
    best = max(map(goodness, tried))
    if chosen is None:
        assert (rule.name, best) == ("specificity", -1)
        assert reason == "no threshold reaches specificity 0.8"
        return
    got = rates_at(labels, scores, chosen)
    assert goodness(got) == pytest.approx(best, abs=1e-9)
    if rule.name != "specificity":  # of equally good ones the fewest positives
        first = next(one for one in tried if goodness(one) == pytest.approx(best, abs=1e-9))
        assert got["predicted_prevalence"] == pytest.approx(first["predicted_prevalence"])


@given(ROWS)
def test_cuts_part_the_sample_exactly_and_do_not_hang_on_the_last_digit(rows):
    labels, scores = np.array(rows).T
    cuts = cut(labels, scores)
    for place, threshold in enumerate(cuts.thresholds):
        for shift in (-1e-12, 0, 1e-12):
            confusion = confuse(labels[:, None], np.clip(scores + shift, 0, 1)[:, None], np.array([threshold]))
            assert confusion.counts["tp"][0] == cuts.tp[place]
            assert confusion.counts["fp"][0] == cuts.fp[place]


def test_neighbouring_floats_are_still_parted():
    low = 0.3
    high = np.nextafter(low, 1)
    threshold, _ = choose_threshold(np.array([0.0, 1.0]), np.array([low, high]), OperatingPoint())
    assert low < threshold <= high


def test_a_fixed_sensitivity_is_just_reached():
    labels = np.r_[np.ones(10), np.zeros(10)]
    scores = np.r_[np.linspace(0.5, 0.95, 10), np.linspace(0.05, 0.5, 10)]
    threshold, _ = choose_threshold(labels, scores, OperatingPoint(name="sensitivity"))
    assert rates_at(labels, scores, threshold)["sensitivity"] == 0.9


@pytest.mark.parametrize(
    ("labels", "scores", "reason"),
    [
        ([0.0, 0.0], [0.1, 0.2], "no positives"),
        ([1.0, 1.0], [0.1, 0.2], "no negatives"),
        ([1.0, 0.0], [0.2, 0.2], "all probabilities alike"),
        ([], [], "no labelled images"),
        ([np.nan], [0.3], "no labelled images"),
    ],
)
def test_without_a_threshold_the_reason_is_said(labels, scores, reason):
    assert choose_threshold(np.array(labels), np.array(scores), OperatingPoint()) == (None, reason)
