"""`--smoke`: the same path at reduced size. Raw settings and parameters in, smaller ones out.

Nothing grows, and anything malformed or missing is left for validation to report. So that every experiment can be tried
on any machine, networks begin with random weights instead of downloaded ones, and phantoms, which are not NIH's images,
take the place of NIH's official lists by their own.
"""

from copy import deepcopy
from typing import Any

PATIENTS = 60
LUNG_PAIRS = 40
IMAGES_PER_EPOCH = 128
SEEDS = 2
EPOCHS = 1
CROP_PX, MEMBER_PX, LUNG_PX = 96, 96, 64


def shrink_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Fewer patients and lung pairs."""
    small = deepcopy(settings)
    datasets = small.get("datasets")
    for dataset in datasets if isinstance(datasets, list) else []:
        if isinstance(dataset, dict):
            key = "patients" if dataset.get("format") == "phantom" else "limit_patients"
            _shrink(dataset, **{key: PATIENTS})
    masks = small.setdefault("lung_masks", [{"format": "phantom"}])
    for one in masks if isinstance(masks, list) else []:
        if isinstance(one, dict):
            _shrink(one, **{"patients" if one.get("format") == "phantom" else "limit": LUNG_PAIRS})
    return small


def shrink_params(params: dict[str, Any]) -> dict[str, Any]:
    """One or two epochs on small images, few resamples; of epochs that freeze, none is left where one is all."""
    small = deepcopy(params)
    training = {"epochs": EPOCHS, "batch": 16}
    blocks = {
        "segmentation": {"image_px": LUNG_PX, "width": 8, "depth": 3, "epochs": 8, "batch": 8},
        "crop": {"image_px": CROP_PX},
        "training": training,
        "evaluation": {"resamples": 200},
        "heatmaps": {"images_per_finding": 1, "deletion_images": 2},
    }
    for name, limits in blocks.items():
        block = small.setdefault(name, {})
        if isinstance(block, dict):
            _shrink(block, **limits)
    members = small.get("members")
    for member in members.values() if isinstance(members, dict) else []:
        if isinstance(member, dict):
            _shrink_written(member, image_px=MEMBER_PX, seeds=SEEDS)
            if member.get("weights") == "imagenet":
                member["weights"] = None
            if isinstance(member.get("training"), dict):
                _shrink_written(member["training"], **training, freeze_epochs=EPOCHS - 1)
                _shrink_sampler(member["training"])
    _shrink_sampler(small["training"])
    if isinstance(small["training"], dict):
        _shrink_written(small["training"], freeze_epochs=EPOCHS - 1)
    return small


def _shrink_sampler(training: Any) -> None:
    sampler = training.get("sampler") if isinstance(training, dict) else None
    if isinstance(sampler, dict):
        _shrink_written(sampler, images_per_epoch=IMAGES_PER_EPOCH)


def with_own_lists(settings: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    """Turn the scheme `official` into `lists` where all data are phantoms."""
    datasets, split = settings.get("datasets"), params.get("split")
    if not isinstance(datasets, list) or not isinstance(split, dict) or split.get("scheme") != "official":
        return params
    if not all(isinstance(one, dict) and one.get("format") == "phantom" for one in datasets):
        return params
    return {**params, "split": {**split, "scheme": "lists"}}


def _shrink(block: dict[str, Any], **limits: int) -> None:
    """Lower every number above its limit; a key that is not written, or null, gets its limit."""
    for key, limit in limits.items():
        if block.get(key) is None:
            block[key] = limit
    _shrink_written(block, **limits)


def _shrink_written(block: dict[str, Any], **limits: int) -> None:
    """Lower every number above its limit."""
    for key, limit in limits.items():
        value = block.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            block[key] = min(value, limit)
