"""What ran and on which data in, the content of a group's run.json out; no Keras."""

from collections.abc import Sequence
from typing import Any

from cxr.classification.jobs import Job
from cxr.config.params import Params
from cxr.config.record import machine_record
from cxr.preparation.store import Store

OF_MEMBERS = ("network", "image_px", "parameters", "best_epoch", "epochs", "val_auroc", "seconds")


def describe_group(
    group: str, jobs: Sequence[Job], runs: Sequence[dict[str, Any]], params: Params, store: Store
) -> dict[str, Any]:
    """Return the group's run.json: its members, each with what `runs` (their run.json) say; null where one is silent.

    store: of all folds together.
    """
    record = store.record
    lungs = record["lungs"]
    return {
        "group": group,
        "members": [
            {"name": job.name, "fold": job.fold, "seed": run.get("inputs", {}).get("seed")}
            | {key: run.get(key) for key in OF_MEMBERS}
            | {"notes": run.get("notes", [])}
            for job, run in zip(jobs, runs, strict=True)
        ],
        "folds": list(dict.fromkeys(job.fold for job in jobs if job.fold)),
        "findings": list(store.findings),
        "data": {
            "name": "+".join(record["roots"]),
            "sources": list(record["roots"]),
            **{key: record[key] for key in ("images", "patients", "rejected", "fallbacks", "synthetic")},
            "set_upright": record.get("set_upright"),
            "crop_mode": record["crop"]["mode"],
            "lung_dice": {"value": lungs["dice"]["mean"], "images": lungs["pairs"]["test"]} if lungs else None,
        },
        "split": store.split,
        "seed": params.seed,
        "members_inputs": {job.name: job.inputs for job in jobs},
        "members_predictions": {job.name: {"views": job.views} for job in jobs},
        **machine_record(),
    }
