"""`--smoke`: the same path at reduced size. Raw settings and parameters in, smaller ones out."""

from copy import deepcopy
from typing import Any

PATIENTS = 30
LUNG_PAIRS = 40
CROP_PX, MEMBER_PX, LUNG_PX = 96, 96, 64


def shrink_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Fewer patients and lung pairs; anything malformed is left for validation to report."""
    small = deepcopy(settings)
    datasets = small.get("datasets")
    for dataset in datasets if isinstance(datasets, list) else []:
        if isinstance(dataset, dict):
            dataset["patients" if dataset.get("format") == "phantom" else "limit_patients"] = PATIENTS
    masks = small.setdefault("lung_masks", {"format": "phantom"})
    if isinstance(masks, dict):
        masks["patients" if masks.get("format") == "phantom" else "limit"] = LUNG_PAIRS
    return small


def shrink_params(params: dict[str, Any]) -> dict[str, Any]:
    """One or two epochs on small images, few resamples."""
    small = deepcopy(params)
    _set(small, "segmentation", image_px=LUNG_PX, width=8, depth=3, epochs=8, batch=8)
    _set(small, "crop", image_px=CROP_PX)
    _set(small, "training", epochs=1, batch=16)
    _set(small, "evaluation", resamples=200)
    _set(small, "heatmaps", images_per_finding=1)
    members = small.get("members")
    for member in members.values() if isinstance(members, dict) else []:
        if isinstance(member, dict):
            member["image_px"] = MEMBER_PX
            if isinstance(member.get("training"), dict):
                member["training"].pop("epochs", None)
                member["training"].pop("batch", None)
    return small


def _set(content: dict[str, Any], block: str, **values: Any) -> None:
    target = content.setdefault(block, {})
    if isinstance(target, dict):
        target.update(values)
