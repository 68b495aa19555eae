"""Labels and probabilities in, the `calibration` entries of metrics.json out: scores, line, curve, simulated band."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cxr.evaluation.band import SIMULATIONS, simulate_band
from cxr.evaluation.calibration_line import estimate_lines
from cxr.evaluation.estimates import Estimate, support_reasons
from cxr.evaluation.intervals import percentile_interval
from cxr.evaluation.refits import AppliedMaps
from cxr.evaluation.reliability import SCORES, Reliability, assign_bins, measure_reliability
from cxr.evaluation.resamples import Resamples

LINE = ("slope", "intercept")


def measure_calibration(
    labels: np.ndarray,
    probabilities: np.ndarray,
    findings: Sequence[str],
    resamples: Resamples,
    bins: int,
    name: str,
    level: float,
    applied: AppliedMaps | None = None,
) -> tuple[dict[str, Any], dict[str, Estimate]]:
    """The entries, and the estimates behind them: SCORES, "slope" and "intercept".

    `mean` has an entry per score, over findings. A finding has one per score and line, `band` ({"expected": the mean
    ECE of a calibrated forecaster, "limit": what it stays below in `level` of cases, "inside", "fit_noise": whether it
    was calibrated with a fit that may be off as far as this one}) and `bins`: images, positives, mean probability,
    observed rate with its interval, and the band's bounds of the rate.

    Args:
        labels: (N, K) float64 of 1, 0, and NaN where unknown.
        probabilities: (N, K) float64 in [0, 1], raw or calibrated.
        findings: K names.
        resamples: of the patients; their seed is also the band's.
        bins: at most so many.
        name: of the part, for the reasons.
        level: of intervals and band.
        applied: what calibrated the probabilities, on other images than these; the band then knows its noise.
    """
    found = [measure_reliability(labels[:, k], probabilities[:, k], resamples, bins) for k in range(len(findings))]
    reasons = support_reasons(resamples, name, labelled_images=~np.isnan(labels))
    estimates = {
        score: Estimate(
            np.array([one.values[score] for one in found]),
            np.stack([one.draws[score] for one in found], axis=1),
            reasons,
        )
        for score in SCORES
    }
    lines = estimate_lines(labels, probabilities, resamples, name)
    estimates |= dict(zip(LINE, lines, strict=True))
    empty = f"no labelled images in {name}"
    entries: dict[str, Any] = {"mean": {score: estimates[score].mean(empty).entry(0, level) for score in SCORES}}
    for k, finding in enumerate(findings):
        entries[finding] = {kind: estimate.entry(k, level) for kind, estimate in estimates.items()}
        known = ~np.isnan(labels[:, k])
        chances, seed = probabilities[known, k], resamples.seed + k
        bin_of, refitted = assign_bins(chances, bins), None
        if applied is not None and known.any():
            refitted = applied.refitted_sums(k, finding, known, bin_of, SIMULATIONS, seed)
        entries[finding] |= _curve(found[k], chances, bin_of, reasons[k], seed, level, refitted)
    return entries, estimates


def _curve(
    found: Reliability,
    probabilities: np.ndarray,
    bin_of: np.ndarray,
    reason: str | None,
    seed: int,
    level: float,
    refitted: np.ndarray | None,
) -> dict[str, Any]:
    if len(probabilities) == 0:
        return {"band": None, "bins": []}
    band = simulate_band(probabilities, bin_of, seed, level, refitted=refitted)
    rows = []
    for b in range(len(found.images)):
        rates = found.rate_draws[:, b]
        varies = len(np.unique(rates[~np.isnan(rates)])) > 1  # no positive in any resample is no certainty of 0
        interval = percentile_interval(rates, level) if reason is None and varies else None
        rows.append(
            {
                "images": int(found.images[b]),
                "positives": int(found.positives[b]),
                "probability": float(found.means[b]),
                "rate": float(found.positives[b] / found.images[b]),
                "low": interval.low if interval else None,
                "high": interval.high if interval else None,
                "band_low": float(band.low[b]),
                "band_high": float(band.high[b]),
            }
        )
    inside = bool(found.values["ece"] <= band.limit)
    summary = {"expected": float(band.eces.mean()), "limit": band.limit, "inside": inside}
    return {"band": summary | {"fit_noise": refitted is not None}, "bins": rows}
