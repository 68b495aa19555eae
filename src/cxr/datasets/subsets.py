"""Manifest and split in, one plain table out that other tools read: image_name, label, subset."""

import pandas as pd

from cxr.config.findings import NO_FINDING
from cxr.datasets.split import NamedSplit
from cxr.datasets.table import DESCRIPTION

COLUMNS = ["image_name", "label", "subset"]


def subset_table(manifest: pd.DataFrame, split: NamedSplit) -> pd.DataFrame:
    """Return a row per image of the split: its id, its findings joined by `|`, and its part (of folds: fold0, ...).

    The label is "No Finding" where that is known, and empty where nothing is present and something is unknown.
    """
    findings = [column for column in manifest.columns if column not in (*DESCRIPTION, NO_FINDING)]
    present = (manifest[findings] == "1").to_numpy()
    labels = ["|".join(name for name, here in zip(findings, row, strict=True) if here) for row in present]
    healthy = (manifest[findings] == "0").all(axis=1)
    if NO_FINDING in manifest:
        healthy |= (manifest[NO_FINDING] == "1") & ~present.any(axis=1)
    label_of = pd.Series(labels).mask(healthy, NO_FINDING).set_axis(manifest["image_id"])
    table = split.table
    if split.folds != ("",):
        table = table[table["split"] == "test"].assign(split="fold" + table["fold"])
    return pd.DataFrame(
        {"image_name": table["image_id"], "label": label_of[table["image_id"]].to_numpy(), "subset": table["split"]}
    )[COLUMNS].reset_index(drop=True)
