"""Label columns of a manifest in, one code per image and output out: 1, 0, -1 uncertain, NaN unknown."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from cxr.config.errors import UserError
from cxr.config.findings import NO_FINDING
from cxr.datasets.table import DESCRIPTION

LABEL_CODES = {"1": 1.0, "0": 0.0, "-1": -1.0, "": np.nan}
"""Label text to code: positive, negative, uncertain, unknown."""
UNCERTAIN = -1.0


def fill_blanks(
    manifest: pd.DataFrame, sources: Collection[str], labelled: Mapping[str, Collection[str]]
) -> pd.DataFrame:
    """Return the manifest with "0" for every empty label of these sources. labelled: source -> findings it labels."""
    filled = manifest.copy()
    for source in sources:
        mine, findings = (manifest["source"] == source).to_numpy(), list(labelled[source])
        filled.loc[mine, findings] = manifest.loc[mine, findings].replace("", "0")
    return filled


def read_labels(
    manifest: pd.DataFrame,
    outputs: Mapping[str, Sequence[str]],
) -> np.ndarray:
    """Return (N, K) float32 codes of the outputs, each named with the findings it stands for.

    Raises UserError for a finding that no source labels and for values other than 1, 0, -1 and empty.
    """
    wanted = list(dict.fromkeys(finding for findings in outputs.values() for finding in findings))
    missing = [finding for finding in wanted if finding not in manifest.columns]
    if missing:
        labelled = [column for column in manifest.columns if column not in DESCRIPTION]
        raise UserError(f"findings.set asks for {', '.join(missing)}; the data sets label {', '.join(labelled)}")
    codes = {finding: _codes_of(manifest, finding) for finding in wanted}
    grouped = [group_codes(np.stack([codes[finding] for finding in findings])) for findings in outputs.values()]
    return np.stack(grouped, axis=1).astype(np.float32)


def group_codes(codes: np.ndarray) -> np.ndarray:
    """Return (N,) codes of a group from the (M, N) codes of its findings: present where one of them is.

    Where none is: uncertain if one is uncertain, unknown if one is unknown, else 0.
    """
    group = np.zeros(codes.shape[1])
    group[np.isnan(codes).any(axis=0)] = np.nan
    group[(codes == UNCERTAIN).any(axis=0)] = UNCERTAIN
    group[(codes == 1).any(axis=0)] = 1
    return group


def keep_single(codes: np.ndarray) -> np.ndarray:
    """Return the (N, K) codes with every row NaN that does not have exactly one 1 and otherwise only 0."""
    decided = ((codes == 1).sum(axis=1) == 1) & ((codes == 0).sum(axis=1) == codes.shape[1] - 1)
    return np.where(decided[:, None], codes, np.nan).astype(np.float32)


def has_no_finding(manifest: pd.DataFrame, filled: pd.DataFrame) -> np.ndarray:
    """Return (N,) bool: where the source says so, or, where it says nothing of that, all labels that it gives are 0.

    filled: the manifest after `fill_blanks`; an empty `No Finding` says nothing, whatever other blanks mean.
    """
    findings = filled[[column for column in filled.columns if column not in (*DESCRIPTION, NO_FINDING)]]
    something, nothing = findings.isin(["1", "-1"]).any(axis=1), (findings == "0").any(axis=1)
    said = manifest[NO_FINDING] if NO_FINDING in manifest else pd.Series("", index=manifest.index)
    return ((said == "1") | ((said == "") & nothing & ~something)).to_numpy(bool)


def _codes_of(manifest: pd.DataFrame, finding: str) -> np.ndarray:
    text = manifest[finding]
    codes = text.map(LABEL_CODES).to_numpy(np.float64)
    stray = (np.isnan(codes) & (text != "")).to_numpy()
    if stray.any():
        row = int(np.argmax(stray))
        raise UserError(
            f"manifest: image {manifest['image_id'].iloc[row]}, {finding}: found "
            f'"{text.iloc[row]}"; allowed are 1, 0, -1 and empty'
        )
    return codes
