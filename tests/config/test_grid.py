"""`--over` and `--random`: which points they mean, and what is refused."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr.config.errors import UserError
from cxr.config.grid import check_comparable, grid_points, parse_axes, point_overrides

AXES = {"training.batch": [4, 8, 16], "training.optimizer.name": ["adam", "sgd"], "crop.upright": [True, None]}


def as_texts(points):
    return {json.dumps(point, sort_keys=True) for point in points}


def test_texts_become_axes_and_all_combinations():
    axes = parse_axes([f"{key}={json.dumps(values)}" for key, values in AXES.items()])
    assert axes == AXES
    points = grid_points(axes, None, 0)
    expected = [dict(zip(AXES, values, strict=True)) for values in itertools.product(*AXES.values())]
    assert as_texts(points) == as_texts(expected)
    assert len(points) == 12
    assert all(list(point) == list(AXES) for point in points)


@given(st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_random_points_are_of_the_grid_different_and_grow(chosen, seed):
    few, more = (as_texts(grid_points(AXES, count, seed)) for count in (chosen, chosen + 1))
    assert len(few) == min(chosen, 12)
    assert few <= more <= as_texts(grid_points(AXES, None, 0))


def test_random_points_depend_on_the_seed():
    assert len({tuple(sorted(as_texts(grid_points(AXES, 3, seed)))) for seed in range(8)}) > 1


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["training.batch"], r"--over training\.batch: needs the form KEY=\[VALUE,VALUE\] in JSON, for example --over"),
        (["training.batch=8"], "needs the form"),
        (["training.batch=[]"], "needs the form"),
        (["training.optimizer.name=[adam]"], "needs the form"),
        (["=[1]"], "needs the form"),
        (["engine=[1]"], r"engine is a key of SETTINGS\.json; a sweep is over keys of PARAMS\.json"),
        (["training.batch=[8]", "training.batch=[4]"], "is named twice; give all its values in one list"),
        (["training.batch=[8,4,8]"], "the value 8 is named twice"),
        (["training.optimizer=[{}]", "training.optimizer.name=[1]"],
         r"training\.optimizer\.name and training\.optimizer are one inside the other"),
    ],
)  # fmt: skip
def test_what_is_no_axis_is_one_sentence(texts, said):
    with pytest.raises(UserError, match=said):
        parse_axes(texts)


def test_no_random_point_is_refused():
    with pytest.raises(UserError, match="--random 0: at least 1 point is needed"):
        grid_points(AXES, 0, 0)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("crop.mode", "none", "all points share the prepared crops; prepare and sweep once per value instead"),
        ("segmentation.width", 8, "all points share the prepared crops"),
        ("split.val", 0.3, "the points would be measured on different images"),
        ("seed", 5, "it deals the split anew; give a member several `seeds` instead"),
        ("findings.set", ["Mass"], "the points would answer different questions"),
    ],
)
def test_what_would_make_points_incomparable_is_refused(load, key, value, said):
    point = {"training.batch": 4, key: value}
    params = load(overrides=point_overrides(point)).params
    with pytest.raises(UserError, match=rf"--over {key}: cannot be swept: {said}"):
        check_comparable(point, params, load().params)


def test_what_training_depends_on_may_be_swept(load):
    point = {"training.batch": 4, "members.small.dropout": 0.5, "findings.uncertain": {"default": "ones"}}
    params = load(overrides=point_overrides(point)).params
    assert (params.training.batch, params.members["small"].dropout) == (4, 0.5)
    check_comparable(point, params, load().params)
