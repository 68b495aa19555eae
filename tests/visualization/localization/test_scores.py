"""Scores and controls against naive loops over images, findings and patients."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxr.images.geometry import Box
from cxr.images.lies import LYING, UPRIGHT
from cxr.visualization.localization.controls import average_boxes
from cxr.visualization.localization.estimates import Sample, findings_with_place, score_entries
from cxr.visualization.localization.frames import Frame
from cxr.visualization.localization.measures import NUMBERS, energy_in, hits_by_owner, hottest, point_hits
from cxr.visualization.localization.rules import same_for_all
from cxr.visualization.localization.scores import Scorer
from cxr.visualization.localization.truth import Truth
from cxr.visualization.localization.walk import MAP_PX, Chunk, whole_patients
from cxr.visualization.map_boxes import BoxRule, find_boxes

RULE = BoxRule(0.5, 0.0, 0.0)
IMAGES, SIDE = 12, 64


@settings(deadline=None)
@given(arrays(np.float32, (7, 9), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])))
def test_the_energy_is_a_sum_and_the_hottest_point_lies_on_the_hottest_pixels(heat):
    inside = np.zeros((7, 9), bool)
    inside[2:5, 3:7] = True
    total = sum(float(value) for value in heat.ravel())
    expected = sum(float(heat[y, x]) for y in range(2, 5) for x in range(3, 7)) / total if total else 0
    assert energy_in(heat, inside) == pytest.approx(expected)
    point = hottest(heat)
    assert np.isnan(point).all() == (heat.max() == 0)
    if heat.max() > 0 and (heat == heat.max()).sum() == 1:
        y, x = np.argwhere(heat == heat.max())[0]
        assert point == pytest.approx([(x + 0.5) / 9, (y + 0.5) / 7])


def test_two_hot_places_do_not_meet_in_the_middle():
    heat = np.zeros((8, 8), np.float32)
    heat[1:3, 1:3] = heat[6, 6] = 1
    assert hottest(heat) == pytest.approx([0.25, 0.25])


def test_the_tolerance_is_a_share_of_the_longer_side():
    frame, true = Frame(Box(0, 0, 100, 100), UPRIGHT, 100, 200), np.array([[50.0, 50.0, 60.0, 60.0]])
    points = np.array([[0.55, 0.55], [0.70, 0.55], [0.71, 0.55], [np.nan, np.nan]])
    assert point_hits(points, frame, true, 0.05).tolist() == [1, 1, 0, 0]
    assert point_hits(points, frame, true, 0.0).tolist() == [1, 0, 0, 0]


def test_hits_by_owner_are_those_of_each_owner_alone():
    random = np.random.default_rng(2)
    corner = random.random((9, 2)) * 10
    found = np.column_stack([corner, corner + 1 + random.random((9, 2)) * 9])
    true, owners = np.array([[2.0, 2, 9, 8], [5, 5, 15, 15]]), np.array([0, 0, 0, 1, 2, 2, 3, 3, 3])
    hits = hits_by_owner(found, owners, true)
    for owner in range(4):
        for column, cut in enumerate((0.1, 0.25, 0.5, 0.1, 0.25, 0.5)):
            count = 0
            for t in true:
                best = 0.0
                for f in found[owners == owner]:
                    width = max(0, min(f[2], t[2]) - max(f[0], t[0]))
                    shared = width * max(0, min(f[3], t[3]) - max(f[1], t[1]))
                    own, other = (f[2] - f[0]) * (f[3] - f[1]), (t[2] - t[0]) * (t[3] - t[1])
                    best = max(best, shared / (own + other - shared if column < 3 else own))
                count += best > cut
            assert hits[owner, column] == count


@pytest.fixture(scope="module")
def scene(store):
    """A store of 12 images of 5 patients with odd boxes and lies, coarse random maps of them, and true boxes."""
    random = np.random.default_rng(0)
    patients = np.array(["a", "a", "b", "c", "c", "c", "d", "d", "e", "e", "e", "e"])
    lies = [(UPRIGHT, *LYING)[i % 5] for i in range(IMAGES)]
    boxes = [Box(-3 + i, 2, 57 + i, 62) for i in range(IMAGES)]
    small = replace(
        store, image_ids=np.array([f"i{i}" for i in range(IMAGES)]), patient_ids=patients, boxes=boxes, lies=lies
    )
    heat = np.kron(random.random((IMAGES, 3, 8, 8)), np.ones((16, 16))).astype(np.float32)
    heat[3, 1] = heat[7, 2] = 0
    truth = {}
    for row, finding, count in [(0, 0, 1), (1, 0, 2), (3, 0, 1), (8, 0, 1), (2, 1, 1), (3, 1, 1), (9, 1, 3), (6, 2, 1)]:
        corner = random.random((count, 2)) * 30
        truth[row, finding] = np.column_stack([corner, corner + 5 + random.random((count, 2)) * 25])
    sizes = np.full((IMAGES, 2), SIDE)
    rules = same_for_all("given", RULE, IMAGES)
    return Scorer(small, sizes, Truth(truth, {}), rules, "mean", 0.02, 5), heat


@pytest.fixture(scope="module")
def scored(scene):
    scorer, heat = scene
    cuts = [slice(0, 2), slice(2, 8), slice(8, 12)]
    return scorer.run(Chunk(scorer.store, np.arange(IMAGES)[cut], heat[cut], (8, 8)) for cut in cuts)


def naive(scorer, heat, key):
    """(8,) of one map under the true boxes `key`, in pixels of the original, by loops."""
    frame, true = scorer.frame(key[0]), scorer.truth.boxes[key]
    x, y = frame.points_to_image(hottest(heat)[None])[0]
    reach = scorer.tolerance * SIDE
    pointing = any(np.hypot(max(x0 - x, 0, x - x1), max(y0 - y, 0, y - y1)) <= reach for x0, y0, x1, y1 in true)
    middles = (np.arange(MAP_PX) + 0.5) / MAP_PX
    u, v = frame.points_to_image(np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)).T
    within = np.any([(x0 <= u) & (u < x1) & (y0 <= v) & (v < y1) for x0, y0, x1, y1 in true], axis=0)
    inside = heat.ravel()[within].sum()
    found = frame.boxes_to_image(find_boxes(heat, RULE)[:, :4])
    hits = hits_by_owner(found, np.zeros(len(found), int), true)
    hits = hits[0] if len(found) else np.zeros(6)
    return np.array([pointing, inside / heat.sum() if heat.sum() else 0, *hits])


def test_own_and_swapped_scores_are_those_of_a_loop_over_all_pairs(scene, scored):
    scorer, heat = scene
    keys = list(zip(scored.rows.tolist(), scored.findings.tolist(), strict=True))
    assert keys == sorted(scorer.truth.boxes)
    assert scored.boxes.tolist() == [len(scorer.truth.boxes[key]) for key in keys]
    patients = scorer.store.patient_ids
    for place, (row, finding) in enumerate(keys):
        assert scored.values["own"][place] == pytest.approx(naive(scorer, heat[row, finding], (row, finding)), abs=1e-2)
        others = [j for j in range(IMAGES) if patients[j] != patients[row] and heat[j, finding].max() > 0]
        swapped = np.mean([naive(scorer, heat[j, finding], (row, finding)) for j in others], axis=0)
        assert scored.values["swapped"][place] == pytest.approx(swapped, abs=1e-2)
        alike = [naive(scorer, heat[j, finding], (row, finding))[0] for j in others if (j, finding) in keys]
        assert scored.values["alike"][place, 0] == pytest.approx(np.mean(alike) if alike else np.nan, nan_ok=True)


def test_an_empty_map_scores_nothing(scored):
    empty = [key == (3, 1) for key in zip(scored.rows, scored.findings, strict=True)]
    assert not scored.values["own"][empty].any()


def test_noise_is_the_same_whatever_the_chunks(scene, scored):
    scorer, heat = scene
    again = scorer.run([Chunk(scorer.store, np.arange(IMAGES), heat, (8, 8))])
    for kind, values in scored.values.items():
        np.testing.assert_allclose(values, again.values[kind], atol=1e-9)


def test_the_average_box_leaves_the_own_patient_out(scene):
    scorer, _ = scene
    frames = {row: scorer.frame(row) for row, _ in scorer.truth.boxes}
    found = average_boxes(scorer.truth, frames, scorer.store.patient_ids)
    assert (6, 2) not in found  # the only patient with this finding
    others = np.concatenate([frames[row].boxes_to_crop(scorer.truth.boxes[row, 0]) for row in (3, 8)])
    for row in (0, 1):  # both of patient a
        assert found[row, 0] == pytest.approx(others.mean(axis=0)[None])


def test_other_boxes_are_the_middles_of_other_patients_boxes_by_a_loop(scene, scored):
    scorer, _ = scene
    patients = scorer.store.patient_ids
    for place, (row, finding) in enumerate(zip(scored.rows.tolist(), scored.findings.tolist(), strict=True)):
        hits = []
        for (other, kind), boxes in scorer.truth.boxes.items():
            if kind != finding or patients[other] == patients[row]:
                continue
            for x0, y0, x1, y1 in scorer.frame(other).boxes_to_crop(boxes):
                middle = np.array([[(x0 + x1) / 2, (y0 + y1) / 2]])
                hits += point_hits(middle, scorer.frame(row), scorer.truth.boxes[row, finding], 0.02).tolist()
        expected = np.mean(hits) if hits else np.nan
        assert scored.values["other_boxes"][place, 0] == pytest.approx(expected, nan_ok=True)
    assert np.isnan(scored.values["other_boxes"][:, 1:]).all()


def test_a_finding_in_much_the_same_place_in_most_has_none_of_its_own():
    entries = {"mean": 0.3, "Mass": 0.49, "Edema": 0.5, "Hernia": None}
    pointing = {"other_boxes": {name: {"value": value} for name, value in entries.items()}}
    assert findings_with_place({"pointing": pointing}) == ["Mass"]


def test_entries_are_sums_over_counts_with_intervals_by_patient(scene, scored):
    scorer, _ = scene
    patients, findings = scorer.store.patient_ids, ("A", "B", "C")
    sample = Sample.of(scored.rows, patients, findings, 200, 1)
    entries = score_entries(scored, sample)
    assert list(entries) == list(NUMBERS)
    for column, number in enumerate(NUMBERS):
        for k, name in enumerate(findings):
            chosen = scored.findings == k
            count = scored.boxes[chosen].sum() if column > 1 else chosen.sum()
            expected = scored.values["own"][chosen, column].sum() / count
            assert entries[number]["own"][name]["value"] == pytest.approx(expected)
    energy = entries["energy"]
    one, other = energy["own"]["A"]["value"], energy["swapped"]["A"]["value"]
    assert energy["ratio"]["A"]["value"] == pytest.approx(one / other)
    assert energy["ratio"]["A"]["low"] <= one / other <= energy["ratio"]["A"]["high"]
    means = [np.mean([energy[kind][name]["value"] for name in findings]) for kind in ("own", "swapped")]
    assert energy["ratio"]["mean"]["value"] == pytest.approx(means[0] / means[1])
    assert energy["own"]["C"]["low"] is None
    assert "one patient only" in energy["own"]["C"]["reason"]


@settings(deadline=None)
@given(st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=60), st.integers(1, 9))
def test_chunks_hold_every_row_once_and_part_no_patient(patients, size):
    patients, rows = np.array(patients), np.arange(len(patients)) * 3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cxr.visualization.localization.walk.CHUNK_IMAGES", size)
        chunks = list(whole_patients(rows, patients))
    assert sorted(np.concatenate(chunks).tolist()) == rows.tolist()
    owners = [set(patients[chunk // 3]) for chunk in chunks]
    assert sum(map(len, owners)) == len(set(patients))
    assert all(len(chunk) >= size for chunk in chunks[:-1])
