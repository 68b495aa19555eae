"""Which findings a patient has: how frequent, which together, and what a label table makes of them.

Frequencies and correlations are those of NIH's Data_Entry_2017_v2020.csv (112,120 images). A Gaussian copula joins
them: a finding is present where a normal variable lies above the threshold of its frequency, and the variables of two
findings have the tetrachoric correlation that the pair has in the table.
"""

from functools import cache

import numpy as np
from scipy.stats import norm

from cxr.config.findings import NIH14

FREQUENCIES = ("even", "nih")
DRAWS = 5000  # patients from whom the share of each finding is taken

NIH_SHARE = {
    "Atelectasis": 0.1031,
    "Cardiomegaly": 0.0248,
    "Effusion": 0.1188,
    "Infiltration": 0.1774,
    "Mass": 0.0516,
    "Nodule": 0.0565,
    "Pneumonia": 0.0128,
    "Pneumothorax": 0.0473,
    "Consolidation": 0.0416,
    "Edema": 0.0205,
    "Emphysema": 0.0224,
    "Fibrosis": 0.0150,
    "Pleural_Thickening": 0.0302,
    "Hernia": 0.0020,
}
"""Share of all images with the finding."""

EVEN_SHARE = 0.125
"""The same for every finding, so that each has enough positives for an AUROC in a small set."""

# Below the diagonal, in percent, in NIH's order (Atelectasis, Cardiomegaly, Effusion, ...).
CORRELATION_PERCENT = (
    (),
    (7,),
    (37, 39),
    (21, 5, 25),
    (6, -7, 20, 4),
    (-3, -7, 6, 12, 30),
    (14, 2, 12, 29, -1, -3),
    (10, -17, 15, 0, 12, 3, -9),
    (31, 8, 28, 14, 25, 12, 15, 0),
    (-2, 16, 23, 31, 2, 0, 56, -20, 11),
    (13, -6, 5, 0, 11, -4, -5, 51, 0, -9),
    (6, 4, -1, 4, 6, 12, -9, 0, 2, -19, -1),
    (10, 6, 23, 7, 24, 19, 2, 14, 13, -1, 14, 26),
    (11, 3, -5, -4, 13, -4, 0, -3, -11, -5, -3, 12, 2),
)


@cache
def _copula(frequencies: str) -> tuple[np.ndarray, np.ndarray]:
    """Thresholds (14,) and the triangular factor (14, 14) of the correlations."""
    shares = [EVEN_SHARE if frequencies == "even" else NIH_SHARE[finding] for finding in NIH14]
    correlation = np.eye(len(NIH14))
    for row, percents in enumerate(CORRELATION_PERCENT):
        correlation[row, : len(percents)] = correlation[: len(percents), row] = np.array(percents) / 100
    return norm.isf(shares), np.linalg.cholesky(correlation)


def draw_findings(rng: np.random.Generator, frequencies: str) -> tuple[str, ...]:
    """The findings of a patient who has at least one, in NIH's order; `frequencies` is "even" or "nih"."""
    thresholds, factor = _copula(frequencies)
    while True:
        present = factor @ rng.standard_normal(len(NIH14)) > thresholds
        if present.any():
            return tuple(finding for finding, there in zip(NIH14, present, strict=True) if there)


@cache
def shares_of_the_ill(frequencies: str) -> np.ndarray:
    """(14,) share of each finding among patients who have any, from draws that are always the same."""
    rng = np.random.default_rng(0)
    return np.mean([np.isin(NIH14, draw_findings(rng, frequencies)) for _ in range(DRAWS)], axis=0)


def mislabel(
    rng: np.random.Generator, findings: tuple[str, ...], noise: float, prevalence: float, frequencies: str
) -> tuple[str, ...]:
    """What a noisy label table says: each finding is missed with probability `noise`, and as many are invented.

    An absent finding is added with probability `noise` * share / (1 - share), share being that of the finding among
    all patients, so that the table holds about as many labels as there are findings.
    """
    draws = rng.random(len(NIH14))
    if not noise:
        return findings
    shares = prevalence * shares_of_the_ill(frequencies)
    invented = noise * shares / (1 - shares)
    return tuple(
        finding
        for finding, draw, added in zip(NIH14, draws, invented, strict=True)
        if (draw >= noise if finding in findings else draw < added)
    )
