import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.training.batches import AHEAD, Batches


def read_rows(rows, rng):
    """Row numbers as inputs, a random number for each as target: shows what Batches asks for."""
    return rows, rng.random(len(rows))


def read_epoch(count=22, batch=8, seed=3, epoch=0):
    batches = Batches(read_rows, count, batch, seed, epoch)
    return [batches[step] for step in range(len(batches))]


@settings(deadline=None)
@given(count=st.integers(1, 60), batch=st.integers(1, 20), seed=st.integers(0, 2**31), epoch=st.integers(0, 500))
def test_every_sample_comes_once_an_epoch_and_only_the_last_batch_is_smaller(count, batch, seed, epoch):
    rows = [rows for rows, _ in read_epoch(count, batch, seed, epoch)]
    assert sorted(np.concatenate(rows)) == list(range(count))
    assert [len(part) for part in rows[:-1]] == [batch] * (len(rows) - 1)
    assert len(rows[-1]) == (count - 1) % batch + 1


def test_a_batch_depends_on_seed_epoch_and_step_only():
    expected = read_epoch(epoch=5)
    batches = Batches(read_rows, 22, 8, 3, 5)
    np.random.seed(1)  # noqa: NPY002 - the global state must not matter
    for step in (2, 0, 2, 1):  # any order, any number of times
        for found, wanted in zip(batches[step], expected[step], strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_epochs_seeds_and_steps_differ():
    orders = {
        tuple(np.concatenate([rows for rows, _ in read_epoch(seed=seed, epoch=epoch)]))
        for seed in (3, 4)
        for epoch in range(5)
    }
    assert len(orders) == 10
    drawn = {numbers[0] for seed in (3, 4) for epoch in range(5) for _, numbers in read_epoch(seed=seed, epoch=epoch)}
    assert len(drawn) == 30


def test_samples_are_shuffled():
    (rows, _), *_ = read_epoch(count=1000, batch=1000)
    assert abs(np.corrcoef(rows, np.arange(1000))[0, 1]) < 0.1


@settings(deadline=None)
@given(count=st.integers(1, 60), batch=st.integers(1, 20))
def test_read_ahead_or_one_by_one_the_batches_are_the_same(count, batch):
    for found, wanted in zip(Batches(read_rows, count, batch, 1, 2), read_epoch(count, batch, 1, 2), strict=True):
        for ours, theirs in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_reading_runs_ahead_but_not_far():
    read, batches = [], Batches(lambda rows, rng: (read.append(1), rows), 100, 1, 1, 1)
    each = iter(batches)
    next(each)
    assert len(read) <= AHEAD + 1
    each.close()
    assert len(read) <= AHEAD + 1


def test_a_mistake_in_reading_reaches_the_one_who_trains():
    def fail(rows, rng):
        raise ValueError("broken image")

    with pytest.raises(ValueError, match="broken image"):
        list(Batches(fail, 10, 2, 1, 1))
