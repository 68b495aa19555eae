"""A run's record and metrics in, what they themselves show of its limits out, as sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from cxr.evaluation.metrics import findings_of
from cxr.reporting.wording import FEW, finding_text

MANY_WHOLE = 0.05
"""Share of images without usable lungs from which on it is a limitation."""


def limitations(record: Mapping[str, Any], metrics: Mapping[str, Any], tested_on: Sequence[str] = ()) -> list[str]:
    """Sentences, the gravest first; never empty: intervals and sources always have limits.

    tested_on: other data.
    """
    of_numbers = [*_of_support(metrics), *_of_calibration(metrics)]
    return [*_of_run(record), *of_numbers, *_of_data(record, tested_on), *_always()]


def _of_run(record: Mapping[str, Any]) -> list[str]:
    said = []
    if record["data"]["synthetic"]:
        said.append("The images are phantoms: these numbers say nothing about patients.")
    if record["smoke"]:
        said.append("A smoke run: a check that the chain works, trained far too little to be a result.")
    if record.get("foreign"):
        said.append(f"Not trained here: {', '.join(record['foreign'])}; they may have seen images of the test part.")
    if record["split"]["name"].endswith("(subset)"):
        said.append("A subset of the official split: not comparable with results on the whole of it.")
    return said


def _of_support(metrics: Mapping[str, Any]) -> list[str]:
    entries = {finding: metrics["auroc"][finding] for finding in findings_of(metrics)}
    kinds = ("positives", "negatives")
    none = [name for name, one in entries.items() if one["value"] is None]
    few = [name for name, one in entries.items() if 0 < min(one[kind] for kind in kinds) < FEW and name not in none]
    cut = [name for name, one in metrics["operating_point"]["findings"].items() if one["without_threshold"]]
    said = []
    if none:
        said.append(f"No AUROC of {_names(none)}: no positives or no negatives.")
    if few:
        said.append(
            f"Fewer than {FEW} positives or negatives, so that one patient can change the number: {_names(few)}."
        )
    if cut:
        said.append(f"Without a threshold for some or all images: {_names(cut)}.")
    return said


def _of_calibration(metrics: Mapping[str, Any]) -> list[str]:
    bands = {
        finding: metrics["calibration"]["calibrated"][finding]["band"]
        for finding in findings_of(metrics)
        if metrics["calibration"]["calibrated"][finding]["band"] is not None
    }
    poor = [finding for finding, band in bands.items() if not band["inside"]]
    if not poor:
        return []
    said = "Probabilities are further off than chance explains, after calibration where there was one"
    return [f"{said}: {_names(poor)}."]


def _of_data(record: Mapping[str, Any], tested_on: Sequence[str]) -> list[str]:
    data, said = record["data"], []
    if data["crop_mode"] != "none" and data["images"] and data["fallbacks"] > MANY_WHOLE * data["images"]:
        said.append(f"No usable lungs in {100 * data['fallbacks'] / data['images']:.0f} % of the images.")
    if len(data["sources"]) == 1:
        others = (
            f"of others it was tested on {', '.join(tested_on)} only" if tested_on else "nothing is known about others"
        )
        said.append(f"Trained on images of one source ({data['sources'][0]}): {others}.")
    return said


def _always() -> list[str]:
    return [
        "Labels are taken as their source gives them; nobody read the images again.",
        "Intervals hold trained weights, calibration and thresholds fixed: another training or "
        "validation part would give other numbers too.",
    ]


def _names(findings: list[str]) -> str:
    return ", ".join(map(finding_text, findings))
