"""A member's parameters and a store in, one trained classifier out: model.keras, run.json, history.csv."""

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from cxr.classification.losses.bce import masked_bce
from cxr.classification.losses.softmax import masked_cce
from cxr.classification.networks.first_weights import Taken, begin_at, begin_classifier
from cxr.classification.networks.picked import pick_findings
from cxr.classification.networks.registry import NETWORKS, backbone_of
from cxr.classification.runs import RUN, is_foreign, read_run
from cxr.classification.targets import certain
from cxr.classification.training_data import TrainingData, prepare_data
from cxr.classification.validation import Validation
from cxr.config.atomic import write_json
from cxr.config.errors import UserError
from cxr.config.hardware import peak_memory_gb
from cxr.config.labels import Findings
from cxr.config.member import Member
from cxr.config.record import machine_record
from cxr.config.training import Training
from cxr.engines.backend import list_devices
from cxr.engines.saved import load_model
from cxr.preparation.store import Store
from cxr.training.devices import Devices, open_devices
from cxr.training.epochs import BEST, EpochPlan, Progress, forget_state, forget_training, run_epochs
from cxr.training.history import best_epoch
from cxr.training.optimizers import make_optimizer
from cxr.training.schedules import RunLength, make_rate


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
    data = prepare_data(member, training, findings, store, seed)
    opened = open_devices(devices, training.batch)
    model, taken = _build(member, training, findings, data, opened)
    for line in taken.lines() if taken else ():
        print(f"{name}: {line}", flush=True)
    if read_run(folder) is None:
        forget_training(folder)  # nobody knows of what parameters it is
    write_json(folder / RUN, {"finished": False, "inputs": inputs})
    plan = _plan(folder, training, data, _validation(member, findings, store), opened)
    history = run_epochs(model, plan, on_progress)
    run = {
        "finished": True,
        "name": name,
        "network": member.network,
        "image_px": member.image_px,
        "parameters": model.count_params(),
        **_summarise(history, data.per_epoch),
        "findings": list(store.findings),
        "notes": list(data.notes),
        "inputs": inputs,
        **({"first_weights": taken.record()} if taken else {}),
        **machine_record(),
        "backend": keras.config.backend(),
        "devices": {"used": opened.count, "found": list_devices()},
        "peak_memory_gb": peak_memory_gb(),
    }
    write_json(folder / RUN, run)
    forget_state(folder)
    return run


def _build(
    member: Member,
    training: Training,
    findings: Findings,
    data: TrainingData,
    devices: Devices,
) -> tuple[keras.Model, Taken | None]:
    """Return the compiled network, and what it begins with if that is from a file."""
    with devices.scope():
        model, taken = begin_classifier(member, findings.names, findings.single, training.precision)
        if data.first_logits is not None:
            begin_at(model, data.first_logits)
        optimizer = make_optimizer(training.optimizer, training.accumulate, training.precision == "mixed_float16")
        model.compile(optimizer=optimizer, loss=data.loss, jit_compile=False)
    return model, taken


def _validation(member: Member, findings: Findings, store: Store) -> Validation:
    """Return what measures the network on the val part; its loss is the plain one, whatever is trained."""
    rows = np.flatnonzero(store.parts == "val")
    measure_loss = masked_cce if findings.single else masked_bce
    return Validation(store, rows, certain(store.labels[rows]), member.image_px, measure_loss)


def _plan(folder: Path, training: Training, data: TrainingData, validation: Validation, devices: Devices) -> EpochPlan:
    """Return what a training is to do; the epoch with the best mean AUROC on val is kept."""
    length = RunLength(training.epochs, len(data.batches(0)), training.accumulate)
    return EpochPlan(
        folder,
        training.epochs,
        data.seed,
        data.batches,
        validation.measure,
        score="val_auroc",
        rate=make_rate(training.schedule, training.optimizer.learning_rate, length),
        freeze_epochs=training.freeze_epochs,
        patience=training.early_stopping,
        keep_epochs=training.keep_epochs,
        draw=validation.draw,
        sample_ids=lambda samples: data.image_ids[samples],
        devices=devices,
        precision=training.precision,
    )


def _summarise(history: pd.DataFrame, images: int) -> dict[str, Any]:
    """Return what run.json says of a history; images: shown in each epoch."""
    best = best_epoch(history.to_dict("records"), "val_auroc", "val_loss")
    score, seconds = float(history["val_auroc"].iloc[best - 1]), history["seconds"].sum()
    return {
        "epochs": len(history),
        "best_epoch": best,
        "val_auroc": score if math.isfinite(score) else None,
        "seconds": round(float(seconds), 1),
        "images_per_second": round(images * len(history) / max(seconds, 0.01), 1),
    }


def load_member(folder: Path, findings: tuple[str, ...]) -> keras.Model:
    """Load a finished member and check that it answers these findings; UserError otherwise.

    Of a model from elsewhere, which may answer more findings and in another order, these are picked by name.
    """
    run = read_run(folder)
    if run is None or not run.get("finished"):
        raise UserError(f"{folder}: holds no finished training run; train the group first")
    picked = is_foreign(run) and set(findings) <= set(run["findings"])
    if tuple(run["findings"]) != findings and not picked:
        raise UserError(
            f"{folder / BEST}: was trained for other findings ({', '.join(run['findings'])}) than those asked for "
            f"({', '.join(findings)}); train again with --overwrite or set findings.set to match"
        )
    if run.get("network") in NETWORKS:
        backbone_of(run["network"])  # its file may register layers of its own
    model = load_model(folder / BEST)
    if model.output_shape[-1] != len(run["findings"]):
        raise UserError(
            f"{folder / BEST}: gives {model.output_shape[-1]} outputs, but {folder / RUN} names {len(run['findings'])} "
            "findings; the two files are not of one run"
        )
    if tuple(run["findings"]) == findings:
        return model
    return pick_findings(model, [run["findings"].index(name) for name in findings], folder / BEST)
