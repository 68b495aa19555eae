"""Runs killed in the middle and gone on with, against the same runs in one go, for everything that has a state."""

import math
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxr.config.errors import UserError
from cxr.config.optimizer import Adam, AdamW, Plateau, Sgd
from cxr.training import epochs
from cxr.training.epochs import run_epochs
from cxr.training.state import save_model, save_state, saved_history

NAN = math.nan
FINISHED = ["history.csv", "last.keras", "model.keras", "tensorboard"]


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


class Killed(BaseException):
    """Stands for the end of the process: nothing in the package may catch it."""


@pytest.mark.parametrize("step", [7, 9])
def test_a_killed_run_resumes_with_the_same_history_and_weights(
    make_model, make_plan, tmp_path, uninterrupted, step, kill_at, assert_same_run
):
    plan = make_plan(tmp_path, scores=[1.0, 2.0])
    kill_at(step, lambda tell: run_epochs(make_model(), plan, tell))  # in the third epoch
    assert len(pd.read_csv(plan.folder / "history.csv")) == 2
    again = make_plan(tmp_path, scores=[3.0, 4.0])
    random.seed(99)  # a new process starts with another random state
    assert_same_run((run_epochs(make_model(), again), plan.folder / "model.keras"), uninterrupted)
    assert names_in(plan.folder) == FINISHED


@pytest.mark.parametrize(
    ("name", "epoch", "moment", "done"),
    [
        ("model.keras", 3, "before", 2),
        ("last.keras", 3, "before", 2),
        ("last.keras", 2, "halfway", 1),
        ("last.keras", 1, "after", 1),
    ],
)
def test_a_run_killed_while_writing_resumes_as_well(
    make_model, make_plan, tmp_path, uninterrupted, monkeypatch, name, epoch, moment, done, assert_same_run
):
    saved = []

    def and_die(save):
        def save_and_die(*what):
            path = what[-1]
            saved.append(path.name)
            dies = path.name == name and saved.count(name) == epoch
            if not dies or moment == "after":
                save(*what)
            elif moment == "halfway":
                path.with_name(f".part-1-{name}").write_bytes(b"half a model")
            if dies:
                raise Killed

        return save_and_die

    plan = make_plan(tmp_path, scores=[1.0, 2.0, 3.0, 4.0])
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(epochs, "save_model", and_die(save_model))
        patch.setattr(epochs, "save_state", and_die(save_state))
        run_epochs(make_model(), plan)
    again = make_plan(tmp_path, scores=[1.0, 2.0, 3.0, 4.0][done:])
    assert_same_run((run_epochs(make_model(), again), plan.folder / "model.keras"), uninterrupted)
    assert names_in(plan.folder) == FINISHED


def test_a_run_whose_epochs_are_done_trains_nothing_again(
    make_model, make_plan, tmp_path, uninterrupted, assert_same_run
):
    plan = make_plan(tmp_path, scores=[1.0, 2.0, 3.0, 4.0])
    run_epochs(make_model(), plan)  # and killed before it was said to be finished
    steps = []
    history = run_epochs(make_model(), make_plan(tmp_path), lambda done, total: steps.append(done))
    assert steps == []
    assert_same_run((history, plan.folder / "model.keras"), uninterrupted)


def test_the_resumed_part_is_reported_where_it_stands(make_model, make_plan, tmp_path, kill_at):
    kill_at(7, lambda tell: run_epochs(make_model(), make_plan(tmp_path), tell))
    told = []
    run_epochs(make_model(), make_plan(tmp_path), lambda done, total: told.append((done, total)))
    assert told == [(step, 12) for step in range(7, 13)]


def test_a_history_without_scores_can_be_resumed(make_model, make_plan, tmp_path, kill_at):
    plan = make_plan(tmp_path, scores=[NAN, NAN])
    kill_at(7, lambda tell: run_epochs(make_model(), plan, tell))
    history = run_epochs(make_model(), make_plan(tmp_path, scores=[NAN, 0.5]))
    np.testing.assert_array_equal(history["val_score"], [NAN, NAN, NAN, 0.5])


def test_a_damaged_state_is_one_sentence(make_model, make_plan, tmp_path, kill_at):
    plan = make_plan(tmp_path)
    kill_at(7, lambda tell: run_epochs(make_model(), plan, tell))
    last = plan.folder / "last.keras"
    last.write_bytes(last.read_bytes()[:500])
    with pytest.raises(UserError, match="the file may be damaged") as raised:
        run_epochs(make_model(), make_plan(tmp_path))
    assert str(last) in str(raised.value)


