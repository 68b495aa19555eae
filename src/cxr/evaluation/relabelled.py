"""Predictions and a second opinion on their images in; both opinions on the same images side by side out."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cxr.config.errors import UserError
from cxr.config.findings import match_findings
from cxr.evaluation.discrimination import estimate_ranking
from cxr.evaluation.image_names import check_each_once, find_images
from cxr.evaluation.predictions import Predictions
from cxr.evaluation.resamples import Resamples

COLUMNS = (
    *("finding", "labels", "changed", "kappa", "positives_original", "positives_relabelled"),
    *("auroc_original", "auroc_relabelled", "difference", "low", "high", "reason"),
)


@dataclass(frozen=True, eq=False)
class Relabelled:
    """The same images, findings and probabilities, under two sets of labels."""

    original: Predictions
    relabelled: Predictions
    without: tuple[str, ...]
    """Findings that the second table lacks."""


def relabel(
    predictions: Predictions, image_ids: Sequence[str], findings: Sequence[str], codes: np.ndarray
) -> Relabelled:
    """Keep the images and findings that a second table has, and lay its labels over them.

    Args:
        predictions: of val and test.
        image_ids: (M,) names in the table, with or without folder and ending.
        findings: L names in the table, in any spelling.
        codes: (M, L) 1, 0, -1 uncertain, NaN empty.

    Raises UserError where no image or no finding is in both, and where two of the images are one row of the table.
    """
    spelt = {ours: theirs for theirs, ours in match_findings(findings, predictions.findings).items()}
    kept = [finding for finding in predictions.findings if finding in spelt]
    if not kept:
        raise UserError(f"the table labels {', '.join(findings)}; predicted are {', '.join(predictions.findings)}")
    rows = find_images(predictions.image_ids, image_ids)
    if (rows < 0).all():
        raise UserError(
            f"the table names none of the {len(rows)} images that were predicted; its first is '{image_ids[0]}', a "
            f"predicted one is '{predictions.image_ids[0]}'"
        )
    check_each_once(rows, predictions.image_ids, "the predictions")
    original = predictions.rows(rows >= 0).of_findings(kept)
    columns = [list(findings).index(spelt[finding]) for finding in kept]
    other = replace(original, label_codes=codes[rows[rows >= 0]][:, columns])
    return Relabelled(original, other, tuple(f for f in predictions.findings if f not in kept))


def compare_labels(both: Relabelled, resamples: int, seed: int, level: float) -> dict[str, dict[str, Any]]:
    """finding -> how the labels of the test part agree, and its AUROC under both, on the images that both decide.

    `labels`: images that both call 1 or 0; `changed`: those called otherwise; `kappa`: Cohen's, null where chance alone
    agrees wholly. The difference is relabelled minus original, paired: same images, same resampled patients.
    """
    first, second = both.original.part("test"), both.relabelled.part("test")
    decided = ~(np.isnan(first.labels) | np.isnan(second.labels))
    drawn = Resamples.of(first.patient_ids, resamples, seed)
    estimates = [
        estimate_ranking(replace(one, label_codes=np.where(decided, one.labels, np.nan)), drawn, "test")["auroc"]
        for one in (first, second)
    ]
    difference = estimates[1].minus(estimates[0]).without_constants("test")
    found = {}
    for k, finding in enumerate(first.findings):
        one, two = (labels[decided[:, k], k] == 1 for labels in (first.labels, second.labels))
        found[finding] = {
            **{"labels": len(one), "changed": int((one != two).sum()), "kappa": _kappa(one, two)},
            **{"positives_original": int(one.sum()), "positives_relabelled": int(two.sum())},
            "auroc_original": _number(estimates[0].values[k]),
            "auroc_relabelled": _number(estimates[1].values[k]),
            "difference": difference.entry(k, level),
        }
    return found


def labels_table(compared: dict[str, dict[str, Any]]) -> str:
    """Text of relabelled.csv: a row per finding."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for finding, entry in compared.items():
        difference = entry["difference"]
        cells = [difference.get(key) for key in ("value", "low", "high", "reason")]
        writer.writerow([finding, *(entry[key] for key in COLUMNS[1:8]), *cells])
    return text.getvalue()


def _kappa(one: np.ndarray, two: np.ndarray) -> float | None:
    """Cohen's kappa of two (n,) bool opinions (Educ Psychol Meas 1960, 20:37-46)."""
    if len(one) == 0:
        return None
    chance = one.mean() * two.mean() + (1 - one.mean()) * (1 - two.mean())
    return None if chance == 1 else float(((one == two).mean() - chance) / (1 - chance))


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
