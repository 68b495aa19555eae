"""Predictions and the name of their split in, what a group's run.json says of a split out."""

from typing import Any

import numpy as np

from cxr.config.record import hash_of_ids
from cxr.evaluation.predictions import PARTS, Predictions


def split_of(predictions: Predictions, name: str) -> dict[str, Any]:
    """Return name, hash and, per part, images, patients, hash of ids and positives per finding."""
    parts = {}
    for part in PARTS:
        rows = predictions.part(part)
        positives = (rows.label_codes == 1).sum(axis=0)
        parts[part] = {
            "images": len(rows.image_ids),
            "patients": len(np.unique(rows.patient_ids)),
            "hash": hash_of_ids(rows.image_ids),
            "positives": {finding: int(n) for finding, n in zip(predictions.findings, positives, strict=True)},
        }
    pairs = zip(predictions.image_ids, predictions.splits, strict=True)
    return {"name": name, "hash": hash_of_ids(f"{image},{part}" for image, part in pairs), "parts": parts}
