"""A compiled model and its batches in; history, best model and TensorBoard logs out; resumes where it stopped."""

import math
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from tensorboard.summary import Writer

from cxr.engines.backend import backend_name
from cxr.training.batches import Batches
from cxr.training.devices import Devices, OneDevice, speed_up
from cxr.training.divergence import DIVERGED, Step, divergence_error
from cxr.training.freezing import set_frozen
from cxr.training.history import HISTORY, Row, best_epoch, history_table, write_history
from cxr.training.optimizers import apply_left_over
from cxr.training.precision import FLOAT32, Inference, steps_in
from cxr.training.schedules import Rate
from cxr.training.state import load_state, save_model, save_state, saved_history, saving

BEST, LAST, LOGS, KEPT = "model.keras", "last.keras", "tensorboard", "epochs"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class EpochPlan:
    """What one training run does.

    seed: of dropout. batches: epoch number -> its batches. validate: model -> validation figures of this epoch, those
    of parts named `table:part`. score: the figure that chooses the best epoch, higher is better; where it is NaN
    (nothing to measure), `fallback`, lower is better, does. rate: the learning rate at every step; the optimiser's own
    where there is none. freeze_epochs: epochs in which only the layers behind `features` learn. patience: epochs
    without a better one that end the run. keep_epochs: whether every epoch's model is kept. draw: draws what
    `validate` found last into a PNG file. sample_ids: numbers of samples -> their names, for the message when a loss
    is not finite. devices: what shares each batch; the model must have been made in their scope. precision: of its
    steps, as in `training.precision`; the model's layers have their own.
    """

    folder: Path
    epochs: int
    seed: int
    batches: Callable[[int], Batches]
    validate: Callable[[keras.Model], dict[str, float]]
    score: str
    fallback: str = "val_loss"
    rate: Rate | None = None
    freeze_epochs: int = 0
    patience: int | None = None
    keep_epochs: bool = False
    draw: Callable[[Path], None] | None = None
    sample_ids: Callable[[np.ndarray], Sequence[str]] | None = None
    devices: Devices = field(default_factory=OneDevice)
    precision: str = FLOAT32


def run_epochs(model: keras.Model, plan: EpochPlan, on_progress: Progress | None = None) -> pd.DataFrame:
    """Train to the last epoch and return the history; `plan.folder/model.keras` is the best epoch by validation.

    After each epoch history.csv, the best model and the whole state (last.keras, with optimiser and history) are
    written, each atomically and in this order, so that a killed run goes on from its last whole epoch. The state stays
    until `forget_state`, which the caller calls when all that it makes of the run is written.
    Raises UserError when a loss is not finite any more, or a file cannot be written.
    """
    with plan.devices.scope():
        history = _resume(model, plan)
        # Within its first step the optimiser would put the making of its variables into that step's graph, a tenth of
        # the memory that EfficientNet-B0 takes.
        if not model.optimizer.built:  # building again would forget the scale of the loss that float16 came back with
            model.optimizer.build(model.trainable_variables)
    speed_up(model)
    resumed, inference = len(history), Inference(model, plan.devices.alone(model))
    with closing(Writer(str(plan.folder / LOGS))) as log:
        while not is_over(history, plan):
            _enter_epoch(model, plan, len(history))
            row = _run_epoch(model, inference, plan, history, on_progress)
            history.append(row)
            _write(model, inference.current(), plan, history)
            for name, value in row.items():
                if name != "epoch" and math.isfinite(value):
                    log.add_scalar(name.replace(":", "/"), value, row["epoch"])
    if on_progress and resumed < len(history) < plan.epochs:
        done = len(history) * len(plan.batches(0))
        on_progress(done, done)  # it ended early: nothing is left to do
    return history_table(history)


def is_over(history: Sequence[Row], plan: EpochPlan) -> bool:
    """Whether all epochs are done, or `patience` of them without a better one; frozen epochs do not use it up."""
    if len(history) >= plan.epochs:
        return True
    if plan.patience is None or not history:
        return False
    return len(history) - max(best_epoch(history, plan.score, plan.fallback), plan.freeze_epochs) >= plan.patience


def forget_state(folder: Path) -> None:
    """Remove what only an unfinished run needs."""
    (folder / LAST).unlink(missing_ok=True)


def forget_training(folder: Path) -> None:
    """Remove everything that a run has left in its folder."""
    for file in (BEST, LAST, HISTORY, DIVERGED, *(path.name for path in folder.glob("val_*.csv"))):
        (folder / file).unlink(missing_ok=True)
    for below in (LOGS, KEPT, "figures"):
        shutil.rmtree(folder / below, ignore_errors=True)