MODELS = {
    "sgd": {"optimizer": Sgd(name="sgd", learning_rate=0.02, nesterov=True, clip_norm=1.0)},
    "adamw averaged": {"optimizer": AdamW(name="adamw", learning_rate=0.05, weight_decay=0.1, ema=0.8)},
    "accumulated": {"optimizer": Adam(learning_rate=0.05, ema=0.8), "accumulate": 2},
    "plateau": {},
    "frozen": {"optimizer": Adam(learning_rate=0.05, ema=0.8)},
    "float16": {"precision": "mixed_float16", "accumulate": 2},
}
PLANS = {
    "accumulated": {"accumulate": 2},
    "float16": {"accumulate": 2},
    "plateau": {"schedule": Plateau(name="plateau", patience=1)},
    "frozen": {"freeze_epochs": 1},
}


@pytest.mark.parametrize("kind", MODELS)
def test_everything_that_has_a_state_goes_on_where_it_was(make_model, make_plan, tmp_path, kind):
    """What lies in the folder in the middle of an epoch is what a killed process leaves."""
    losses = [3.0, 3.0, 2.0] if kind == "plateau" else None
    options = {"epochs": 3, "losses": losses} | PLANS.get(kind, {})
    left = {5: tmp_path / "second", 8: tmp_path / "third"}  # of the epochs' steps 4 to 6 and 7 to 9

    def copy_what_lies_there(done, total):
        if done in left:
            shutil.copytree(tmp_path / "whole", left[done])

    plan = make_plan(tmp_path / "whole", **options)
    whole = run_epochs(make_model(**MODELS[kind]), plan, copy_what_lies_there).drop(columns="seconds")
    for done, folder in enumerate(left.values(), 1):
        assert len(saved_history(folder / "last.keras")) == done
        random.seed(99)
        rest = make_plan(folder, **options | {"losses": losses and losses[done:]})
        resumed = run_epochs(make_model(**MODELS[kind]), rest).drop(columns="seconds")
        pd.testing.assert_frame_equal(resumed, whole, rtol=1e-6, atol=1e-7)
        pd.testing.assert_frame_equal(pd.read_csv(folder / "history.csv").drop(columns="seconds"), resumed)
    if kind == "plateau":
        np.testing.assert_allclose(whole["learning_rate"], [0.05, 0.05, 0.005])


PATH = {**os.environ, "PYTHONPATH": str(Path(epochs.__file__).parents[2])}
KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import conftest
from cxr.training import epochs

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

plan = conftest.build_plan(Path(sys.argv[2]), scores=[1.0, 2.0, 3.0, 4.0])
if sys.argv[3] == "between files":
    save, saved = epochs.save_model, []
    epochs.save_model = lambda *what: (save(*what), saved.append(1), len(saved) == 2 and die())
epochs.run_epochs(conftest.build_model(), plan, lambda done, total: done == 8 and die())
"""


@pytest.mark.parametrize(("moment", "done"), [("between files", 1), ("in an epoch", 2)])
def test_kill_9_loses_nothing_but_the_epoch_it_falls_into(
    make_model, make_plan, tmp_path, uninterrupted, moment, done, assert_same_run
):
    command = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(tmp_path), moment]
    assert subprocess.run(command, env=PATH, capture_output=True).returncode == -signal.SIGKILL
    assert len(saved_history(tmp_path / "last.keras")) == done
    again = make_plan(tmp_path, scores=[1.0, 2.0, 3.0, 4.0][done:])
    assert_same_run((run_epochs(make_model(), again), tmp_path / "model.keras"), uninterrupted)


def test_a_full_disk_is_one_sentence_and_the_last_state_survives(
    make_model, make_plan, tmp_path, uninterrupted, assert_same_run
):
    """The system refuses to write files of more than a few kB: whatever writes, fails as on a full disk."""
    plan, limits = make_plan(tmp_path, scores=[1.0, 2.0, 3.0, 4.0]), resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill_the_disk(done, total):
        if done == 7:
            resource.setrlimit(resource.RLIMIT_FSIZE, (8000, limits[1]))

    try:
        with pytest.raises(
            UserError, match=r"model.keras: could not be written \(.+\). What was saved before is"
        ) as found:
            run_epochs(make_model(), plan, fill_the_disk)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(tmp_path / "model.keras") in str(found.value)
    assert names_in(tmp_path) == FINISHED  # no half-written files
    assert len(saved_history(tmp_path / "last.keras")) == 2
    again = make_plan(tmp_path, scores=[3.0, 4.0])
    assert_same_run((run_epochs(make_model(), again), tmp_path / "model.keras"), uninterrupted)
