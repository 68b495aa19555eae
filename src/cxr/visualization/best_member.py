"""The folders of a group's members in, which of them is best for each finding out: by AUROC on its own val part."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cxr.classification.runs import PREDICTIONS
from cxr.config.errors import UserError
from cxr.evaluation.auroc import auroc
from cxr.evaluation.predictions import read_predictions


def best_members(folders: Sequence[Path], findings: tuple[str, ...], target: str) -> np.ndarray:
    """Return the number of the best member for each finding, (K,) int; for the sum of findings by mean AUROC, (1,).

    The first of equals. Where a finding has no AUROC on val, the mean over those that have one decides. Raises
    UserError for a member without predictions of a val part, or where no finding has positives and negatives there.
    """
    if len(folders) == 1:
        return np.zeros(1 if target == "sum" else len(findings), int)
    scores = np.stack([_measure(folder, findings) for folder in folders])
    known = ~np.isnan(scores).any(axis=0)
    if not known.any():
        raise UserError(
            f'heatmaps.group: "best" needs a finding with positives and negatives on val; {folders[0] / PREDICTIONS} '
            'has none; use "mean"'
        )
    means = scores[:, known].mean(axis=1, keepdims=True)
    return np.argmax(means if target == "sum" else np.where(known, scores, means), axis=0)


def _measure(folder: Path, findings: tuple[str, ...]) -> np.ndarray:
    path = folder / PREDICTIONS
    if not path.is_file():
        raise UserError(f'{path}: no such file; heatmaps.group: "best" needs every member\'s predictions; use "mean"')
    val = read_predictions(path).part("val")
    if missing := [name for name in findings if name not in val.findings]:
        raise UserError(f'{path}: holds no {missing[0]}; heatmaps.group: "best" needs all findings; use "mean"')
    if not len(val.image_ids):
        raise UserError(f'{path}: holds no image of the val part; heatmaps.group: "best" needs one; use "mean"')
    val = val.of_findings(findings)
    return auroc(val.labels, val.probabilities)
