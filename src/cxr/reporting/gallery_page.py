"""The indexes of gradcam/ in, gallery.html out: one page that finds any of their pictures, and asks no other host.

The page holds the index as JSON and shows a few dozen pictures at a time, from the files beside it: 25,000 are 4 MB of
page and no more work for a browser than 100.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cxr.config.atomic import write_text
from cxr.config.errors import UserError
from cxr.reporting.heatmaps import INDEX_COLUMNS
from cxr.reporting.report import read_template
from cxr.reporting.wording import finding_text
from cxr.visualization.choices import finding_names, top_name

PAGE = "gallery.html"
ALL_COLUMNS = (*INDEX_COLUMNS, "calibrated", "threshold", "outcome")
OUTCOMES = ("TP", "FP", "FN", "TN")
LABEL_WORDS = {"1": "present", "0": "absent", "-1": "uncertain", "": "unknown"}
SHOWN = 24


def write_gallery_page(
    folder: Path, parts: Sequence[str], findings: Sequence[str], missing: Sequence[str | None], group: str
) -> int:
    """Write `gallery.html` into `folder` and return how many pictures it finds.

    parts: folders within `folder` whose index.csv to show, "" for its own; of a picture of the same image and finding
    in several the first is shown. missing: per finding why it has no threshold, None where it has one. Raises UserError
    for an index that is missing or broken.
    """
    entries: dict[tuple[str, str], list[Any]] = {}
    calibrated = False
    for part in parts:
        index = folder / part / "index.csv"
        for line, row in enumerate(_read(index), 2):
            entry = _entry(index, line, row, findings, part)
            entries.setdefault((row["image_id"], row["finding"]), entry)
            calibrated |= row["calibrated"] != ""
    names = [top_name(name) for name in finding_names(findings)]
    tops = {k: name for k, name in enumerate(names) if (folder / name).is_file()}
    data = {
        "findings": [finding_text(finding) for finding in findings],
        "missing": list(missing),
        "tops": tops,
        "outcomes": OUTCOMES,
        "labels": LABEL_WORDS,
        "shown": SHOWN,
        "entries": list(entries.values()),
    }
    context = {
        "group": group,
        "data": data,
        "count": len(entries),
        "calibrated": calibrated,
        "none_have": next(iter(missing)) if missing and None not in missing else None,
        "outcomes": OUTCOMES,
    }
    write_text(folder / PAGE, read_template("gallery.html.jinja").render(context))
    return len(entries)


def _read(index: Path) -> list[dict[str, str]]:
    try:
        table = pd.read_csv(index, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{index}: is not a CSV table ({error}); make the heatmaps again.") from error
    for column in ALL_COLUMNS:
        if column not in table:
            raise UserError(f"{index}: lacks column '{column}'; needed are {', '.join(ALL_COLUMNS)}.")
    return table.to_dict("records")


def _entry(index: Path, line: int, row: dict[str, str], findings: Sequence[str], part: str) -> list[Any]:
    """What the page knows of a picture: image, finding, probability, threshold, outcome, label, file."""
    try:
        threshold = float(row["threshold"]) if row["threshold"] else None
        return [
            row["image_id"],
            findings.index(row["finding"]),
            round(float(row["calibrated"] or row["probability"]), 6),
            threshold,
            OUTCOMES.index(row["outcome"]) if row["outcome"] else -1,
            row["label"] if row["label"] in LABEL_WORDS else "",
            f"{part}/{row['file']}" if part else row["file"],
        ]
    except ValueError as error:
        raise UserError(f"{index}, line {line}: {error}; make the heatmaps again.") from error
