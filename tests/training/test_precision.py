import keras
import numpy as np
import pytest
import tensorflow as tf

from cxr.classification.losses.weighted_bce import WeightedBce
from cxr.classification.networks.classifier import build_classifier
from cxr.config.errors import UserError
from cxr.config.member import Member
from cxr.config.optimizer import Adam
from cxr.training import precision as precision_module
from cxr.training.epochs import run_epochs
from cxr.training.precision import layers_in

MIXED = ["mixed_bfloat16", "mixed_float16"]


def test_layers_are_made_in_a_precision_only_inside():
    with layers_in("mixed_bfloat16"):
        inside = keras.layers.Dense(2)
    outside = keras.layers.Dense(2)
    assert (inside.compute_dtype, inside.variable_dtype) == ("bfloat16", "float32")
    assert outside.compute_dtype == "float32"
    with pytest.raises(ZeroDivisionError), layers_in("mixed_float16"):
        raise ZeroDivisionError
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize("precision", MIXED)
def test_the_trunk_is_mixed_and_the_head_and_what_is_saved_float32(make_model, make_plan, tmp_path, precision, samples):
    model, plan = make_model(precision=precision), make_plan(tmp_path, epochs=2, scores=[1.0, 2.0])
    assert [layer.compute_dtype for layer in model.layers[1:]] == [
        *[precision.removeprefix("mixed_")] * 2,
        *["float32"] * 3,
    ]
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer) == (precision == "mixed_float16")
    seen, validate = [], plan.validate

    def remember(model):
        seen.append(model.predict_on_batch(samples[0]))
        return validate(model)

    object.__setattr__(plan, "validate", remember)
    history = run_epochs(model, plan)
    saved = keras.saving.load_model(plan.folder / "model.keras")
    assert {layer.compute_dtype for layer in saved.layers} == {"float32"}
    np.testing.assert_array_equal(saved.predict_on_batch(samples[0]), seen[-1])
    mixed = np.asarray(model(samples[0], training=False))
    assert 0 < np.abs(mixed - seen[-1]).max() < 0.1  # the same weights, coarser arithmetic
    assert np.isfinite(history["loss"]).all()


def test_bfloat16_learns_what_float32_learns(make_model, make_plan, tmp_path):
    found = run_epochs(make_model(precision="mixed_bfloat16"), make_plan(tmp_path / "mixed", epochs=2))
    exact = run_epochs(make_model(), make_plan(tmp_path / "exact", epochs=2))
    np.testing.assert_allclose(found["loss"], exact["loss"], rtol=0.05)
    assert not np.array_equal(found["loss"], exact["loss"])


def test_float16_leaves_out_steps_whose_gradients_overflow(make_model, samples):
    model = make_model(precision="mixed_float16")
    model.optimizer.build(model.trainable_variables)
    model.optimizer.dynamic_scale.assign(1e30)
    before = [variable.numpy() for variable in model.trainable_variables]
    model.train_on_batch(samples[0], samples[1])
    for variable, old in zip(model.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable, old)
    assert float(model.optimizer.dynamic_scale) == pytest.approx(5e29)


def test_averages_are_taken_of_a_mixed_network_too(make_model, make_plan, tmp_path):
    model = make_model(Adam(learning_rate=0.05, ema=0.9), precision="mixed_bfloat16")
    run_epochs(model, make_plan(tmp_path, epochs=2, scores=[1.0, 2.0]))
    saved = keras.saving.load_model(tmp_path / "model.keras")
    kernels = [one.layers[1].get_weights()[0] for one in (model, saved)]
    assert 1e-4 < np.abs(kernels[0] - kernels[1]).max() < 0.5
    for ours, theirs in zip(  # statistics of batches are running means already
        model.get_layer(index=2).non_trainable_variables, saved.get_layer(index=2).non_trainable_variables, strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def is_bfloat16():
    return bool(tf.config.optimizer.get_experimental_options().get("auto_mixed_precision_onednn_bfloat16"))


@pytest.mark.parametrize("dies", [False, True])
def test_onednn_computes_steps_in_bfloat16_and_nothing_else(make_model, make_plan, tmp_path, kill_at, dies):
    model, plan = make_model(precision="onednn_bfloat16"), make_plan(tmp_path, precision="onednn_bfloat16")
    steps, between, train, validate = [], [], plan.devices.train_on_batch, plan.validate
    plan.devices.train_on_batch = lambda *batch: steps.append(is_bfloat16()) or train(*batch)
    object.__setattr__(plan, "validate", lambda model: between.append(is_bfloat16()) or validate(model))
    if dies:
        kill_at(4, lambda tell: run_epochs(model, plan, tell))
    else:
        run_epochs(model, plan)
    assert steps == [True] * (4 if dies else 12)
    assert between == [False] * (1 if dies else 4)
    assert not is_bfloat16()  # nor for the next member
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
    saved = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert {weight.dtype for weight in saved.weights} == {"float32"}


@pytest.mark.parametrize("pooling", ["avg", "max", "lse", "pcam"])
def test_onednn_leaves_sure_answers_and_their_loss_in_float32(pooling):
    image = np.random.default_rng(0).uniform(0, 255, (8, 32, 32, 1)).astype(np.float32)
    labels = np.tile(np.float32([1, 0, 1]), (8, 1))
    labels[0] = 0, 1, 0  # at p = 1 and 0 in bfloat16 a loss of nan
    answers, losses = {}, {}
    for precision in ("float32", "onednn_bfloat16"):
        model = build_classifier(Member(network="tiny", image_px=32, pooling=pooling), 3)
        model.get_layer("findings").set_weights([np.zeros((64, 3)), np.array([7.5, -7.5, 12.0])])
        model.compile(optimizer=keras.optimizers.SGD(0.0), loss=WeightedBce([7, 7, 7], [1, 1, 1]))
        with precision_module.steps_in(precision):
            losses[precision] = model.train_on_batch(image, labels)
            answers[precision] = model.predict_on_batch(image)
    np.testing.assert_allclose(losses["onednn_bfloat16"], losses["float32"], rtol=1e-5)
    np.testing.assert_allclose(1 - answers["onednn_bfloat16"], 1 - answers["float32"], rtol=1e-3, atol=1e-7)


def test_a_step_that_fails_leaves_float32():
    with pytest.raises(ZeroDivisionError), precision_module.steps_in("onednn_bfloat16"):
        assert is_bfloat16()
        raise ZeroDivisionError
    assert not is_bfloat16()


@pytest.mark.parametrize(
    ("backend", "gpu", "found"), [("jax", False, "KERAS_BACKEND=jax"), ("tensorflow", True, "a GPU")]
)
def test_onednn_elsewhere_is_one_sentence(monkeypatch, backend, gpu, found):
    monkeypatch.setattr(precision_module, "backend_name", lambda: backend)
    monkeypatch.setattr(precision_module, "has_gpu", lambda: gpu)
    with pytest.raises(UserError, match=f'^training.precision: "onednn_bfloat16" is of .*, found {found}; use'):
        precision_module.layers_in("onednn_bfloat16").__enter__()
    assert keras.config.dtype_policy().name == "float32"