def _resume(model: keras.Model, plan: EpochPlan) -> list[Row]:
    """Bring the model to where its last whole epoch left it, and return the history up to there; else clear up."""
    plan.folder.mkdir(parents=True, exist_ok=True)
    for half_written in plan.folder.rglob(".part-*"):
        half_written.unlink()
    last = plan.folder / LAST
    whole = last.is_file() and (plan.folder / BEST).is_file()
    if not (whole and (history := saved_history(last))):
        forget_training(plan.folder)
        return []
    if len(history) <= plan.freeze_epochs:
        set_frozen(model, True)
    load_state(model, last)
    write_history(plan.folder, history)  # an epoch that did not come to its end may stand there
    return history


def _enter_epoch(model: keras.Model, plan: EpochPlan, epoch: int) -> None:
    """Freeze at the start, unfreeze when the time has come; seed what is drawn."""
    if plan.freeze_epochs and epoch in (0, plan.freeze_epochs):
        with plan.devices.scope():
            set_frozen(model, epoch == 0)
    _seed_dropout(model, plan.seed, epoch)


def _run_epoch(
    model: keras.Model, inference: Inference, plan: EpochPlan, history: list[Row], on_progress: Progress | None
) -> Row:
    """Train and validate one epoch and return its row of the history."""
    started, epoch = time.perf_counter(), len(history)
    loss = _train_epoch(model, plan, history, on_progress)
    for variable in model.trainable_variables:
        if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
            layer = variable.path.rpartition("/")[0]
            raise divergence_error(f"weights of {layer}", math.nan, f"in epoch {epoch + 1} of {plan.epochs}")
    row = {"epoch": epoch + 1, "loss": loss, **plan.validate(inference.current())}
    if not math.isfinite(row[plan.fallback]):  # the last step of an epoch may have spoilt the weights
        raise divergence_error(plan.fallback, row[plan.fallback], f"after epoch {epoch + 1} of {plan.epochs}")
    _set_rate(model, plan, history, len(plan.batches(epoch)))
    row["learning_rate"] = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
    row["seconds"] = round(time.perf_counter() - started, 2)
    return row


def _train_epoch(model: keras.Model, plan: EpochPlan, history: list[Row], on_progress: Progress | None) -> float:
    """Train on all batches and return the mean loss of their samples; stops the run when a loss is not finite."""
    epoch, losses, sizes = len(history), [], []
    batches = plan.batches(epoch)
    steps = len(batches)
    for step, (inputs, targets) in enumerate(batches):
        _set_rate(model, plan, history, step)
        with steps_in(plan.precision):
            losses.append(plan.devices.train_on_batch(model, inputs, targets))
        sizes.append(len(inputs))
        if not math.isfinite(losses[-1]):
            raise divergence_error("loss", losses[-1], Step(epoch, step, steps, batches), plan.folder, plan.sample_ids)
        if on_progress:
            on_progress(epoch * steps + step + 1, plan.epochs * steps)
    apply_left_over(model, plan.devices.apply)
    return float(np.average(losses, weights=sizes))


def _set_rate(model: keras.Model, plan: EpochPlan, history: list[Row], step: int) -> None:
    if plan.rate:
        losses = [row[plan.fallback] for row in history]
        model.optimizer.learning_rate = plan.rate(len(history), step, losses)


def _write(model: keras.Model, trained: keras.Model, plan: EpochPlan, history: list[Row]) -> None:
    """Write tables, models and figures of the last epoch, and last of all the state that says it is done."""
    epoch, folder = len(history), plan.folder
    with saving(folder / HISTORY):
        write_history(folder, history)
    if best_epoch(history, plan.score, plan.fallback) == epoch:
        save_model(trained, folder / BEST)
        _draw(plan, folder / "figures" / "val_roc.png")
    if plan.keep_epochs:
        save_model(trained, folder / KEPT / f"epoch-{epoch:02d}.keras")
        _draw(plan, folder / KEPT / f"epoch-{epoch:02d}.png")
    save_state(model, history, folder / LAST)


def _draw(plan: EpochPlan, path: Path) -> None:
    if plan.draw:
        with saving(path):
            plan.draw(path)


def _seed_dropout(model: keras.Model, seed: int, epoch: int) -> None:
    """Seed every layer that draws, for this epoch: Keras does not save where in its random stream a layer was."""
    if backend_name() == "torch":  # whose dropout draws from the stream of the process
        keras.utils.set_random_seed(int(np.random.default_rng([seed, epoch]).integers(2**31)))
    for number, layer in enumerate(model.layers):
        if generator := getattr(layer, "seed_generator", None):
            state = np.random.default_rng([seed, epoch, number]).integers(2**31, size=2)
            generator.state.assign(state.astype(generator.state.dtype))
