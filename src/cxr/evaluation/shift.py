"""What was measured on validation and on test in; both values side by side, and the drop with its interval, out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cxr.evaluation.estimates import Estimate

COMPARED = ("auroc", "average_precision", "sensitivity", "specificity", "brier", "ece", "prevalence")


def compare_parts(
    val: Mapping[str, Estimate], test: Mapping[str, Estimate], findings: Sequence[str], level: float, seed: int
) -> dict[str, Any]:
    """number -> {"mean", finding} -> {"validation", "test", "drop"}; the drop is validation minus test.

    Epochs, calibration and thresholds were chosen on validation, so its numbers flatter; the drop says how much, and
    how much two different populations do. The mean is over the findings that both parts have. The parts share no
    patient: the draws of one are shuffled against those of the other, so that nothing pairs them.
    """
    order = np.random.default_rng([seed, 0x5817]).permutation(len(next(iter(test.values())).draws))
    found = {}
    for kind in COMPARED:
        shuffled = replace(val[kind], draws=val[kind].draws[order])
        found[kind] = _side_by_side(shuffled, test[kind], findings, level)
    return found


def _side_by_side(val: Estimate, test: Estimate, findings: Sequence[str], level: float) -> dict[str, Any]:
    drop = val.minus(test)
    both = ~np.isnan(drop.values)
    empty = "no finding has this number in both val and test"
    entries = {
        "mean": {
            "validation": float(val.values[both].mean()) if both.any() else None,
            "test": float(test.values[both].mean()) if both.any() else None,
            "drop": drop.mean(empty).entry(0, level) | {"findings": int(both.sum())},
        }
    }
    for k, finding in enumerate(findings):
        entries[finding] = {
            "validation": _number(val.values[k]),
            "test": _number(test.values[k]),
            "drop": drop.entry(k, level),
        }
    return entries


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
