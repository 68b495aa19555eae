"""A member's parameters and a store in, one trained classifier out: model.keras, run.json, history.csv."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cxr.classification.crops import training_reader
from cxr.classification.losses.bce import masked_bce
from cxr.classification.losses.registry import make_loss
from cxr.classification.losses.softmax import masked_cce
from cxr.classification.networks.first_weights import begin_classifier
from cxr.classification.networks.picked import pick_findings
from cxr.classification.networks.registry import NETWORKS, backbone_of
from cxr.classification.runs import RUN, is_foreign, read_run
from cxr.classification.sampling import epoch_rows
from cxr.classification.targets import certain, training_targets
from cxr.classification.validation import Validation
from cxr.config.atomic import write_json
from cxr.config.errors import UserError
from cxr.config.hardware import peak_memory_gb
from cxr.config.labels import Findings
from cxr.config.loss import loss_for
from cxr.config.member import Member
from cxr.config.record import machine_record
from cxr.config.training import Training
from cxr.engines.backend import list_devices
from cxr.engines.saved import load_model
from cxr.preparation.store import Store
from cxr.training.batches import Batches
from cxr.training.devices import Devices, open_devices
from cxr.training.epochs import BEST, EpochPlan, Progress, forget_state, forget_training, run_epochs
from cxr.training.history import best_epoch
from cxr.training.optimizers import make_optimizer
from cxr.training.sampler import make_order
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
    train_rows, val_rows = (np.flatnonzero(store.parts == part) for part in ("train", "val"))
    shown = epoch_rows(store, train_rows, training.balance, seed)
    targets = training_targets(store.labels, findings, seed)
    if np.isnan(targets[shown]).all():
        raise UserError(
            f"train: none of the {len(shown)} training images has a known label of {', '.join(findings.names)}"
            + ('; with "labels": "single" exactly one must be present and the others absent' if findings.single else "")
        )
    if training.batch > len(shown):
        raise UserError(
            f"training.batch: {training.batch} is more than the {len(shown)} images there are to train on; at most "
            f"{len(shown)} is possible"
        )
    read = training_reader(store, shown, targets, member.image_px, training.augment)
    val_labels = certain(store.labels[val_rows])
    measure_loss = masked_cce if findings.single else masked_bce
    loss, loss_notes = make_loss(loss_for(training.loss, findings), targets[shown], store.findings)
    order, order_notes = make_order(training.sampler, targets[shown], store.findings, seed)

    def batches(epoch: int) -> Batches:
        return Batches(read, len(shown), training.batch, seed, epoch, order(epoch))

    opened = open_devices(devices, training.batch)
    with opened.scope():
        model, taken = begin_classifier(member, store.findings, findings.single, training.precision)
        optimizer = make_optimizer(training.optimizer, training.accumulate, training.precision == "mixed_float16")
        model.compile(optimizer=optimizer, loss=loss, jit_compile=False)
    for line in taken.lines() if taken else ():
        print(f"{name}: {line}", flush=True)
    if read_run(folder) is None:
        forget_training(folder)  # nobody knows of what parameters it is
    write_json(folder / RUN, {"finished": False, "inputs": inputs})
    validation = Validation(store, val_rows, val_labels, member.image_px, measure_loss)
    plan = _plan(folder, training, seed, batches, validation, lambda samples: store.image_ids[shown[samples]], opened)
    history = run_epochs(model, plan, on_progress)
    best = best_epoch(history.to_dict("records"), "val_auroc", "val_loss")
    score = float(history["val_auroc"].iloc[best - 1])
    run = {
        "finished": True,
        "name": name,
        "network": member.network,
        "image_px": member.image_px,
        "parameters": model.count_params(),
        "epochs": len(history),
        "best_epoch": best,
        "val_auroc": score if math.isfinite(score) else None,
        "seconds": round(float(history["seconds"].sum()), 1),
        "images_per_second": round(len(order(0)) * len(history) / max(history["seconds"].sum(), 0.01), 1),
        "findings": list(store.findings),
        "notes": [*loss_notes, *order_notes],
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


def _plan(
    folder: Path,
    training: Training,
    seed: int,
    batches: Callable[[int], Batches],
    validation: Validation,
    sample_ids: Callable[[np.ndarray], np.ndarray],
    devices: Devices,
) -> EpochPlan:
    """Return what a training is to do; the epoch with the best mean AUROC on val is kept."""
    length = RunLength(training.epochs, len(batches(0)), training.accumulate)
    return EpochPlan(
        folder,
        training.epochs,
        seed,
        batches,
        validation.measure,
        score="val_auroc",
        rate=make_rate(training.schedule, training.optimizer.learning_rate, length),
        freeze_epochs=training.freeze_epochs,
        patience=training.early_stopping,
        keep_epochs=training.keep_epochs,
        draw=validation.draw,
        sample_ids=sample_ids,
        devices=devices,
    )


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
