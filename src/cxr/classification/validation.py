"""The val part of a store in; loss, AUROC per finding and ROC figure of a network in training out."""

import math
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from cxr.classification.crops import predict_rows
from cxr.classification.roc_figure import write_roc
from cxr.engines.keras_engine import KerasEngine
from cxr.evaluation.auroc import auroc
from cxr.preparation.store import Store

MeasureLoss = Callable[[np.ndarray, np.ndarray], float]
"""(labels (N, K) with NaN where unknown, probabilities (N, K)) -> loss."""


class Validation:
    """Measures a network on the chosen rows, and draws what it measured last."""

    def __init__(
        self, store: Store, rows: np.ndarray, labels: np.ndarray, image_px: int, measure_loss: MeasureLoss
    ) -> None:
        self._store, self._rows, self._labels, self._image_px = store, rows, labels, image_px
        self._measure_loss = measure_loss
        self._found = np.full(labels.shape, np.nan)

    def measure(self, model: keras.Model) -> dict[str, float]:
        """Return val_loss, val_auroc (NaN without any) and `val_auroc:<finding>` (NaN without positives, negatives)."""
        engine = KerasEngine(model)
        self._found = predict_rows(lambda images: engine.run(images)[0], self._store, self._rows, self._image_px)
        areas = auroc(self._labels, self._found)
        return {
            "val_loss": self._measure_loss(self._labels, self._found),
            "val_auroc": float(np.nanmean(areas)) if np.isfinite(areas).any() else math.nan,
            **{f"val_auroc:{name}": float(area) for name, area in zip(self._store.findings, areas, strict=True)},
        }

    def draw(self, path: Path) -> None:
        """Write the ROC curves of what was measured last."""
        write_roc(self._store.findings, self._labels, self._found, path)
