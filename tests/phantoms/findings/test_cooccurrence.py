"""Drawn label sets against NIH's own table: how frequent, how many, which together; and noisy tables."""

import numpy as np
import pandas as pd
import pytest

from cxr.config.findings import NIH14
from cxr.phantoms.findings.cooccurrence import NIH_SHARE, draw_findings, mislabel


def drawn(frequencies: str, patients: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    sets = [draw_findings(rng, frequencies) for _ in range(patients)]
    return np.array([[finding in found for finding in NIH14] for found in sets])


@pytest.fixture(scope="module")
def nih_labels(real_data):
    """(112120, 14) bool: NIH's own table."""
    table = pd.read_csv(real_data / "nih-metadata" / "Data_Entry_2017_v2020.csv.gz", dtype=str, index_col=False)
    return table["Finding Labels"].str.get_dummies("|")[list(NIH14)].to_numpy() == 1


def test_findings_are_as_frequent_and_as_many_as_in_nihs_table(nih_labels):
    ill = nih_labels[nih_labels.any(axis=1)]
    found = drawn("nih", 6000)
    assert found.sum(axis=1).mean() == pytest.approx(ill.sum(axis=1).mean(), abs=0.06)  # 1.57
    np.testing.assert_allclose(found.mean(axis=0), ill.mean(axis=0), atol=0.025)
    np.testing.assert_allclose(nih_labels.mean(axis=0), list(NIH_SHARE.values()), atol=1e-4)


def test_pairs_are_as_related_as_in_nihs_table(nih_labels):
    ill = nih_labels[nih_labels.any(axis=1)].astype(float)
    found = drawn("nih", 30000).astype(float)
    real, ours = np.corrcoef(ill, rowvar=False), np.corrcoef(found, rowvar=False)
    above = np.triu_indices(len(NIH14), 1)
    assert np.abs(real - ours)[above].max() < 0.06
    assert np.corrcoef(real[above], ours[above])[0, 1] > 0.9


def test_even_frequencies_give_every_finding_the_same_chance():
    shares = drawn("even", 4000).mean(axis=0)
    assert shares.min() > 0.13 and shares.max() < 0.19


def test_a_patient_has_at_least_one_finding_in_nihs_order():
    rng = np.random.default_rng(2)
    for _ in range(200):
        found = draw_findings(rng, "nih")
        assert found and list(found) == [finding for finding in NIH14 if finding in found]


@pytest.mark.parametrize("frequencies", ["even", "nih"])
@pytest.mark.parametrize("prevalence", [0.3, 0.9])
def test_noise_misses_and_invents_equally_many_labels(frequencies, prevalence):
    rng = np.random.default_rng(3)
    truth = [draw_findings(rng, frequencies) if rng.random() < prevalence else () for _ in range(6000)]
    said = [mislabel(rng, findings, 0.2, prevalence, frequencies) for findings in truth]
    missed = sum(len(set(t) - set(s)) for t, s in zip(truth, said, strict=True))
    invented = sum(len(set(s) - set(t)) for t, s in zip(truth, said, strict=True))
    total = sum(map(len, truth))
    assert missed / total == pytest.approx(0.2, abs=0.02)
    assert invented / total == pytest.approx(0.2, abs=0.02)


def test_without_noise_the_table_is_true():
    rng = np.random.default_rng(4)
    assert all(mislabel(rng, (finding,), 0.0, 0.5, "even") == (finding,) for finding in NIH14)
