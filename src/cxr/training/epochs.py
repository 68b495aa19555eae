"""A compiled model and its batches in; history, best model and TensorBoard logs out; resumes where it stopped."""

import csv
import math
import shutil
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from tensorboard.summary import Writer

from cxr.config.atomic import written_atomically
from cxr.config.errors import UserError
from cxr.engines.hardware import backend_name
from cxr.engines.saved import load_model
from cxr.training.batches import Batches
from cxr.training.devices import Devices, OneDevice, speed_up

BEST, LAST, HISTORY, LOGS = "model.keras", "last.keras", "history.csv", "tensorboard"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class EpochPlan:
    """What one training run does.

    seed: of dropout. batches: epoch number -> its batches. validate: model -> validation figures of this epoch. score:
    the figure that chooses the best epoch, higher is better; where it is NaN (nothing to measure), `fallback`, lower is
    better, does. devices: what shares each batch; the model must have been made in their scope.
    """

    folder: Path
    epochs: int
    seed: int
    batches: Callable[[int], Batches]
    validate: Callable[[keras.Model], dict[str, float]]
    score: str
    fallback: str = "val_loss"
    devices: Devices = field(default_factory=OneDevice)


def run_epochs(model: keras.Model, plan: EpochPlan, on_progress: Progress | None = None) -> pd.DataFrame:
    """Train to the last epoch and return the history; `plan.folder/model.keras` is the best epoch by validation.

    After each epoch history.csv, the best model and the whole state (last.keras, with optimiser) are written, each
    atomically and in this order, so that a killed run goes on from its last whole epoch. Raises UserError when a loss
    is not finite any more.
    """
    with plan.devices.scope():
        model, history = _resume(model, plan)
    speed_up(model)
    alone = plan.devices.alone(model)
    if not history:
        shutil.rmtree(plan.folder / LOGS, ignore_errors=True)  # curves of an earlier run
    steps = len(plan.batches(0))
    with closing(Writer(str(plan.folder / LOGS))) as log:
        for epoch in range(len(history), plan.epochs):
            started = time.perf_counter()
            _seed_dropout(model, plan.seed, epoch)
            loss = _train_epoch(model, plan, epoch, plan.epochs * steps, on_progress)
            row = {"epoch": epoch + 1, "loss": loss, **plan.validate(alone)}
            if not math.isfinite(row[plan.fallback]):  # the last step of an epoch may have spoilt the weights
                raise _diverged(f"{plan.fallback} became {row[plan.fallback]} after epoch {epoch + 1} of {plan.epochs}")
            row["learning_rate"] = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
            row["seconds"] = round(time.perf_counter() - started, 2)
            history.append(row)
            _write_history(plan.folder / HISTORY, history)
            if best_epoch(history, plan.score, plan.fallback) == epoch + 1:
                save_model(model, plan.folder / BEST)
            save_model(model, plan.folder / LAST)
            for name, value in row.items():
                if name != "epoch" and math.isfinite(value):
                    log.add_scalar(name, value, epoch + 1)
    (plan.folder / LAST).unlink(missing_ok=True)  # the optimiser's state is of no use to a finished run
    return pd.DataFrame(history)


def _train_epoch(model: keras.Model, plan: EpochPlan, epoch: int, total: int, on_progress: Progress | None) -> float:
    """Train on all batches and return the mean loss of their samples; stops the run when a loss is not finite."""
    losses, sizes, batches = [], [], plan.batches(epoch)
    done = epoch * len(batches)
    for inputs, targets in batches:
        losses.append(plan.devices.train_on_batch(model, inputs, targets))
        sizes.append(len(inputs))
        done += 1
        if not math.isfinite(losses[-1]):
            raise _diverged(f"loss became {losses[-1]} at step {done} of {total}")
        if on_progress:
            on_progress(done, total)
    return float(np.average(losses, weights=sizes))


def best_epoch(history: list[dict[str, float]], score: str, fallback: str) -> int:
    """Return the number (from 1) of the earliest epoch with the best score, or with the lowest fallback if unscored."""
    scored = [row for row in history if math.isfinite(row[score])]
    if scored:
        return int(max(scored, key=lambda row: row[score])["epoch"])
    return int(min(history, key=lambda row: row[fallback])["epoch"])


def save_model(model: keras.Model, path: Path) -> None:
    """Save a whole Keras model, atomically."""
    with written_atomically(path) as part:
        model.save(part.with_suffix(".keras"))


def _resume(model: keras.Model, plan: EpochPlan) -> tuple[keras.Model, list[dict[str, float]]]:
    """Return the model and history to go on from: those of the last whole epoch, or the fresh model."""
    plan.folder.mkdir(parents=True, exist_ok=True)
    for half_written in plan.folder.glob(".part-*"):
        half_written.unlink()
    last, log = plan.folder / LAST, plan.folder / HISTORY
    if not all(file.is_file() for file in (last, log, plan.folder / BEST)):
        return model, []
    state = load_model(last, with_optimizer=True)
    done = int(keras.ops.convert_to_numpy(state.optimizer.iterations)) // len(plan.batches(0))
    try:
        with log.open(newline="", encoding="utf-8") as stream:
            rows = [{key: float(value or "nan") for key, value in row.items()} for row in csv.DictReader(stream)]
    except (ValueError, TypeError, csv.Error) as error:
        raise UserError(f"{log}: is damaged ({error}); delete it, and this training starts anew") from error
    if len(rows) < done:
        return model, []
    return state, [{**row, "epoch": int(row["epoch"])} for row in rows[:done]]


def _seed_dropout(model: keras.Model, seed: int, epoch: int) -> None:
    """Seed every layer that draws, for this epoch: Keras does not save where in its random stream a layer was."""
    if backend_name() == "torch":  # whose dropout draws from the stream of the process
        keras.utils.set_random_seed(int(np.random.default_rng([seed, epoch]).integers(2**31)))
    for number, layer in enumerate(model.layers):
        if generator := getattr(layer, "seed_generator", None):
            state = np.random.default_rng([seed, epoch, number]).integers(2**31, size=2)
            generator.state.assign(state.astype(generator.state.dtype))


def _diverged(what: str) -> UserError:
    return UserError(
        f"training: the {what}; lower the learning rate (training.optimizer.learning_rate, or "
        "segmentation.learning_rate for the lung network)"
    )


def _write_history(path: Path, history: list[dict[str, float]]) -> None:
    with written_atomically(path) as part:
        pd.DataFrame(history).to_csv(part, index=False)
