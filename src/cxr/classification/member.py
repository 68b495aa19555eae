"""A member's parameters and a store in, one trained classifier out: model.keras, run.json, history.csv."""

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cxr.classification.crops import predict_rows, training_reader
from cxr.classification.losses import MaskedBce, MaskedCce, masked_bce, masked_cce
from cxr.classification.networks.classifier import build_classifier
from cxr.classification.runs import RUN, read_run
from cxr.classification.sampling import epoch_rows
from cxr.classification.targets import certain, training_targets
from cxr.config.atomic import write_json
from cxr.config.errors import UserError
from cxr.config.labels import Findings
from cxr.config.member import Member
from cxr.config.record import machine_record
from cxr.config.training import Training
from cxr.engines.keras_engine import KerasEngine
from cxr.engines.saved import load_model
from cxr.evaluation.auroc import auroc
from cxr.preparation.store import Store
from cxr.training.batches import Batches
from cxr.training.devices import open_devices
from cxr.training.epochs import BEST, EpochPlan, Progress, best_epoch, run_epochs
from cxr.training.schedules import make_optimizer


def train_member(
    name: str,
    member: Member,
    training: Training,
    findings: Findings,
    store: Store,
    seed: int,
    inputs: dict[str, Any],
    folder: Path,
    on_progress: Progress | None = None,
    devices: int | str = 1,
) -> dict[str, Any]:
    """Train on the train part, keep the epoch with the best mean AUROC on val, write `run.json` when finished.

    inputs: everything the result depends on, kept in run.json so that a later run can tell whether it still holds.
    devices: how many share each batch, as in SETTINGS.json.
    Returns the content of run.json. An interrupted run with the same inputs goes on from its last whole epoch.
    """
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    train_rows, val_rows = (np.flatnonzero(store.parts == part) for part in ("train", "val"))
    shown = epoch_rows(store, train_rows, training.balance, seed)
    targets = training_targets(store.labels, findings, seed)
    if np.isnan(targets[shown]).all():
        raise UserError(
            f"train: none of the {len(shown)} training images has a known label of {', '.join(findings.names)}"
            + ('; with "labels": "single" exactly one must be present and the others absent' if findings.single else "")
        )
    read = training_reader(store, shown, targets, member.image_px, training.augment)
    val_labels = certain(store.labels[val_rows])
    measure_loss = masked_cce if findings.single else masked_bce

    def batches(epoch: int) -> Batches:
        return Batches(read, len(shown), training.batch, seed, epoch)

    def validate(model: keras.Model) -> dict[str, float]:
        engine = KerasEngine(model)
        found = predict_rows(lambda images: engine.run(images)[0], store, val_rows, member.image_px)
        per_finding = auroc(val_labels, found)
        mean = float(np.nanmean(per_finding)) if np.isfinite(per_finding).any() else math.nan
        return {"val_loss": measure_loss(val_labels, found), "val_auroc": mean}

    opened = open_devices(devices, min(training.batch, len(shown)))
    with opened.scope():
        model = build_classifier(member, len(store.findings), findings.single)
        optimizer = make_optimizer(training.optimizer, training.schedule, training.epochs * len(batches(0)))
        model.compile(optimizer=optimizer, loss=MaskedCce() if findings.single else MaskedBce(), jit_compile=False)
    write_json(folder / RUN, {"finished": False, "inputs": inputs})
    plan = EpochPlan(folder, training.epochs, seed, batches, validate, score="val_auroc", devices=opened)
    history = run_epochs(model, plan, on_progress)
    best = best_epoch(history.to_dict("records"), "val_auroc", "val_loss")
    score = float(history["val_auroc"].iloc[best - 1])
    run = {
        "finished": True,
        "name": name,
        "network": member.network,
        "image_px": member.image_px,
        "parameters": model.count_params(),
        "epochs": training.epochs,
        "best_epoch": best,
        "val_auroc": score if math.isfinite(score) else None,
        "seconds": round(float(history["seconds"].sum()), 1),
        "images_per_second": round(len(shown) * training.epochs / max(history["seconds"].sum(), 0.01), 1),
        "findings": list(store.findings),
        "devices": opened.count,
        "inputs": inputs,
        **machine_record(),
    }
    write_json(folder / RUN, run)
    return run


def load_member(folder: Path, findings: tuple[str, ...]) -> keras.Model:
    """Load a finished member and check that it answers these findings; UserError otherwise."""
    run = read_run(folder)
    if run is None or not run.get("finished"):
        raise UserError(f"{folder}: holds no finished training run; train the group first")
    if tuple(run["findings"]) != findings:
        raise UserError(
            f"{folder / BEST}: was trained for other findings ({', '.join(run['findings'])}) than those asked for "
            f"({', '.join(findings)}); train again with --overwrite or set findings.set to match"
        )
    model = load_model(folder / BEST)
    if model.output_shape[-1] != len(findings):
        raise UserError(
            f"{folder / BEST}: gives {model.output_shape[-1]} outputs, but {folder / RUN} names {len(findings)} "
            "findings; the two files are not of one run"
        )
    return model
