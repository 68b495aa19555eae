"""A finished group and a store of another data set in; the mean of its members' probabilities out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cxr.classification.group import Progress, predict_member
from cxr.evaluation.predictions import Predictions
from cxr.preparation.store import Store


def predict_external(
    folder: Path,
    record: Mapping[str, Any],
    store: Store,
    rows: np.ndarray,
    engine: str,
    seed: int,
    progress: Progress,
) -> Predictions:
    """Predict rows of a store that may label fewer findings than the group has; every image is in test.

    record: the group's run.json, without folds. seed: of views that are drawn at random.
    """
    findings = tuple(record["findings"])
    asked = replace(store, findings=findings)  # members answer all of theirs; those the store labels are picked below
    probabilities = _mean_of_members(folder, record, asked, rows, engine, seed, progress)
    return Predictions(
        image_ids=store.image_ids[rows],
        patient_ids=store.patient_ids[rows],
        splits=np.full(len(rows), "test"),
        findings=store.findings,
        probabilities=probabilities[:, [findings.index(name) for name in store.findings]],
        label_codes=store.labels[rows].astype(np.float64),
    )


def _mean_of_members(
    folder: Path, record: Mapping[str, Any], store: Store, rows: np.ndarray, engine: str, seed: int, progress: Progress
) -> np.ndarray:
    names: Sequence[str] = [member["name"] for member in record["members"]]
    views = {name: record.get("members_predictions", {}).get(name, {}).get("views", "one") for name in names}
    return np.mean(
        [
            predict_member(folder / name, store, rows, engine, progress(f"{name}: predicting"), views[name], seed)
            for name in names
        ],
        axis=0,
    )
