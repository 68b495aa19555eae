import numpy as np
import pytest

from cxr.config.optimizer import Optimizer, Schedule
from cxr.training.schedules import make_optimizer


def rates(optimizer, steps):
    """The learning rate at each step."""
    found = []
    for step in range(steps + 1):
        optimizer.iterations.assign(step)
        found.append(float(optimizer.learning_rate))
    return np.array(found)


def cosine(peak, steps, warmup):
    """Linear from 0 to the peak over the warm-up, then half a cosine to 0 at the last step."""
    step = np.arange(steps + 1)
    falling = 0.5 * (1 + np.cos(np.pi * (step - warmup) / (steps - warmup)))
    return peak * np.where(step < warmup, step / max(warmup, 1), falling)


def test_a_constant_rate_stays():
    optimizer = make_optimizer(Optimizer(learning_rate=0.01), Schedule(name="constant"), 30)
    np.testing.assert_allclose(rates(optimizer, 30), 0.01, rtol=1e-6)


@pytest.mark.parametrize(("fraction", "warmup"), [(0.0, 0), (0.2, 8), (0.05, 2), (0.5, 20)])
def test_cosine_warms_up_falls_and_ends_at_zero(fraction, warmup):
    optimizer = make_optimizer(Optimizer(learning_rate=0.02), Schedule(warmup_fraction=fraction), 40)
    found = rates(optimizer, 40)
    np.testing.assert_allclose(found, cosine(0.02, 40, warmup), atol=1e-8)
    assert found.argmax() == warmup
    assert found[-1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("fraction", [0.0, 0.05, 1.0])
def test_a_run_of_one_step_is_possible(fraction):
    found = rates(make_optimizer(Optimizer(learning_rate=0.02), Schedule(warmup_fraction=fraction), 1), 1)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert (found <= 0.0200001).all()
