import math
import random
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from cxr.config.errors import UserError
from cxr.training import epochs
from cxr.training.epochs import forget_state, run_epochs
from cxr.training.history import best_epoch
from cxr.training.state import save_model, save_state

NAN = math.nan
FINISHED = ["history.csv", "last.keras", "model.keras", "tensorboard"]
COLUMNS = ["epoch", "loss", "val_loss", "val_score", "learning_rate", "seconds"]
SCORE = st.one_of(st.just(NAN), st.floats(-1, 1))


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def weights_of(path):
    return keras.saving.load_model(path).get_weights()


def assert_same_run(found, expected):
    """Histories without the clock, and best models, are equal."""
    pd.testing.assert_frame_equal(found[0].drop(columns="seconds"), expected[0].drop(columns="seconds"), rtol=1e-6)
    for ours, theirs in zip(weights_of(found[1]), weights_of(expected[1]), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


def test_the_history_has_a_row_per_epoch_and_is_written(make_model, make_plan, tmp_path):
    plan = make_plan(tmp_path)
    history = run_epochs(make_model(), plan)
    assert list(history.columns) == COLUMNS
    assert list(history["epoch"]) == [1, 2, 3, 4]
    assert history["learning_rate"].iloc[-1] == pytest.approx(0, abs=1e-9)
    assert (history["seconds"] >= 0).all()
    pd.testing.assert_frame_equal(pd.read_csv(plan.folder / "history.csv"), history)


def test_the_loss_is_the_mean_over_all_samples(make_model, make_plan, tmp_path, samples):
    model = make_model()
    expected = np.mean((np.asarray(model(samples[0], training=False)) - samples[1]) ** 2)
    model.get_layer(index=2).trainable = False  # batch norm in inference mode
    model.get_layer(index=4).rate = 0.0
    model.compile(optimizer=model.optimizer, loss="mse", jit_compile=False)
    history = run_epochs(model, make_plan(tmp_path, epochs=1, peak=1e-12))
    assert history["loss"].iloc[0] == pytest.approx(expected, rel=1e-4)  # batches of 8, 8 and 6


def test_a_finished_run_leaves_the_best_model_and_no_state(make_model, make_plan, tmp_path):
    plan = make_plan(tmp_path)
    run_epochs(make_model(), plan)
    assert names_in(plan.folder) == FINISHED
    forget_state(plan.folder)
    assert names_in(plan.folder) == ["history.csv", "model.keras", "tensorboard"]


@pytest.mark.parametrize(
    ("scores", "losses", "best"),
    [
        ([0.1, 0.9, 0.5], [3.0, 2.0, 1.0], 2),
        ([0.4, 0.4, 0.4], [3.0, 2.0, 1.0], 1),  # the earliest of equals
        ([NAN, 0.2, NAN], [1.0, 3.0, 2.0], 2),
        ([NAN, NAN, NAN], [3.0, 1.0, 2.0], 2),
    ],
)
def test_the_best_model_is_that_of_the_best_epoch(make_model, make_plan, tmp_path, scores, losses, best):
    plan, seen = make_plan(tmp_path, epochs=3, scores=scores, losses=losses), []
    validate = plan.validate

    def remember(model):
        seen.append(model.get_weights())
        return validate(model)

    object.__setattr__(plan, "validate", remember)
    run_epochs(make_model(), plan)
    for saved, wanted in zip(weights_of(plan.folder / "model.keras"), seen[best - 1], strict=True):
        np.testing.assert_array_equal(saved, wanted)


@settings(deadline=None)
@given(st.lists(st.tuples(SCORE, st.floats(0, 10)), min_size=1, max_size=30))
def test_the_best_epoch_is_the_first_with_the_highest_score_or_else_the_lowest_loss(rows):
    history = [{"epoch": i + 1, "val_auroc": score, "val_loss": loss} for i, (score, loss) in enumerate(rows)]
    scores, losses = np.array(rows).T
    expected = np.argmin(losses) if np.isnan(scores).all() else np.nanargmax(scores)
    assert best_epoch(history, "val_auroc", "val_loss") == expected + 1


def test_a_loss_that_is_not_finite_stops_the_run(make_model, make_plan, tmp_path, samples):
    model = make_model()
    model.compile(optimizer=keras.optimizers.SGD(1e30), loss="mse", jit_compile=False)
    plan = make_plan(tmp_path)
    plan = replace(plan, rate=None)
    with pytest.raises(UserError, match=r"the loss became (inf|nan) at step \d of 3 of epoch 1; lower the learning"):
        run_epochs(model, plan)
    assert names_in(plan.folder) == ["tensorboard"]


def test_weights_spoilt_by_the_last_step_stop_the_run_before_they_are_kept(make_model, make_plan, tmp_path):
    plan = make_plan(tmp_path, losses=[1.0, NAN], scores=[0.5, NAN])
    with pytest.raises(UserError, match=r"the val_loss became nan after epoch 2 of 4"):
        run_epochs(make_model(), plan)
    assert len(pd.read_csv(plan.folder / "history.csv")) == 1


class Killed(BaseException):
    """Stands for the end of the process: nothing in the package may catch it."""


def kill_at_step(step):
    """Progress that dies there."""

    def tell(done, total):
        if done == step:
            raise Killed

    return tell


@pytest.mark.parametrize("step", [7, 9])
def test_a_killed_run_resumes_with_the_same_history_and_weights(make_model, make_plan, tmp_path, uninterrupted, step):
    plan = make_plan(tmp_path, scores=[1.0, 2.0])
    with pytest.raises(Killed):
        run_epochs(make_model(), plan, kill_at_step(step))  # in the third epoch
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
    make_model, make_plan, tmp_path, uninterrupted, monkeypatch, name, epoch, moment, done
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


def test_a_run_whose_epochs_are_done_trains_nothing_again(make_model, make_plan, tmp_path, uninterrupted):
    plan = make_plan(tmp_path, scores=[1.0, 2.0, 3.0, 4.0])
    run_epochs(make_model(), plan)  # and killed before it was said to be finished
    steps = []
    history = run_epochs(make_model(), make_plan(tmp_path), lambda done, total: steps.append(done))
    assert steps == []
    assert_same_run((history, plan.folder / "model.keras"), uninterrupted)


def test_the_resumed_part_is_reported_where_it_stands(make_model, make_plan, tmp_path):
    with pytest.raises(Killed):
        run_epochs(make_model(), make_plan(tmp_path), kill_at_step(7))
    told = []
    run_epochs(make_model(), make_plan(tmp_path), lambda done, total: told.append((done, total)))
    assert told == [(step, 12) for step in range(7, 13)]


def test_a_history_without_scores_can_be_resumed(make_model, make_plan, tmp_path):
    plan = make_plan(tmp_path, scores=[NAN, NAN])
    with pytest.raises(Killed):
        run_epochs(make_model(), plan, kill_at_step(7))
    history = run_epochs(make_model(), make_plan(tmp_path, scores=[NAN, 0.5]))
    np.testing.assert_array_equal(history["val_score"], [NAN, NAN, NAN, 0.5])


def test_a_damaged_state_is_one_sentence(make_model, make_plan, tmp_path):
    plan = make_plan(tmp_path)
    with pytest.raises(Killed):
        run_epochs(make_model(), plan, kill_at_step(7))
    last = plan.folder / "last.keras"
    last.write_bytes(last.read_bytes()[:500])
    with pytest.raises(UserError, match="the file may be damaged") as raised:
        run_epochs(make_model(), make_plan(tmp_path))
    assert str(last) in str(raised.value)


def test_runs_do_not_depend_on_the_random_state_of_the_process(make_model, make_plan, tmp_path):
    found = []
    for number in range(2):
        model, plan = make_model(), make_plan(tmp_path / f"run{number}")
        random.seed(number)
        np.random.seed(number)  # noqa: NPY002 - the global state must not matter
        found.append((run_epochs(model, plan), plan.folder / "model.keras"))
    assert_same_run(*found)


def test_dropout_differs_from_epoch_to_epoch(make_model, make_plan, tmp_path):
    plan, seen = make_plan(tmp_path), []
    model = make_model()
    dropout = model.get_layer(index=4)

    def tell(done, total):
        seen.append(tuple(keras.ops.convert_to_numpy(dropout.seed_generator.state).tolist()))

    run_epochs(model, plan, tell)
    assert len(set(seen)) == 12


def test_the_log_for_tensorboard_holds_the_history_of_this_run_only(make_model, make_plan, tmp_path):
    plan = make_plan(tmp_path, scores=[0.1, NAN, 0.3, 0.4])
    (plan.folder / "tensorboard").mkdir(parents=True)
    stale = plan.folder / "tensorboard" / "events.out.tfevents.1.old"
    stale.write_bytes(b"of an earlier run")
    history = run_epochs(make_model(), plan)
    assert not stale.exists()
    log = EventAccumulator(str(plan.folder / "tensorboard")).Reload()
    assert sorted(log.Tags()["tensors"]) == sorted(set(COLUMNS) - {"epoch"})
    found = {event.step: float(make_ndarray(event.tensor_proto)) for event in log.Tensors("loss")}
    assert found == pytest.approx(dict(zip(history["epoch"], history["loss"], strict=True)))
    assert [event.step for event in log.Tensors("val_score")] == [1, 3, 4]


def test_a_model_is_saved_whole_or_not_at_all(make_model, tmp_path, monkeypatch):
    model, path = make_model(), tmp_path / "model.keras"
    save_model(model, path)
    content = path.read_bytes()

    def die(self, target, **_):
        target.write_bytes(b"half")
        raise Killed

    monkeypatch.setattr(keras.Model, "save", die)
    with pytest.raises(Killed):
        save_model(model, path)
    assert path.read_bytes() == content
    assert names_in(tmp_path) == ["model.keras"]
