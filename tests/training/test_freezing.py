import keras
import numpy as np

from cxr.config.optimizer import Adam
from cxr.training.epochs import run_epochs
from cxr.training.freezing import set_frozen


def weights_by_epoch(model, plan):
    """Weights at the start and after every epoch: {layer: [arrays, ...]} of the trunk and of the head."""
    trunk, head = model.layers[1:3], model.layers[-1:]
    seen = [[layer.get_weights() for layer in [*trunk, *head]]]
    validate = plan.validate

    def remember(one):
        seen.append([layer.get_weights() for layer in [*trunk, *head]])
        return validate(one)

    object.__setattr__(plan, "validate", remember)
    run_epochs(model, plan)
    return seen


def moved(before, after):
    """For each layer whether any of its arrays changed."""
    return [
        any(not np.array_equal(a, b) for a, b in zip(old, new, strict=True))
        for old, new in zip(before, after, strict=True)
    ]


def test_frozen_weights_and_statistics_stay_and_unfrozen_ones_move(make_model, make_plan, tmp_path):
    seen = weights_by_epoch(make_model(), make_plan(tmp_path, freeze_epochs=2))
    dense, norm, head = 0, 1, 2
    for epoch, expected in enumerate([(False, False, True), (False, False, True), (True, True, True)]):
        found = moved(seen[epoch], seen[epoch + 1])
        assert (found[dense], found[norm], found[head]) == expected, epoch
    changes = [not np.array_equal(a, b) for a, b in zip(seen[2][norm], seen[3][norm], strict=True)]
    assert changes == [True] * 4  # scale, offset and both statistics


def test_freezing_all_epochs_trains_the_head_alone(make_model, make_plan, tmp_path):
    seen = weights_by_epoch(make_model(), make_plan(tmp_path, freeze_epochs=9))
    assert moved(seen[0], seen[-1]) == [False, False, True]


def test_a_frozen_batch_norm_uses_its_saved_statistics(make_model, samples):
    model = make_model()
    norm = model.layers[2]
    norm.moving_mean.assign(keras.ops.ones(8) * 3)
    set_frozen(model, True)
    features = keras.Model(model.input, model.get_layer("features").output)
    found = np.asarray(features(samples[0], training=True))
    np.testing.assert_allclose(found, np.asarray(features(samples[0], training=False)))


def test_the_optimiser_begins_anew_with_the_same_parameters(make_model, samples):
    model = make_model(Adam(learning_rate=0.03, clip_norm=2.0, ema=0.9), precision="mixed_float16")
    for frozen, learning in ((True, 2), (False, 6)):
        model.train_on_batch(*samples)
        set_frozen(model, frozen)
        inner = model.optimizer.inner_optimizer
        assert int(model.optimizer.iterations) == 0
        assert (inner.global_clipnorm, inner.ema_momentum) == (2.0, 0.9)
        assert float(inner.learning_rate) == np.float32(0.03)
        assert len(inner._trainable_variables) == len(model.trainable_variables) == learning
