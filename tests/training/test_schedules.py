import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.config.optimizer import Constant, Cosine, Plateau, Step
from cxr.training.schedules import RunLength, cosine, make_rate, plateaus


def rates(schedule, peak, length, losses=()):
    """The learning rate at every step of a run, and after the last one of its last epoch."""
    rate = make_rate(schedule, peak, length)
    found = [rate(epoch, step, losses) for epoch in range(length.epochs) for step in range(length.steps)]
    return np.array([*found, rate(length.epochs - 1, length.steps, losses)])


def expected_cosine(peak, steps, warmup):
    """Linear from 0 to the peak over the warm-up, then half a cosine to 0 at the last step."""
    step = np.arange(steps + 1)
    falling = 0.5 * (1 + np.cos(np.pi * (step - warmup) / (steps - warmup)))
    return peak * np.where(step < warmup, step / max(warmup, 1), falling)


def test_a_constant_rate_stays():
    np.testing.assert_array_equal(rates(Constant(name="constant"), 0.01, RunLength(3, 10)), 0.01)


@pytest.mark.parametrize(("fraction", "warmup"), [(0.0, 0), (0.2, 8), (0.05, 2), (0.5, 20)])
def test_cosine_warms_up_falls_and_ends_at_zero(fraction, warmup):
    found = rates(Cosine(warmup_fraction=fraction), 0.02, RunLength(4, 10))
    np.testing.assert_allclose(found, expected_cosine(0.02, 40, warmup), atol=1e-8)
    assert found.argmax() == warmup
    assert found[-1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("fraction", [0.0, 0.05])
def test_cosine_is_that_of_keras_to_the_last_bits(fraction):
    warmup = round(fraction * 300)
    theirs = keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else 1e-3, 300 - warmup, warmup_target=1e-3 if warmup else None, warmup_steps=warmup
    )
    found = [cosine(step, 300, 1e-3, fraction) for step in range(0, 301, 3)]
    np.testing.assert_allclose(found, [float(theirs(step)) for step in range(0, 301, 3)], rtol=3e-7, atol=1e-10)


@pytest.mark.parametrize("fraction", [0.0, 0.05, 1.0])
def test_a_run_of_one_step_is_possible(fraction):
    found = rates(Cosine(warmup_fraction=fraction), 0.02, RunLength(1, 1))
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert (found <= 0.0200001).all()


def test_accumulated_steps_share_the_rate_of_their_update():
    """Seven steps by three are updates of 3, 3 and 1 steps; the cosine counts updates."""
    found = rates(Cosine(warmup_fraction=0.0), 1.0, RunLength(2, 7, accumulate=3))
    by_update = expected_cosine(1.0, 6, 0)
    updates = [0, 0, 0, 1, 1, 1, 2, 3, 3, 3, 4, 4, 4, 5, 6]
    np.testing.assert_allclose(found, by_update[updates], atol=1e-7)


def test_steps_fall_after_every_so_many_epochs():
    found = rates(Step(name="step", every=2, factor=0.1), 1.0, RunLength(5, 3))
    np.testing.assert_allclose(found, [*[1.0] * 6, *[0.1] * 6, *[0.01] * 4])


def test_a_plateau_of_validation_lowers_the_rate_of_the_next_epoch():
    losses = [1.0, 0.9, 0.9, 0.9, 0.8, 0.8, 0.8]
    rate = make_rate(Plateau(name="plateau", factor=0.5, patience=2), 1.0, RunLength(8, 3))
    found = [rate(epoch, 0, losses[:epoch]) for epoch in range(8)]
    np.testing.assert_allclose(found, [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25])


@settings(deadline=None, max_examples=60)
@given(
    losses=st.lists(st.sampled_from([1.0, 0.99995, 0.9, 0.8, 0.79999, 0.5]), max_size=25),
    patience=st.integers(1, 4),
)
def test_plateaus_are_counted_as_keras_counts_them(losses, patience):
    callback = keras.callbacks.ReduceLROnPlateau(monitor="loss", factor=0.5, patience=patience, mode="min")
    model = keras.Sequential()
    model.compile(optimizer=keras.optimizers.SGD(1.0))
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, loss in enumerate(losses):
        callback.on_epoch_end(epoch, {"loss": loss})
    assert float(model.optimizer.learning_rate) == pytest.approx(0.5 ** plateaus(losses, patience))
