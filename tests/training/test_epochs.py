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
from cxr.training.batches import Batches
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


def test_the_images_of_a_step_that_diverged_are_named(make_model, make_plan, tmp_path, samples):
    """Sample 5 has a target that is no number; the batch it is in, and all of the one before, are written down."""
    plan = make_plan(tmp_path)
    batches = plan.batches(0)
    step = next(step for step in range(3) if 5 in batches.rows(step))

    def spoilt(epoch):
        def read(rows, rng):
            inputs, targets = samples[0][rows], samples[1][rows].copy()
            targets[rows == 5] = NAN
            return inputs, targets

        return Batches(read, 22, 8, 3, epoch)

    plan = replace(plan, batches=spoilt, sample_ids=lambda samples: [f"image{sample}" for sample in samples])
    with pytest.raises(UserError) as found:
        run_epochs(make_model(), plan)
    ids = [f"image{sample}" for sample in batches.rows(step)]
    start = f"training: the loss became nan at step {step + 1} of 3 of epoch 1, whose images are {', '.join(ids)} ("
    assert str(found.value).startswith(start)
    assert "leave out an image that is broken" in str(found.value)
    listed = pd.read_csv(tmp_path / "diverged.csv")
    assert list(listed.loc[listed["step"] == step + 1, "image_id"]) == ids
    before = [f"image{sample}" for sample in batches.rows(step - 1)] if step else []
    assert list(listed.loc[listed["step"] == step, "image_id"]) == before
    assert set(listed["epoch"]) == {1}
    run_epochs(make_model(), make_plan(tmp_path))
    assert not (tmp_path / "diverged.csv").exists()


def test_weights_that_are_not_finite_stop_the_run_though_the_loss_is(make_model, make_plan, tmp_path):
    """A ReLU may make 0 of what is no number: then nothing but the weights shows it."""
    plan = make_plan(tmp_path, losses=[1.0, 1.0], scores=[0.5, 0.5])
    model = make_model()

    def spoil(done, total):
        if done == 6:
            model.layers[1].kernel.assign(keras.ops.full((4, 8), NAN))

    with pytest.raises(UserError, match=r"the weights of dense\S* became nan in epoch 2 of 4; lower the learning rate"):
        run_epochs(model, plan, spoil)
    assert len(pd.read_csv(tmp_path / "history.csv")) == 1


@pytest.mark.parametrize(
    ("scores", "options", "last"),
    [
        ([0.5, 0.4, 0.5, 0.6, 0.6, 0.1], {"patience": 2}, 3),
        ([0.5, 0.4, 0.6, 0.6, 0.3, 0.9], {"patience": 2}, 5),
        ([NAN, NAN, NAN, NAN, NAN, NAN], {"patience": 1, "losses": [3.0, 2.0, 2.5, 1.0, 1.0, 1.0]}, 3),
        ([0.5, 0.4, 0.3, 0.2, 0.1, 0.0], {"patience": 1, "freeze_epochs": 3}, 4),
        ([0.5, 0.4, 0.3, 0.2, 0.1, 0.0], {}, 6),
    ],
)
def test_a_run_ends_early_when_nothing_gets_better(make_model, make_plan, tmp_path, scores, options, last):
    told = []
    plan = make_plan(tmp_path, epochs=6, scores=scores, **options)
    history = run_epochs(make_model(), plan, lambda done, total: told.append((done, total)))
    assert list(history["epoch"]) == list(range(1, last + 1))
    assert told[-1] == (3 * last, 3 * last)  # a progress bar ends there
    run_epochs(make_model(), make_plan(tmp_path, epochs=6, scores=[1.0] * 6, **options), told.append)  # is over already
    assert told[-1] == (3 * last, 3 * last)


def test_every_epoch_is_kept_on_request_and_drawn(make_model, make_plan, tmp_path):
    drawn = []

    def draw(path):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
        drawn.append(path.relative_to(tmp_path).as_posix())

    (tmp_path / "epochs").mkdir()
    (tmp_path / "epochs" / "epoch-09.keras").write_bytes(b"of an earlier run")
    kept = tmp_path / "epochs"
    plan = make_plan(tmp_path, epochs=3, scores=[0.1, 0.3, 0.2], keep_epochs=True, draw=draw)
    run_epochs(make_model(), plan)
    assert names_in(kept) == [f"epoch-0{epoch}.{kind}" for epoch in (1, 2, 3) for kind in ("keras", "png")]
    assert drawn.count("figures/val_roc.png") == 2  # the best so far
    for ours, best in zip(weights_of(kept / "epoch-02.keras"), weights_of(tmp_path / "model.keras"), strict=True):
        np.testing.assert_array_equal(ours, best)
    kernels = [weights_of(kept / f"epoch-0{epoch}.keras")[0] for epoch in (2, 3)]
    assert not np.array_equal(*kernels)


def test_figures_of_parts_have_a_table_of_their_own(make_model, make_plan, tmp_path):
    plan = make_plan(tmp_path, epochs=2)
    areas = iter([{"val_auroc:Mass": 0.5, "val_auroc:Hernia": NAN}, {"val_auroc:Mass": 0.75, "val_auroc:Hernia": 1.0}])
    plan = replace(plan, validate=lambda model, measure=plan.validate: measure(model) | next(areas))
    history = run_epochs(make_model(), plan)
    assert list(history.columns) == COLUMNS
    assert list(pd.read_csv(tmp_path / "history.csv").columns) == COLUMNS
    expected = pd.DataFrame({"epoch": [1, 2], "Mass": [0.5, 0.75], "Hernia": [NAN, 1.0]})
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "val_auroc.csv"), expected)
    log = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [event.step for event in log.Tensors("val_auroc/Mass")] == [1, 2]
    assert [event.step for event in log.Tensors("val_auroc/Hernia")] == [2]
    assert [event.step for event in log.Tensors("learning_rate")] == [1, 2]


def test_runs_do_not_depend_on_the_random_state_of_the_process(make_model, make_plan, tmp_path, assert_same_run):
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
