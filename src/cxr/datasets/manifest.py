"""Source tables in, one manifest out: a row per image, a column per finding, ids unique over all sources."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cxr.config.atomic import written_atomically
from cxr.config.errors import UserError
from cxr.datasets.table import DESCRIPTION, REJECTED, SourceTable

LABEL_CODES = {"1": 1.0, "0": 0.0, "-1": -1.0, "": np.nan}
"""Label text to code: positive, negative, uncertain, unknown."""


def merge_sources(sources: Sequence[SourceTable]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Stack the rows of all sources; return accepted rows and rejected rows (REJECTED columns) of all of them.

    With several sources image ids become `<source>:<id>` and patient ids `<namespace>:<id>`: equal numbers of different
    origin stay apart, and a patient whose images lie in two folders of one origin stays one patient. An image that an
    earlier source of the same namespace has already is rejected. Accepted rows hold strings only: DESCRIPTION columns,
    then every finding of any source, empty where a source does not label it.
    """
    findings = list(dict.fromkeys(finding for source in sources for finding in source.findings))
    parts, rejected = [], [source.rejected.astype(str) for source in sources]
    seen: dict[str, set[str]] = {}
    for source in sources:
        rows = source.rows.copy()
        if len(sources) > 1:
            space = source.namespace or source.name
            known = seen.setdefault(space, set())
            again = rows["image_id"].isin(known)
            known |= set(rows["image_id"])
            repeated = pd.DataFrame({"source": source.name, "row": "", "path": rows.loc[again, "path"]})
            rejected.append(repeated.assign(reason="the image is in an earlier data set of the settings"))
            rows = rows[~again]
            rows["image_id"] = source.name + ":" + rows["image_id"]
            for column in ("patient_id", "study_id"):
                rows[column] = space + ":" + rows[column]
        parts.append(rows.reindex(columns=[*DESCRIPTION, *findings], fill_value=""))
    return pd.concat(parts, ignore_index=True), pd.concat(rejected, ignore_index=True)[REJECTED]


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, atomically."""
    with written_atomically(path) as part:
        table.to_csv(part, index=False, lineterminator="\n")


def read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a CSV as strings and check its columns; UserError when it is missing, broken or lacks one."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as a CSV table ({str(error).splitlines()[0]})") from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes the first column for an index then
        raise UserError(f"{path}: its rows have more cells than its header")
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise UserError(f"{path}: has no column {', '.join(missing)}; found {', '.join(table.columns)}")
    return table


def read_labels(manifest: pd.DataFrame, findings: Sequence[str]) -> np.ndarray:
    """Return (N, K) float32 label codes 1, 0, -1 (uncertain) or NaN (unknown) for the findings asked for.

    Raises UserError for a finding that no source labels and for values other than 1, 0, -1 and empty.
    """
    missing = [finding for finding in findings if finding not in manifest.columns]
    if missing:
        labelled = [column for column in manifest.columns if column not in DESCRIPTION]
        raise UserError(f"findings.set asks for {', '.join(missing)}; the data sets label {', '.join(labelled)}")
    text = manifest[list(findings)]
    bad = ~text.isin(list(LABEL_CODES))
    if bad.to_numpy().any():
        row, column = np.argwhere(bad.to_numpy())[0]
        raise UserError(
            f"manifest: image {manifest['image_id'].iloc[row]}, {findings[column]}: found "
            f'"{text.iat[row, column]}"; allowed are 1, 0, -1 and empty'
        )
    return np.stack([text[finding].map(LABEL_CODES).to_numpy(np.float32) for finding in findings], axis=1)
