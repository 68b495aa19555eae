"""A manifest with its parts and labels in, what there is to know about the data set out: plain counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxr.datasets.labels import UNCERTAIN

DESCRIBED = ("patient_id", "study_id", "view", "sex", "age")
AGE_BAND_YEARS, OLDEST = 10, 120
COMBINATIONS = 15
FAR, SHARE = 3.0, 0.2
"""A part differs in a finding when the difference is beyond 3 standard errors and a fifth of the prevalence."""


@dataclass(frozen=True, eq=False)
class Described:
    """What a description is made of: N images with their part, and label codes (N, K) of the findings."""

    manifest: pd.DataFrame
    parts: np.ndarray
    findings: tuple[str, ...]
    codes: np.ndarray
    sizes: np.ndarray
    """(N, 2) int: height and width of the original, in pixels."""


def describe(data: Described) -> dict[str, Any]:
    """Return counts by part, label combinations, co-occurrence, patients' ages, sexes and views, gaps and sizes."""
    parts = {part: data.parts == part for part in dict.fromkeys(sorted(data.parts, key=_order))}
    return {
        "images": len(data.manifest),
        "patients": int(data.manifest["patient_id"].nunique()),
        "sources": {name: _counted(rows) for name, rows in data.manifest.groupby("source")},
        "parts": {part: _part(data, rows) for part, rows in parts.items()},
        "differences": differences(data),
        "combinations": _combinations(data),
        "cooccurrence": _cooccurrence(data.codes),
        "images_per_patient": _images_per_patient(data.manifest),
        "sizes": _sizes(data.sizes),
        "empty": {column: int((data.manifest[column] == "").sum()) for column in DESCRIBED},
    }


def differences(data: Described) -> list[dict[str, Any]]:
    """Return the findings whose prevalence differs by more than chance: val and test from train, a fold from the rest.

    Chance is that of the pooled prevalence, its variance multiplied by what the images of one patient have in common
    (design effect, Kish 1965).
    """
    found = []
    has_train = (data.parts == "train").any()
    for part in sorted(set(data.parts.tolist()) - {"train"}, key=_order):
        inside = data.parts == part
        outside = data.parts == "train" if has_train else ~inside
        for k, finding in enumerate(data.findings):
            known = np.isin(data.codes[:, k], (0, 1))
            here, there = data.codes[known & inside, k], data.codes[known & outside, k]
            if not len(here) or not len(there):
                continue
            error = _standard_error(data, k, known & (inside | outside)) * np.sqrt(1 / len(here) + 1 / len(there))
            gap = here.mean() - there.mean()
            if abs(gap) > FAR * error and abs(gap) > SHARE * there.mean():
                shares = {"here": float(here.mean()), "elsewhere": float(there.mean())}
                found.append({"part": part, "finding": finding, **shares})
    return found


def _standard_error(data: Described, k: int, rows: np.ndarray) -> float:
    """Standard deviation of a label, enlarged by the design effect of patients with several images."""
    labels = data.codes[rows, k]
    _, patient_of = np.unique(data.manifest["patient_id"].to_numpy(str)[rows], return_inverse=True)
    sums = np.bincount(patient_of, labels - labels.mean())
    return float(np.sqrt((sums**2).sum() / len(labels)))


def _part(data: Described, rows: np.ndarray) -> dict[str, Any]:
    manifest, codes = data.manifest[rows], data.codes[rows]
    patients = manifest["patient_id"].to_numpy(str)
    ages = pd.to_numeric(manifest["age"], errors="coerce").dropna()
    bands = np.arange(0, OLDEST + AGE_BAND_YEARS, AGE_BAND_YEARS)
    return _counted(manifest) | {
        "findings": {
            finding: {
                "positive": int((codes[:, k] == 1).sum()),
                "negative": int((codes[:, k] == 0).sum()),
                "uncertain": int((codes[:, k] == UNCERTAIN).sum()),
                "unknown": int(np.isnan(codes[:, k]).sum()),
                "patients": len(np.unique(patients[codes[:, k] == 1])),
            }
            for k, finding in enumerate(data.findings)
        },
        "sex": _values(manifest["sex"]),
        "view": _values(manifest["view"]),
        "age": {
            "mean": float(ages.mean()) if len(ages) else None,
            "deviation": float(ages.std(ddof=0)) if len(ages) else None,
            "bands": dict(zip(map(int, bands[:-1]), np.histogram(ages, bands)[0].tolist(), strict=True)),
        },
    }


def _counted(rows: pd.DataFrame) -> dict[str, Any]:
    return {"images": len(rows), "patients": int(rows["patient_id"].nunique())}


def _values(column: pd.Series) -> dict[str, int]:
    return {str(value): int(count) for value, count in column.value_counts().items()}


def _combinations(data: Described) -> list[dict[str, Any]]:
    """The most frequent sets of findings, with the number of images that have just these."""
    present = data.codes == 1
    sets, counts = np.unique(present, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:COMBINATIONS]
    return [{"findings": _named(data.findings, sets[k]), "images": int(counts[k])} for k in order]


def _named(findings: Sequence[str], row: np.ndarray) -> list[str]:
    return [finding for finding, here in zip(findings, row, strict=True) if here]


def _cooccurrence(codes: np.ndarray) -> list[list[int]]:
    """Row i, column j: images with both findings; the diagonal has the images with one."""
    present = (codes == 1).astype(np.int64)
    return (present.T @ present).tolist()


def _images_per_patient(manifest: pd.DataFrame) -> dict[int, int]:
    counts = manifest["patient_id"].value_counts().value_counts().sort_index()
    return {int(images): int(patients) for images, patients in counts.items()}


def _sizes(sizes: np.ndarray) -> list[dict[str, int]]:
    """The most frequent sizes of the originals."""
    kinds, counts = np.unique(sizes, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:COMBINATIONS]
    return [{"height_px": int(kinds[k][0]), "width_px": int(kinds[k][1]), "images": int(counts[k])} for k in order]


def _order(part: str) -> tuple[int, str]:
    known = ("train", "val", "test")
    return (known.index(part) if part in known else len(known), part)
