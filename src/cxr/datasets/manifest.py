"""Source tables in, one manifest out: a row per image, a column per finding, ids unique over all sources."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cxr.config.atomic import written_atomically
from cxr.config.errors import UserError
from cxr.datasets.table import BOXES, DESCRIPTION, REJECTED, SourceTable, no_boxes


def merge_sources(sources: Sequence[SourceTable]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Stack the rows of all sources; return accepted rows and rejected rows (REJECTED columns) of all of them.

    With several sources image ids become `<source>:<id>` and patient ids `<origin>:<id>`: equal numbers of different
    origin stay apart, and a patient whose images lie in two folders of one origin stays one patient. An image that an
    earlier source of the same origin has already is rejected. Accepted rows hold strings only: DESCRIPTION columns,
    then every finding of any source, empty where a source does not label it, then the `row` of the source's table.
    """
    findings = list(dict.fromkeys(finding for source in sources for finding in source.findings))
    parts, rejected = [], [source.rejected.astype(str) for source in sources]
    seen: dict[str, set[str]] = {}
    for source in sources:
        rows = source.rows.copy()
        if len(sources) > 1:
            space = source.origin or source.name
            known = seen.setdefault(space, set())
            again = rows["image_id"].isin(known)
            known |= set(rows["image_id"])
            repeated = rows.loc[again, ["source", "row", "path"]]
            rejected.append(repeated.assign(reason="the image is in an earlier data set of the settings"))
            rows = rows[~again]
            rows["image_id"] = source.name + ":" + rows["image_id"]
            rows["patient_id"] = space + ":" + rows["patient_id"]
            rows["study_id"] = (space + ":" + rows["study_id"]).where(rows["study_id"] != "", "")
        parts.append(rows.reindex(columns=[*DESCRIPTION, *findings, "row"], fill_value=""))
    return pd.concat(parts, ignore_index=True).astype(str), pd.concat(rejected, ignore_index=True)[REJECTED]


def merge_boxes(sources: Sequence[SourceTable]) -> pd.DataFrame:
    """Stack the boxes of all sources, under the image ids of `merge_sources`; BOXES columns, shares of the image."""
    prefixes = [source.name + ":" if len(sources) > 1 else "" for source in sources]
    tables = [
        s.boxes.assign(image_id=prefix + s.boxes["image_id"]) for s, prefix in zip(sources, prefixes, strict=True)
    ]
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True)[BOXES] if filled else no_boxes()


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
