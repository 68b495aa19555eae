"""Validation predictions in, everything that is fitted to them out: calibration and thresholds, written and read back.

Two files, because they are asked for apart: `calibration.json` and `thresholds.json`. Each names the split and, per
fit, the validation images. With cross-validation there is a fit per fold, on that fold's own validation part.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import ValidationError

from cxr.config.atomic import write_json
from cxr.config.errors import UserError
from cxr.config.evaluation import Evaluation, OperatingPoint
from cxr.config.explain import explain_errors
from cxr.config.model import Model
from cxr.evaluation.calibration import fit_calibration
from cxr.evaluation.calibration_maps import calibrated_probabilities
from cxr.evaluation.fitted_files import CALIBRATION, THRESHOLDS, CalibrationFile, SplitName, ThresholdsFile
from cxr.evaluation.predictions import Predictions
from cxr.evaluation.refits import AppliedMaps
from cxr.evaluation.thresholds import fit_thresholds

File = TypeVar("File", bound=Model)


@dataclass(frozen=True)
class Fitted:
    """What was fitted on validation; applied to any part or data set, never fitted again."""

    calibration: CalibrationFile
    thresholds: ThresholdsFile

    def apply(
        self, predictions: Predictions, folds: Mapping[str, Predictions] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(N, K) calibrated probabilities and (N, K) thresholds (NaN where there is none) of raw predictions.

        folds: with cross-validation, fold -> its predictions; an image is calibrated by the fold whose test part it is
        in. ValueError for an image in no fold, or for predictions without folds by fits that have them.
        """
        calibrated, thresholds = np.full((2, *predictions.probabilities.shape), np.nan)
        for fold, rows in self._rows(predictions, folds).items():
            calibrated[rows] = calibrated_probabilities(self.calibration.fits[fold], predictions.rows(rows))
            thresholds[rows] = self.thresholds.fits[fold].array(predictions.findings)
        if np.isnan(calibrated).any():
            raise ValueError("an image is in the test part of no fold")
        return calibrated, thresholds

    def applied(self, predictions: Predictions, folds: Mapping[str, Predictions] | None = None) -> AppliedMaps:
        """Which maps `apply` used for which images."""
        rows_of = self._rows(predictions, folds)
        return AppliedMaps(
            predictions.probabilities, tuple((rows, self.calibration.fits[fold]) for fold, rows in rows_of.items())
        )

    def _rows(self, predictions: Predictions, folds: Mapping[str, Predictions] | None) -> dict[str, np.ndarray]:
        """Fold -> (N,) bool, the images that its fit is for."""
        if set(self.calibration.fits) != set(folds or {"": None}):
            raise ValueError(f"fits of {sorted(self.calibration.fits)} for predictions of {sorted(folds or [''])}")
        if not folds:
            return {"": np.full(len(predictions.image_ids), True)}
        return {
            fold: np.isin(predictions.image_ids, folds[fold].part("test").image_ids) for fold in self.calibration.fits
        }

    @property
    def method(self) -> str:
        """How probabilities were calibrated."""
        return next(iter(self.calibration.fits.values())).method

    @property
    def rule(self) -> OperatingPoint:
        """How thresholds were chosen."""
        return next(iter(self.thresholds.fits.values())).operating_point

    def missing_thresholds(self, findings: Sequence[str]) -> tuple[str | None, ...]:
        """Per finding why it has no threshold, or None where some fit has one."""
        found: list[str | None] = []
        for finding in findings:
            ones = [fit.findings[finding] for fit in self.thresholds.fits.values()]
            some = any(one.threshold is not None for one in ones)
            found.append(None if some else f"no threshold: {ones[0].reason}")
        return tuple(found)

    def write(self, folder: Path) -> None:
        """Write both files into `folder`, each atomically."""
        write_json(folder / CALIBRATION, self.calibration.model_dump(mode="json", exclude_none=True))
        write_json(folder / THRESHOLDS, self.thresholds.model_dump(mode="json"))


def fit_on_validation(
    predictions: Predictions,
    split: Mapping[str, Any],
    evaluation: Evaluation,
    folds: Mapping[str, Predictions] | None = None,
    single: bool = False,
) -> Fitted:
    """Fit calibration and thresholds to the val part, or per fold to that fold's; without one, every finding says why.

    Args:
        predictions: raw, of the whole group; only its val part is looked at.
        split: "split" of the group's run.json; name and hash are kept.
        evaluation: how to calibrate and where to cut.
        folds: with cross-validation, fold -> its predictions.
        single: whether an image has exactly one finding (softmax).
    """
    name = SplitName(name=split["name"], hash=split["hash"])
    calibrations, thresholds = {}, {}
    for fold, one in (folds or {"": predictions}).items():
        val = one.part("val")
        calibrations[fold] = fit_calibration(val, evaluation.calibration, single)
        calibrated = calibrated_probabilities(calibrations[fold], val)
        thresholds[fold] = fit_thresholds(val, calibrated, evaluation.operating_point, evaluation.calibration)
    return Fitted(CalibrationFile(split=name, fits=calibrations), ThresholdsFile(split=name, fits=thresholds))


def read_fitted(folder: Path) -> Fitted:
    """Read both files of a group; UserError for one that is missing or broken, and for two of different fits."""
    calibration = _read(folder / CALIBRATION, CalibrationFile)
    thresholds = _read(folder / THRESHOLDS, ThresholdsFile)
    fits = {fold: (fit.images_hash, list(fit.findings), fit.method) for fold, fit in calibration.fits.items()}
    cuts = {fold: (fit.images_hash, list(fit.findings), fit.calibration) for fold, fit in thresholds.fits.items()}
    if (calibration.split, fits) != (thresholds.split, cuts):
        raise UserError(
            f"{folder / THRESHOLDS}: was not chosen on what {CALIBRATION} was fitted to (split, images, findings, "
            "method); evaluate the group again."
        )
    return Fitted(calibration, thresholds)


def _read(path: Path, kind: type[File]) -> File:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); evaluate the group first.") from error
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise UserError(f"{explain_errors(error, kind, str(path))[0]}; evaluate the group again.") from error
