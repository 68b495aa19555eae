"""Predictions per image and the study of each image in, predictions per study, and what they are worth, out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cxr.config.errors import UserError
from cxr.evaluation.discrimination import estimate_ranking
from cxr.evaluation.predictions import UNCERTAIN, Predictions
from cxr.evaluation.resamples import Resamples


def studies_of(images: pd.DataFrame) -> dict[str, str]:
    """image_id -> study of a table of images (manifest.csv); {} for one without studies. Unknown stays empty."""
    if "study_id" not in images:
        return {}
    return dict(zip(images["image_id"].astype(str), images["study_id"].fillna("").astype(str), strict=True))


def measure_studies(
    test: Predictions, study_of: Mapping[str, str], resamples: int, seed: int, level: float
) -> dict[str, Any]:
    """The block `studies` of metrics.json: AUROC and average precision with a study, not an image, as the unit.

    {"images", "studies", "several_images" (studies that have more than one), "auroc" and "average_precision": "mean"
    and per finding, with intervals by patient}; or {"reason"} where studies say nothing that images do not.
    """
    without = sum(not study_of.get(image) for image in test.image_ids)
    if without == len(test.image_ids):
        return {"reason": "no study is known of any image"}
    if without:
        return {"reason": f"no study is known of {without} of {len(test.image_ids)} images"}
    studies = by_study(test, study_of)
    if len(studies.image_ids) == len(test.image_ids):
        return {"reason": "every study has one image: numbers per study are those per image"}
    pairs = zip(test.patient_ids, test.image_ids, strict=True)
    images_of = pd.Series([f"{patient}/{study_of[image]}" for patient, image in pairs]).value_counts()
    estimates = estimate_ranking(studies, Resamples.of(studies.patient_ids, resamples, seed), "test")
    empty = "no finding has positives and negatives in test"
    return {
        "images": len(test.image_ids),
        "studies": len(studies.image_ids),
        "several_images": int((images_of > 1).sum()),
        **{number: one.entries(studies.findings, level, empty) for number, one in estimates.items()},
    }


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
