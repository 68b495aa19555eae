from dataclasses import replace

import numpy as np
import pytest

from cxr.images.geometry import Box
from cxr.images.lies import UPRIGHT
from cxr.visualization.localization.rules import (
    RULES,
    Fits,
    choose_rule,
    cross_fit,
    halve_patients,
    measure_rules,
    overlap_of_all,
)
from cxr.visualization.localization.truth import Truth
from cxr.visualization.localization.walk import MAP_PX, Chunk
from cxr.visualization.map_boxes import BoxRule, find_boxes

GIVEN = BoxRule(0.45, 0.0, 0.0)  # in no grid


def made_fits(best, rows, findings):
    """Fits in which the rule `best[i]` is the best of pair i."""
    overlaps = np.full((len(rows), len(RULES)), 0.1)
    overlaps[np.arange(len(rows)), best] = 0.9
    return Fits(np.array(rows), np.array(findings), overlaps)


def test_every_finding_counts_alike():
    fits = made_fits([4, 4, 4, 4, 9, 9], [0, 1, 2, 3, 4, 5], [0, 0, 0, 0, 1, 1])
    fits.overlaps[4:, 4] = 0.0
    fits.overlaps[:4, 9] = 0.3  # 4: (0.9 + 0) / 2; 9: (0.3 + 0.9) / 2, though four of six pairs prefer 4
    assert choose_rule(fits, np.ones(6, bool)) == RULES[9]
    assert choose_rule(fits, np.zeros(6, bool)) is None


def test_a_half_is_scored_with_what_fitted_the_other():
    patients = np.array(["a", "a", "b", "c", "d", "e", "f"])
    halves = halve_patients(patients, np.array(["a", "b", "c", "d"]), seed=3)
    best = [7 if halves[str(patients[row])] == 0 else 11 for row in range(5)]
    rules = cross_fit(made_fits(best, range(5), [0] * 5), patients, GIVEN, seed=3)
    for row in range(7):
        assert rules.of(row) == RULES[11 if halves[str(patients[row])] == 0 else 7]
    assert sum(one["pairs"] for one in rules.fitted_on) == 5
    assert rules.record()["fit"] == "cross"
    assert not rules.note


def test_new_images_get_what_fits_both_halves_together():
    patients = np.array([f"p{i}" for i in range(6)])
    fits = made_fits([7, 7, 7, 11, 11, 11], range(6), [0] * 6)
    fits.overlaps[:, 5] = 0.6  # of all six the best, of three the second
    halves = {name: int(row >= 3) for row, name in enumerate(patients)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cxr.visualization.localization.rules.halve_patients", lambda *_: halves)
        record = cross_fit(fits, patients, GIVEN, seed=0).record()
    assert [BoxRule(one["threshold"], one["min_area"], one["merge"]) for one in record["rules"]] == [
        RULES[11],
        RULES[7],
    ]
    assert record["new_images"] == {"threshold": RULES[5].threshold, "min_area": RULES[5].min_area,
                                    "merge": RULES[5].merge, "pairs": 6}  # fmt: skip


def test_halves_are_even_and_boxes_of_one_patient_leave_the_given_rule():
    patients = np.array([f"p{i}" for i in range(40)])
    halves = halve_patients(patients, patients[:10], seed=0)
    assert sum(halves[name] for name in patients[:10]) == 5
    assert sum(halves.values()) == 20
    rules = cross_fit(made_fits([5, 5], [0, 0], [0, 1]), patients, GIVEN, seed=0)
    assert rules.of(0) == GIVEN
    assert "one patient" in rules.note


def test_the_tried_rules_do_what_find_boxes_does(store):
    random = np.random.default_rng(1)
    heat = np.kron(random.random((1, 1, 8, 8)) ** 3, np.ones((16, 16))).astype(np.float32)
    sizes = np.full((len(store.image_ids), 2), 64)
    store = replace(store, boxes=[Box(0, 0, 64, 64)] * len(store.rows))
    truth = Truth({(0, 0): np.array([[8.0, 8, 40, 56]])}, {})
    assert store.lies[0] == UPRIGHT
    fits = measure_rules([Chunk(store, np.array([0]), heat, (8, 8))], truth, sizes)
    inside = np.zeros((MAP_PX, MAP_PX), bool)
    inside[16:112, 16:80] = True
    for rule, overlap in zip(RULES, fits.overlaps[0], strict=True):
        corners = find_boxes(heat[0, 0], rule)[:, :4] * MAP_PX
        assert overlap == pytest.approx(overlap_of_all(corners.round(), inside))
    assert fits.overlaps.max() > fits.overlaps.min()


def test_the_overlap_of_all_is_of_unions():
    inside = np.zeros((4, 4), bool)
    inside[:2] = True
    assert overlap_of_all(np.array([[0.0, 0, 2, 4], [1, 0, 3, 1]]), inside) == pytest.approx(5 / 12)
    assert overlap_of_all(np.zeros((0, 4)), inside) == 0
