"""Predictions per image and the study of each image in, predictions per study out."""

from collections.abc import Mapping

import numpy as np

from cxr.config.errors import UserError
from cxr.evaluation.predictions import UNCERTAIN, Predictions


def by_study(predictions: Predictions, study_of: Mapping[str, str]) -> Predictions:
    """One row per study, in order of first appearance: the mean of its images' probabilities.

    A finding is present in a study where it is in any of its images, else uncertain where it is that in any, else
    absent where it is that in any, else unknown. Studies are named `<patient>/<study>`: some sources number each
    patient's studies from one.

    Args:
        predictions: per image.
        study_of: image_id -> study.

    Raises UserError for an image without a study, and for a study in two parts of the split.
    """
    lacking = [image for image in predictions.image_ids if not study_of.get(image)]
    if lacking:
        raise UserError(f"image '{lacking[0]}' has no study (such images: {len(lacking)}); all images need one.")
    pairs = zip(predictions.patient_ids, predictions.image_ids, strict=True)
    names = np.array([f"{patient}/{study_of[image]}" for patient, image in pairs], dtype=str)
    _, first, place = np.unique(names, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=int)
    rank[order] = np.arange(len(order))
    study, first = rank[place], first[order]
    if (predictions.splits != predictions.splits[first][study]).any():
        raise UserError("a study lies in two parts of the split; a study may be in one only.")
    sums = np.zeros((len(first), len(predictions.findings)))
    np.add.at(sums, study, predictions.probabilities)
    codes = np.full(sums.shape, np.nan)
    for code in (0.0, UNCERTAIN, 1.0):  # the later ones win
        rows, findings = np.nonzero(predictions.label_codes == code)
        codes[study[rows], findings] = code
    return Predictions(
        image_ids=names[first],
        patient_ids=predictions.patient_ids[first],
        splits=predictions.splits[first],
        findings=predictions.findings,
        probabilities=np.clip(sums / np.bincount(study, minlength=len(first))[:, None], 0, 1),
        label_codes=codes,
    )
