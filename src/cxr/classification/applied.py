"""A finished group and rows of any store in, of other data or of changed crops; its average probabilities out."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cxr.classification.execution import Progress
from cxr.classification.group import as_predictions, predict_member
from cxr.evaluation.predictions import Predictions
from cxr.preparation.store import Store


def predict_group_rows(
    folder: Path,
    record: Mapping[str, Any],
    store: Store,
    rows: np.ndarray,
    engine: str,
    seed: int,
    progress: Progress,
) -> Predictions:
    """Return the average of a finished group without folds for rows of a store, which need not be its own.

    record: the group's run.json; its members answer all findings that it names, of which those of the store are picked.
    """
    findings = tuple(record["findings"])
    asked = replace(store, findings=findings)
    views = record.get("members_predictions", {})
    every = []
    for name in (member["name"] for member in record["members"]):
        told, seen = progress(f"{name}: predicting"), views.get(name, {}).get("views", "one")
        every.append(predict_member(folder / name, asked, rows, engine, told, seen, seed))
    picked = [findings.index(finding) for finding in store.findings]
    return as_predictions(store, rows, np.mean(every, axis=0)[:, picked])
