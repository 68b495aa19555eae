"""Counts of a described data set against counting by hand, and warnings where parts differ, and only there."""

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from cxr.datasets.description import Described, describe, differences

FINDINGS = ("Mass", "Edema")


def make(patients=300, shares=(0.3, 0.1), shift=0.0, seed=0):
    """Random images in three parts; in test the first finding is more frequent by `shift`."""
    rng = np.random.default_rng(seed)
    images = rng.geometric(0.4, patients)
    patient = np.repeat(np.arange(patients), images)
    part = np.array(["train", "val", "test"])[rng.choice(3, patients, p=[0.6, 0.1, 0.3])]
    sick = rng.random((patients, 2)) < shares + np.outer(part == "test", [shift, 0])
    codes = sick[patient].astype(float)
    codes[rng.random(codes.shape) < 0.05] = np.nan
    codes[rng.random(codes.shape) < 0.05] = -1
    manifest = pd.DataFrame(
        {
            "image_id": [f"{k}.png" for k in range(len(patient))],
            "source": np.where(patient % 2, "one", "two"),
            "patient_id": patient.astype(str),
            "study_id": "", "view": np.where(patient % 3, "PA", ""),
            "sex": np.where(patient % 5, "M", "F"), "age": (20 + patient % 60).astype(str),
        }
    )  # fmt: skip
    manifest.loc[:3, "age"] = ""
    sizes = np.where((patient % 4 == 0)[:, None], [100, 90], [64, 64])
    return Described(manifest, part[patient], FINDINGS, codes, sizes)


def test_counts_are_those_of_counting():
    data = make()
    found = describe(data)
    json.dumps(found, allow_nan=False)
    assert found["images"] == len(data.manifest)
    assert found["patients"] == data.manifest["patient_id"].nunique()
    assert list(found["parts"]) == ["train", "val", "test"]
    for part, entry in found["parts"].items():
        rows = data.parts == part
        assert entry["images"] == rows.sum()
        for k, finding in enumerate(FINDINGS):
            codes, counts = data.codes[rows, k], entry["findings"][finding]
            assert counts["positive"] == (codes == 1).sum()
            assert counts["negative"] == (codes == 0).sum()
            assert counts["uncertain"] == (codes == -1).sum()
            assert counts["unknown"] == np.isnan(codes).sum()
            assert counts["patients"] == data.manifest["patient_id"][rows][codes == 1].nunique()
        ages = [int(age) for age in data.manifest["age"][rows] if age]
        assert entry["age"]["mean"] == pytest.approx(np.mean(ages))
        bands = Counter(age // 10 * 10 for age in ages)
        assert {band: count for band, count in entry["age"]["bands"].items() if count} == bands
        assert entry["sex"] == Counter(data.manifest["sex"][rows])
        assert entry["view"] == Counter(data.manifest["view"][rows])
    sets = Counter(tuple(row == 1) for row in data.codes)
    assert {tuple(f in one["findings"] for f in FINDINGS): one["images"] for one in found["combinations"]} == sets
    both = ((data.codes == 1).all(axis=1)).sum()
    assert found["cooccurrence"][0][1] == found["cooccurrence"][1][0] == both
    per_patient = Counter(Counter(data.manifest["patient_id"]).values())
    assert found["images_per_patient"] == per_patient
    assert {(s["height_px"], s["width_px"]): s["images"] for s in found["sizes"]} == Counter(
        map(tuple, data.sizes.tolist())
    )
    assert found["empty"]["age"] == 4
    assert found["empty"]["view"] == (data.manifest["view"] == "").sum()


def test_parts_of_one_population_hardly_ever_differ():
    found = [one for seed in range(40) for one in differences(make(seed=seed))]
    assert len(found) <= 2


def test_a_part_with_more_of_a_finding_is_told():
    for seed in range(5):
        [one] = differences(make(patients=600, shift=0.3, seed=seed))
        assert (one["part"], one["finding"]) == ("test", "Mass")
        assert one["here"] > one["elsewhere"] + 0.15


def test_folds_are_compared_with_the_other_folds():
    data = make(patients=600, shift=0.3)
    folds = {"train": "fold 0", "val": "fold 1", "test": "fold 2"}
    renamed = Described(data.manifest, np.array([folds[part] for part in data.parts]), FINDINGS, data.codes, data.sizes)
    assert {one["part"] for one in differences(renamed)} == {"fold 0", "fold 2"}


def test_a_part_without_known_labels_is_no_difference():
    data = make()
    data.codes[data.parts == "test"] = np.nan
    assert not [one for one in differences(data) if one["part"] == "test"]
