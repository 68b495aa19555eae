"""Rows of any source's table in, its SourceTable out: every row accepted, or rejected with the reason."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from os.path import normpath
from pathlib import Path

import pandas as pd

from cxr.config.datasets import LISTED_PARTS, FolderDataset
from cxr.config.errors import UserError
from cxr.datasets.sources.files import is_file
from cxr.datasets.table import DESCRIPTION, REJECTED, SourceTable

MAX_AGE_YEARS = 120
NAMES = {"patient_id": "patient id", "image_id": "image id", "path": "path"}  # the last is the one that is told
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Line ends and other control characters, and the bytes of a file name that is not UTF-8."""
SEXES = {"m": "M", "male": "M", "f": "F", "female": "F", "w": "F"}
VIEWS = {"lateral": "LATERAL", "ll": "LATERAL", "rl": "LATERAL", "l": "LATERAL", "lat": "LATERAL"}
LABEL_TEXTS = {f"{sign}{number}{end}": f"{sign}{number}" for sign, number in (("", 1), ("", 0), ("-", 1))
               for end in ("", ".0")} | {"": ""}  # fmt: skip


def accept_rows(
    dataset: FolderDataset,
    name: str,
    table: Path,
    rows: pd.DataFrame,
    flaws: pd.Series,
    findings: Sequence[str],
    origin: str = "",
    notes: Sequence[str] = (),
    numbers: pd.Series | None = None,
) -> SourceTable:
    """Check the rows of a label table and return them as the source's table.

    rows: strings, one row per data row of `table`; columns path, image_id, patient_id, the findings, and what else of
    DESCRIPTION is known. flaws: what the caller found wrong with each, or "". numbers: of the rows, where they come
    from several tables. Further reasons: an image id that was listed before, an image that does not exist or is there
    twice, no patient, a name that no table can hold, a part or a label that is none.
    Raises UserError when no row at all can be used.
    """
    rows = rows.reindex(columns=[*DESCRIPTION, *findings], fill_value="").astype(str)
    rows["source"] = name
    rows["sex"] = rows["sex"].str.strip().map(lambda sex: SEXES.get(sex.lower(), sex))
    rows["view"] = rows["view"].str.strip().map(lambda view: VIEWS.get(view.lower(), view))
    rows["age"] = ages(rows["age"])
    bad_label = pd.Series("", index=rows.index)
    for finding in findings:
        text = rows[finding].str.strip()
        known = text.map(LABEL_TEXTS)
        wrong = known.isna()
        bad_label[wrong] = finding + ' is "' + text[wrong] + '"; allowed are 1, 0, -1 and nothing'
        rows[finding] = known.fillna("")
    for column in ("study_id", "view", "sex"):
        rows[column] = rows[column].map(_written_out)
    unwritable = pd.Series("", index=rows.index)
    for column, words in NAMES.items():
        unwritable[rows[column].map(_is_unwritable)] = f"holds a control character, or what is no text, in its {words}"
    checks: list[tuple[pd.Series, str | pd.Series]] = [
        (unwritable != "", unwritable),
        (rows["path"] == "", "has no path"),
        (rows["image_id"].duplicated(), "the image id was listed before"),
        (~rows["path"].map(partial(is_file, dataset.root)).astype(bool), "the image does not exist"),
        (rows["path"].map(normpath).duplicated(), "its file was listed before under another name"),
        (rows["patient_id"].str.strip() == "", "has no patient id"),
        (~rows["listed"].isin([*LISTED_PARTS, ""]), 'is in part "' + rows["listed"] + '", which is none'),
        (bad_label != "", bad_label),
    ]
    reason = flaws.reset_index(drop=True)
    for failed, text in checks:
        reason = reason.mask((reason == "") & failed, text)
    good = reason == ""
    paths = rows["path"].map(_written_out)
    number = pd.Series(rows.index + 1) if numbers is None else numbers.reset_index(drop=True)
    rejected = pd.DataFrame({"source": name, "row": number, "path": paths, "reason": reason.map(_written_out)})
    accepted = rows[good].assign(row=number[good])
    said = [*notes]
    if dataset.limit_patients:
        kept = _limit(accepted, dataset.limit_patients)
        said.append(
            f"{name}: limit_patients {dataset.limit_patients} keeps {len(kept)} of {len(accepted)} usable images"
        )
        accepted = kept
    if accepted.empty:
        first = f"; the first reason: {reason[~good].iloc[0]}" if (~good).any() else ""
        raise UserError(f"{table}: none of its {len(rows)} rows can be used{first}")
    if without := int((accepted["age"] == "").sum()):
        said.append(f"{name}: {without} rows have no age between 0 and {MAX_AGE_YEARS} years; it is left empty")
    return SourceTable(
        name=name,
        root=dataset.root,
        findings=tuple(findings),
        rows=accepted.reset_index(drop=True),
        rejected=rejected.loc[~good, REJECTED].reset_index(drop=True),
        origin=dataset.origin or origin or name,
        notes=said,
    )


def ages(text: pd.Series) -> pd.Series:
    """Years as whole-number strings; `058Y` means 58, months and days mean 0, beyond 120 years is left empty."""
    parts = text.str.strip().str.extract(r"^(\d+)(?:\.\d+)?([YMWDymwd]?)$")
    years = pd.to_numeric(parts[0], errors="coerce")
    years = years.where(~parts[1].str.upper().isin(["M", "W", "D"]), 0)
    return years.where(years <= MAX_AGE_YEARS).map(lambda age: "" if pd.isna(age) else str(int(age)))


def _is_unwritable(text: str) -> bool:
    """Whether a CSV file cannot hold the text so that every reader gets it back."""
    return CONTROL.search(text) is not None


def _written_out(text: str) -> str:
    """The text with what a CSV file cannot hold in backslash notation."""
    return CONTROL.sub(lambda match: ascii(match.group())[1:-1], text)


def require_folder(root: Path, name: str, what: str) -> None:
    """Raise UserError when the folder of a data set is not there."""
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; data set {name!r} needs one with {what}")


def patient_from(pattern: str) -> Callable[[str], str]:
    """Return the function that finds a patient id in a path: the pattern's group, or "" where it does not match."""
    search = re.compile(pattern).search
    return lambda text: (match.group(1) or "") if (match := search(text)) else ""


def _limit(rows: pd.DataFrame, patients: int) -> pd.DataFrame:
    """Keep the first patients (by number) of each listed part, so that a limited data set can still be split."""
    kept = set()
    for _, group in rows.groupby("listed"):
        ids = sorted(group["patient_id"].unique(), key=lambda patient: (len(patient), patient))
        kept |= set(ids[:patients])
    return rows[rows["patient_id"].isin(kept)].reset_index(drop=True)
