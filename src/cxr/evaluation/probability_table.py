"""A CSV of images and probabilities made elsewhere in; names and (N, K) probabilities of the findings asked out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr.config.errors import UserError
from cxr.config.findings import IMAGE_COLUMNS, match_findings
from cxr.config.nearest import choices_sentence
from cxr.evaluation.columns import LABEL_SUFFIX, parse_probabilities, read_rows


@dataclass(frozen=True, eq=False)
class ProbabilityTable:
    """N images and K findings, in the order asked for."""

    path: Path
    image_ids: list[str]
    """As written."""
    findings: tuple[str, ...]
    probabilities: np.ndarray
    """(N, K) float64 in [0, 1]."""
    ignored: tuple[str, ...]
    """Columns that spell no finding."""


def read_probability_table(path: Path, findings: Sequence[str]) -> ProbabilityTable:
    """Read the columns that spell these findings, in whatever order; the image column is named so, or the first.

    Raises UserError, in one sentence, for a file that is empty or no CSV; a finding that no column or two spell; a
    probability that is no number in [0, 1]; an image without a name. Columns `<finding>:label` are ignored.
    """
    header, rows = read_rows(path)
    if not rows:
        raise UserError(f"{path}: holds no predictions; expected one row per image.")
    image = _image_column(header, findings, path)
    spelt = match_findings([c for c in header if c != image and not c.endswith(LABEL_SUFFIX)], findings)
    ignored = tuple(column for column in header if column not in spelt and column != image)
    column_of = _one_each(path, spelt, findings, ignored)
    place = {name: header.index(name) for name in header}
    ids = [row[place[image]].strip() for row in rows]
    if "" in ids:
        raise UserError(f"{path}, line {ids.index('') + 2}: column '{image}' is empty; every row needs an image.")
    columns = [_checked(path, column_of[f], [row[place[column_of[f]]] for row in rows]) for f in findings]
    return ProbabilityTable(path, ids, tuple(findings), np.stack(columns, axis=1), ignored)


def _image_column(header: list[str], findings: Sequence[str], path: Path) -> str:
    by_name = {column.strip().casefold(): column for column in header}
    named = next((by_name[name] for name in IMAGE_COLUMNS if name in by_name), None)
    if named is None and match_findings(header[:1], findings):
        raise UserError(f"{path}: has no column of image names; call it image_id (found {', '.join(header)}).")
    return header[0] if named is None else named


def _one_each(path: Path, spelt: dict[str, str], findings: Sequence[str], ignored: Sequence[str]) -> dict[str, str]:
    """Return finding -> column."""
    found: dict[str, str] = {}
    for column, finding in spelt.items():
        if finding in found:
            raise UserError(f"{path}: columns '{found[finding]}' and '{column}' both spell {finding}; one is needed.")
        found[finding] = column
    if missing := [finding for finding in findings if finding not in found]:
        lacking = ", ".join(missing)
        near = f" ({choices_sentence('column', missing[0], ignored)})" if ignored else ""
        raise UserError(
            f"{path}: {len(findings)} findings expected and {len(found)} found: no column for {lacking}{near}; "
            "name those to be measured with --findings if these are all."
        )
    return found


def _checked(path: Path, column: str, texts: list[str]) -> np.ndarray:
    values = parse_probabilities(path, column, texts)
    outside = ~((values >= 0) & (values <= 1))  # written so that NaN is outside
    if outside.any():
        row = int(np.argmax(outside))
        raise UserError(
            f"{path}, line {row + 2}, column '{column}': {values[row]:g} is no probability in [0, 1]; of "
            "logits give the sigmoid."
        )
    return values
