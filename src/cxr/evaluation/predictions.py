"""predictions.csv in, checked arrays out (and back): one row per image, per finding a probability and a label."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from cxr.config.atomic import written_atomically
from cxr.config.errors import UserError
from cxr.evaluation.columns import (
    ID_COLUMNS,
    LABEL_SUFFIX,
    PARTS,
    UNCERTAIN,
    findings_of,
    label_message,
    parse_labels,
    parse_probabilities,
    read_rows,
)


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model said about N images and K findings, and what is known about them; rows keep the file's order."""

    image_ids: np.ndarray
    """(N,) str, each once."""
    patient_ids: np.ndarray
    """(N,) str."""
    splits: np.ndarray
    """(N,) str: "train", "val" or "test"."""
    findings: tuple[str, ...]
    """K names, in the file's order."""
    probabilities: np.ndarray
    """(N, K) float64 in [0, 1]: raw, not calibrated."""
    label_codes: np.ndarray
    """(N, K) float64: 1, 0, -1 uncertain, NaN unknown."""

    @property
    def labels(self) -> np.ndarray:
        """(N, K) float64: 1, 0, and NaN where unknown or uncertain: what a metric may count."""
        return np.where(self.label_codes == UNCERTAIN, np.nan, self.label_codes)

    @property
    def uncertain_counts(self) -> np.ndarray:
        """(K,) int: images whose label is uncertain (-1)."""
        return (self.label_codes == UNCERTAIN).sum(axis=0)

    @property
    def unknown_counts(self) -> np.ndarray:
        """(K,) int: images without a label."""
        return np.isnan(self.label_codes).sum(axis=0)

    def part(self, name: str) -> "Predictions":
        """Rows of one split part ("train", "val" or "test"), possibly none; ValueError for any other name."""
        if name not in PARTS:
            raise ValueError(f"part {name!r}; allowed: {', '.join(PARTS)}")
        return self.rows(self.splits == name)

    def rows(self, chosen: np.ndarray) -> "Predictions":
        """Rows chosen by an (N,) bool mask or by integer indices."""
        return Predictions(
            image_ids=self.image_ids[chosen],
            patient_ids=self.patient_ids[chosen],
            splits=self.splits[chosen],
            findings=self.findings,
            probabilities=self.probabilities[chosen],
            label_codes=self.label_codes[chosen],
        )

    def of_findings(self, findings: Sequence[str]) -> "Predictions":
        """All rows with these findings only, in this order; ValueError for one that is not there."""
        columns = [self.findings.index(finding) for finding in findings]
        return replace(
            self,
            findings=tuple(findings),
            probabilities=self.probabilities[:, columns],
            label_codes=self.label_codes[:, columns],
        )


def read_predictions(path: Path) -> Predictions:
    """Read `predictions.csv`; ids stay text, the order of the columns does not matter.

    Raises UserError, in one sentence with file, line and column, for a file that is missing, empty or not CSV; columns
    that are missing, doubled or unpaired; probabilities that are no number in [0, 1]; labels other than 1, 0, -1 or
    empty; image ids that are empty or repeated; unknown split names; a patient in more than one split.
    """
    header, rows = read_rows(path)
    findings = findings_of(path, header)
    columns = {name: [row[place] for row in rows] for place, name in enumerate(header)}
    labels = [f"{finding}{LABEL_SUFFIX}" for finding in findings]
    predictions = Predictions(
        image_ids=np.array(columns["image_id"], dtype=str),
        patient_ids=np.array(columns["patient_id"], dtype=str),
        splits=np.array(columns["split"], dtype=str),
        findings=findings,
        probabilities=np.stack([parse_probabilities(path, name, columns[name]) for name in findings], axis=1),
        label_codes=np.stack([parse_labels(path, name, columns[name]) for name in labels], axis=1),
    )
    check_predictions(predictions, path)
    return predictions


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write `predictions.csv` atomically; floats have the shortest text that reads back to the same float64.

    Raises UserError for what `read_predictions` would refuse, so that no such file is ever written.
    """
    check_predictions(predictions, path)
    label_texts = {1.0: "1", 0.0: "0", UNCERTAIN: "-1"}  # a NaN is in no dict: it becomes the empty text below
    header = [*ID_COLUMNS, *(name for finding in predictions.findings for name in (finding, finding + LABEL_SUFFIX))]
    ids = zip(predictions.image_ids, predictions.patient_ids, predictions.splits, strict=True)
    numbers = zip(predictions.probabilities.tolist(), predictions.label_codes.tolist(), strict=True)
    with written_atomically(path) as part, part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        for texts, (probabilities, codes) in zip(ids, numbers, strict=True):
            pairs = zip(probabilities, codes, strict=True)
            writer.writerow([*texts, *(cell for p, code in pairs for cell in (p, label_texts.get(code, "")))])


def check_predictions(predictions: Predictions, path: Path) -> None:
    """Raise UserError naming `path`, line and column for contents that no `predictions.csv` may have."""
    if len(predictions.image_ids) == 0:
        raise UserError(f"{path}: holds no predictions; expected one row per image.")
    _check_names(predictions, path)
    _check_numbers(predictions, path)
    _check_patients(predictions, path)


def _check_names(predictions: Predictions, path: Path) -> None:
    for column, texts in zip(
        ID_COLUMNS, (predictions.image_ids, predictions.patient_ids, predictions.splits), strict=True
    ):
        if (texts == "").any():
            raise UserError(f"{path}, line {_line(texts == '')}: column '{column}' is empty; every row needs one.")
    repeated = pd.Series(predictions.image_ids).duplicated().to_numpy()
    if repeated.any():
        name = predictions.image_ids[repeated][0]
        raise UserError(f"{path}, line {_line(repeated)}: image_id '{name}' appears again; each image may appear once.")
    stray = ~np.isin(predictions.splits, PARTS)
    if stray.any():
        found = predictions.splits[stray][0]
        raise UserError(f"{path}, line {_line(stray)}: split is '{found}'; allowed are {', '.join(PARTS)}.")


def _check_numbers(predictions: Predictions, path: Path) -> None:
    for place, finding in enumerate(predictions.findings):
        values, codes = predictions.probabilities[:, place], predictions.label_codes[:, place]
        outside = ~((values >= 0) & (values <= 1))  # written so that NaN is outside
        if outside.any():
            found = float(values[outside][0])
            raise UserError(f"{path}, line {_line(outside)}, column '{finding}': {found} is no probability in [0, 1].")
        stray = ~(np.isnan(codes) | np.isin(codes, (1.0, 0.0, UNCERTAIN)))
        if stray.any():
            raise UserError(label_message(path, _line(stray), finding + LABEL_SUFFIX, float(codes[stray][0])))


def _check_patients(predictions: Predictions, path: Path) -> None:
    """A patient on both sides of a split inflates every number after it (mean AUROC by 0.027 on ChestX-ray14)."""
    pairs = pd.DataFrame({"patient": predictions.patient_ids, "split": predictions.splits}).drop_duplicates()
    shared = pairs[pairs.duplicated("patient", keep=False)]
    if len(shared):
        patient = shared["patient"].iloc[0]
        parts = " and ".join(shared.loc[shared["patient"] == patient, "split"])
        count = shared["patient"].nunique()
        raise UserError(
            f"{path}: patient '{patient}' is in {parts} (such patients: {count}); a patient may be in one split only."
        )


def _line(rows: np.ndarray) -> int:
    """Line of the file that holds the first True row: the header is line 1."""
    return int(np.argmax(rows)) + 2
