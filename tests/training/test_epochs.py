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
from cxr.training.epochs import forget_state, run_epochs
from cxr.training.history import best_epoch

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
