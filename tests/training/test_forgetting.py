"""What TensorFlow itself says of the functions it keeps, after a model has been trained and is no longer needed."""

import gc

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from cxr.config.optimizer import AdamW
from cxr.training.epochs import run_epochs
from cxr.training.forgetting import forget_models

AVERAGED = {"optimizer": AdamW(name="adamw", learning_rate=0.05, weight_decay=0.1, clip_norm=1.0, ema=0.8)}


def functions():
    return {name for name in context.context().list_function_names() if "__wrapped__" not in name}


def graphs():
    return sum(isinstance(thing, tf.__internal__.FuncGraph) for thing in gc.get_objects())


@pytest.mark.parametrize("options", [{}, {**AVERAGED, "accumulate": 2, "precision": "mixed_bfloat16"}])
def test_the_graphs_of_a_training_are_forgotten_with_its_model(make_model, make_plan, tmp_path, options):
    forget_models()
    before = functions(), graphs()
    model = make_model(**options)
    run_epochs(model, make_plan(tmp_path, epochs=2, accumulate=options.get("accumulate", 1)))
    during = functions(), graphs()
    assert len(during[0]) > len(before[0])
    assert during[1] > before[1]
    del model
    forget_models()
    assert functions() <= before[0]
    assert graphs() <= before[1]


def test_a_model_that_is_still_held_runs_and_trains_on(make_model, samples):
    inputs, targets = samples
    model = make_model()
    model.train_on_batch(inputs, targets)
    found = model.predict_on_batch(inputs)
    forget_models()
    np.testing.assert_array_equal(model.predict_on_batch(inputs), found)
    model.train_on_batch(inputs, targets)
    model.train_on_batch(inputs[:3], targets[:3])  # traced anew
    assert not np.array_equal(model.predict_on_batch(inputs), found)
