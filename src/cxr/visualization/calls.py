"""Predictions of the test part and what was fitted on validation in, what the group says of each image out."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cxr.config.errors import UserError
from cxr.evaluation.fitted import Fitted
from cxr.evaluation.predictions import Predictions
from cxr.preparation.store import Store

LABEL_TEXTS = {1.0: "present", 0.0: "absent", -1.0: "uncertain"}
OUTCOMES = {(True, 1.0): "TP", (True, 0.0): "FP", (False, 1.0): "FN", (False, 0.0): "TN"}
"""(called present, label code) -> outcome; an uncertain or unknown label has none."""


@dataclass(frozen=True, eq=False)
class Calls:
    """N test images and K findings, in the order of the store's findings and of the rows of predictions.csv."""

    findings: tuple[str, ...]
    image_ids: np.ndarray
    """(N,) str."""
    rows: np.ndarray
    """(N,) int: where each lies in the store."""
    raw: np.ndarray
    """(N, K) float64: as predictions.csv has them."""
    calibrated: np.ndarray | None
    """(N, K) float64, or None without calibration.json."""
    thresholds: np.ndarray
    """(N, K) float64 on the calibrated probability, NaN where there is none."""
    missing: tuple[str | None, ...]
    """Per finding why it has no threshold, None where it has one."""
    labels: np.ndarray
    """(N, K) float64 codes: 1, 0, -1 uncertain, NaN unknown."""

    @property
    def shown(self) -> np.ndarray:
        """(N, K) float64: calibrated where that can be, raw otherwise."""
        return self.raw if self.calibrated is None else self.calibrated

    def is_called(self, image: int, finding: int) -> bool | None:
        """Whether the finding is called present, None without a threshold; at the threshold it is."""
        threshold = self.thresholds[image, finding]
        return None if np.isnan(threshold) else bool(self.shown[image, finding] >= threshold)

    def outcome(self, image: int, finding: int) -> str:
        """TP, FP, FN or TN; "" without a threshold or a sure label."""
        return OUTCOMES.get((self.is_called(image, finding), float(self.labels[image, finding])), "")

    def label_text(self, image: int, finding: int) -> str:
        """The label in a word."""
        return LABEL_TEXTS.get(float(self.labels[image, finding]), "unknown")


def make_calls(
    predictions: Predictions, store: Store, fitted: Fitted | None, folds: Mapping[str, Predictions] | None = None
) -> Calls:
    """Return what the group says of the test part; folds: with cross-validation, fold -> its predictions.

    Raises UserError when predictions and store do not fit: an image or a finding that only one of them has, or no image
    of the test part.
    """
    test = predictions.part("test")
    if not len(test.image_ids):
        raise UserError("predictions.csv holds no image of the test part; heatmaps are made of that part only")
    row_of = {image_id: row for row, image_id in enumerate(store.image_ids)}
    unknown = [image_id for image_id in test.image_ids if image_id not in row_of]
    if unknown:
        raise UserError(f"predictions.csv names image {unknown[0]}, which the prepared data do not have; train again")
    rows = np.array([row_of[image_id] for image_id in test.image_ids])
    elsewhere = np.flatnonzero(store.parts[rows] != "test")
    if len(elsewhere):
        raise UserError(
            f"predictions.csv has image {test.image_ids[elsewhere[0]]} in test, the prepared data have it in "
            f"{store.parts[rows[elsewhere[0]]]}; train again"
        )
    if set(test.findings) != set(store.findings):
        raise UserError(
            f"predictions.csv holds {', '.join(test.findings)}; asked for are {', '.join(store.findings)}; train again"
        )
    columns = [test.findings.index(finding) for finding in store.findings]  # the file's may be in another order
    calibrated, thresholds = (None, np.full(test.probabilities.shape, np.nan))
    if fitted is not None:
        calibrated, thresholds = (array[:, columns] for array in fitted.apply(test, folds))
        missing = fitted.missing_thresholds(store.findings)
    else:
        missing = ("no threshold: the group was not evaluated yet",) * len(columns)
    return Calls(
        findings=store.findings,
        image_ids=test.image_ids,
        rows=rows,
        raw=test.probabilities[:, columns],
        calibrated=calibrated,
        thresholds=thresholds,
        missing=missing,
        labels=test.label_codes[:, columns],
    )
