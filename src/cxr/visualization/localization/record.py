"""A group's localization.json in, whether it is up to date and the rule it fitted for new images out; no Keras."""

from pathlib import Path
from typing import Any

from cxr.classification.runs import PREDICTIONS
from cxr.config.params import Params
from cxr.config.record import fingerprint, hash_of_file, read_json
from cxr.evaluation.fitted_files import THRESHOLDS
from cxr.visualization.map_boxes import BoxRule

FOLDER, RECORD = "localization", "localization.json"
NEW_IMAGES, WITH_PLACE = "new_images", "with_place"


def localization_inputs(group: Path, true_boxes: Path, params: Params) -> str:
    """Return the fingerprint of everything that `./cxr localize` depends on.

    group: its folder; true_boxes: boxes.csv of the prepared data, which may be missing.
    """
    read = {path.name: hash_of_file(path) if path.is_file() else None
            for path in (group / PREDICTIONS, group / THRESHOLDS, true_boxes)}  # fmt: skip
    measured = {"heatmaps": params.heatmaps.model_dump(exclude={"images_per_finding"}),
                "resamples": params.evaluation.resamples, "seed": params.seed}  # fmt: skip
    return fingerprint({"files": read, "parameters": measured})


def is_current(record: dict[str, Any], inputs: str) -> bool:
    """Tell whether a record was made of these inputs, by a version that says all that is read of it."""
    return record.get("inputs") == inputs and NEW_IMAGES in record.get("boxes", {}) and WITH_PLACE in record


def rule_for_new_images(group: Path, inputs: str) -> tuple[BoxRule | None, str]:
    """Return the rule fitted to true boxes and what it was fitted to, or None and why there is none."""
    path = group / FOLDER / RECORD
    if not path.is_file():
        return None, "./cxr localize was not run"
    record = read_json(path)
    if not is_current(record, inputs):
        return None, f"{FOLDER}/{RECORD} is of other predictions or parameters: run ./cxr localize again to use its fit"
    boxes = record["boxes"]
    if boxes["fit"] == "given":
        return None, "./cxr localize fitted none"
    new = boxes[NEW_IMAGES]
    part = {"validation": "val", "cross": record["split"]["part"]}[boxes["fit"]]
    return BoxRule(new["threshold"], new["min_area"], new["merge"]), f"{new['pairs']} maps with true boxes of {part}"
