"""The files of a run in, what its page's tables need beside metrics.json out: reasons, origins, counts."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cxr.evaluation.attributes import AGES, FOLLOW_UPS
from cxr.evaluation.confusion import RATES
from cxr.evaluation.fitted import Fitted
from cxr.evaluation.metrics import findings_of
from cxr.reporting.gaps import explain_gaps
from cxr.reporting.wording import finding_text

SHOWN_RATES = ("sensitivity", "specificity", "ppv", "npv", "f1", "mcc")
SHOWN_SCORES = ("brier", "ece", "slope", "intercept")


def calibration_numbers(metrics: Mapping[str, Any], fitted: Fitted) -> dict[str, Any]:
    """What the section on calibration needs."""
    findings, calibration = findings_of(metrics), metrics["calibration"]
    uncalibrated = {finding: _uncalibrated(fitted, finding) for finding in findings}
    inside = {
        kind: sum(bool(calibration[kind][finding]["band"] or {}) and calibration[kind][finding]["band"]["inside"]
                  for finding in findings)
        for kind in ("raw", "calibrated")
    }  # fmt: skip
    rows = {finding: [calibration["calibrated"][finding][score] for score in SHOWN_SCORES] for finding in findings}
    as_reasons = {finding: [{"reason": reason}] for finding, reason in uncalibrated.items() if reason}
    bands = {finding: calibration["calibrated"][finding]["band"] for finding in findings}
    plain = [finding_text(finding) for finding, band in bands.items() if band and not band["fit_noise"]]
    return {
        "plain_bands": "" if not plain else "all findings" if len(plain) == len(findings) else ", ".join(plain),
        "uncalibrated": uncalibrated,
        "uncalibrated_texts": explain_gaps(as_reasons),
        "calibration_gaps": explain_gaps(rows),
        "raw_inside": inside["raw"],
        "calibrated_inside": inside["calibrated"],
    }


def operating_numbers(metrics: Mapping[str, Any], fitted: Fitted) -> dict[str, Any]:
    """What the section on operating points needs."""
    at = metrics["operating_point"]["findings"]
    rows = {finding: [one[rate] for rate in SHOWN_RATES] for finding, one in at.items()}
    return {
        "origins": {finding: _origin(fitted, finding) for finding in at},
        "operating_gaps": explain_gaps(rows),
        "rate_counts": {kind: _rate_counts(metrics[kind]["findings"]) for kind in ("operating_point", "at_half")},
    }


def shift_numbers(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Prevalences of both parts, also of findings without a threshold; "mean" is over findings with known labels."""
    return {
        f"{name}_prevalence": _prevalences(block["auroc"])
        for name, block in (("validation", metrics["validation"]), ("test", metrics))
    }


def spread_numbers(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Tercile -> mean spread over the findings that have one."""
    found = {}
    for name, one in (metrics["disagreement"] or {}).items():
        known = [value for value in one["spread"].values() if value is not None]
        found[name] = float(np.mean(known)) if known else None
    return {"spreads": found}


def subgroup_numbers(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """attribute -> its values, bands in their own order and not in that of the alphabet."""
    found = (metrics["subgroups"] or {"attributes": {}})["attributes"]
    bands = [name for _, name in (*AGES, *FOLLOW_UPS)]
    order = {name: place for place, name in enumerate(bands)}
    return {
        "subgroup_values": {
            attribute: sorted(one["groups"], key=lambda value: (order.get(value, len(order)), value))
            for attribute, one in found.items()
        }
    }


def _rate_counts(findings: Mapping[str, Any]) -> dict[str, int]:
    """Rate -> how many findings have it: what its mean is over."""
    return {rate: sum(one[rate]["value"] is not None for one in findings.values()) for rate in RATES}


def _uncalibrated(fitted: Fitted, finding: str) -> str | None:
    """Why no fit calibrates a finding, although calibration was asked for; None where one does."""
    maps = [fit.findings[finding] for fit in fitted.calibration.fits.values()]
    return maps[0].reason if all(one.kind == "none" for one in maps) else None


def _origin(fitted: Fitted, finding: str) -> str:
    if len(fitted.thresholds.fits) > 1:
        return "one per fold"
    one = next(iter(fitted.thresholds.fits.values())).findings[finding]
    return f"{one.positives:,} / {one.negatives:,}" if one.threshold is not None else ""


def _prevalences(entries: Mapping[str, Any]) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for finding, entry in entries.items():
        if finding != "mean":
            known = entry["positives"] + entry["negatives"]
            found[finding] = entry["positives"] / known if known else None
    shares = [share for share in found.values() if share is not None]
    return found | {"mean": float(np.mean(shares)) if shares else None}
