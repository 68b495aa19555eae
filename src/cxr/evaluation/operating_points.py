"""Labels and probabilities of one finding in, the threshold that a rule chooses out.

A probability at the threshold is positive. A threshold lies half way between two probabilities of the sample, so that
it parts them exactly as it was chosen to, also where another machine's last digit differs (see `cuts`). Of thresholds
that are equally good the highest is taken: it calls the fewest images positive.
"""

import numpy as np

from cxr.config.evaluation import OperatingPoint
from cxr.evaluation.cuts import Cuts, cut

ROUNDING = 1e-12


def choose_threshold(
    labels: np.ndarray, probabilities: np.ndarray, rule: OperatingPoint
) -> tuple[float | None, str | None]:
    """The threshold and no reason, or no threshold and the reason, which does not name the part.

    Args:
        labels: (N,) float64 of 1, 0, and NaN where unknown (left out).
        probabilities: (N,) float64 in [0, 1].
        rule: which threshold.
    """
    cuts = cut(labels, probabilities)
    for kind, count in (("positives", cuts.positives), ("negatives", cuts.negatives)):
        if count == 0:
            return None, f"no {kind if len(cuts.tp) else 'labelled images'}"
    if len(cuts.tp) == 1:
        return None, "all probabilities alike"
    chosen = _choose(cuts, rule)
    if chosen is None:
        return None, f"no threshold reaches {rule.name} {rule.target:g}"
    return float(cuts.thresholds[chosen]), None


def _choose(cuts: Cuts, rule: OperatingPoint) -> int | None:
    """The place of the chosen cut; None where none fits."""
    if rule.name == "youden":  # sensitivity + specificity in whole numbers, so that ties are ties
        return int(np.argmax(cuts.tp * cuts.negatives - cuts.fp * cuts.positives))
    if rule.name == "max_f1":
        return int(np.argmax(2 * cuts.tp / (cuts.tp + cuts.fp + cuts.positives)))
    if rule.name == "prevalence":
        return int(np.argmin(np.abs(cuts.tp + cuts.fp - cuts.positives)))
    if rule.name == "sensitivity":  # the highest threshold that reaches it; the last one calls every image positive
        return int(np.argmax(cuts.tp / cuts.positives >= rule.target - ROUNDING))
    reached = 1 - cuts.fp / cuts.negatives >= rule.target - ROUNDING
    return int(np.flatnonzero(reached)[-1]) if reached.any() else None
