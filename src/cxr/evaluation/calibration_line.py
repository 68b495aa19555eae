"""Labels and probabilities in; calibration slope and intercept of each finding, with their draws, out."""

import numpy as np

from cxr.evaluation.estimates import Estimate, support_reasons
from cxr.evaluation.logistic import draw_logistic, fit_logistic, is_separable, logit
from cxr.evaluation.resamples import Resamples


def estimate_lines(
    labels: np.ndarray, probabilities: np.ndarray, resamples: Resamples, name: str
) -> tuple[Estimate, Estimate]:
    """Slope and intercept of each finding (Cox 1958; Van Calster, BMC Medicine 2019, 17:230); ideal are 1 and 0.

    The slope is that of a logistic regression of the label on the logit: below 1 where probabilities are too extreme.
    The intercept is that of one whose slope is held at 1 (calibration in the large): above 0 where they are too low on
    the whole. Resamples take one Newton step from the sample's fit (`logistic.draw_logistic`).

    Args:
        labels: (N, K) float64 of 1, 0, and NaN where unknown.
        probabilities: (N, K) float64 in [0, 1].
        resamples: of the patients.
        name: of the part, for the reasons.
    """
    findings = labels.shape[1]
    reasons = list(support_reasons(resamples, name, positives=labels == 1, negatives=labels == 0))
    slopes, intercepts = np.full((2, findings), np.nan)
    slope_draws, intercept_draws = np.full((2, resamples.count, findings), np.nan)
    slope_reasons = list(reasons)
    for k in range(findings):
        y, x = labels[:, k], logit(probabilities[:, k])
        known, one = ~np.isnan(y), np.ones((len(y), 1))
        if not {0.0, 1.0} <= set(y[known]):
            continue
        level = fit_logistic(one[known], y[known], x[known])
        intercepts[k], intercept_draws[:, k] = level[0], draw_logistic(one, y, level, resamples, x)[:, 0]
        if np.ptp(x[known]) == 0 or is_separable(x[known], y[known]):
            alike = "all probabilities alike" if np.ptp(x[known]) == 0 else "a threshold parts the labels without error"
            slope_reasons[k] = f"{alike} in {name}"
            continue
        columns = np.concatenate([x[:, None], one], axis=1)
        line = fit_logistic(columns[known], y[known])
        slopes[k], slope_draws[:, k] = line[0], draw_logistic(columns, y, line, resamples)[:, 0]
    return (
        Estimate(slopes, slope_draws, tuple(slope_reasons)),
        Estimate(intercepts, intercept_draws, tuple(reasons)),
    )
