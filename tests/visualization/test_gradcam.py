import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from cxr.classification.networks.classifier import build_classifier
from cxr.config.errors import UserError
from cxr.config.member import Member
from cxr.visualization.gradcam import normalize_maps, with_maps

FINDINGS = 4
PIXELS = {"tiny": 40, "efficientnet_b0": 64}


def answers(network, images):
    """The outputs of a network in numpy."""
    outputs = network(images, training=False)
    return [y.numpy() for y in outputs] if isinstance(outputs, list) else outputs.numpy()


def gradcam_by_gradient(model, images, finding):
    """Grad-CAM as its paper defines it (eq. 1 and 2), of the finding's logit, each map over its maximum: (N, h, w)."""
    inner = keras.Model(model.input, [model.get_layer("features").output, model.output])
    with tf.GradientTape() as tape:
        features, probabilities = inner(images, training=False)
        logit = tf.math.log(probabilities) - tf.math.log1p(-probabilities)
        total = tf.reduce_sum(logit[:, finding])
    importance = tf.reduce_mean(tape.gradient(total, features), axis=(1, 2), keepdims=True)
    maps = tf.nn.relu(tf.reduce_sum(importance * features, axis=-1)).numpy()
    highest = maps.max(axis=(1, 2), keepdims=True)
    return np.where(highest > 0, maps / np.where(highest > 0, highest, 1), 0)


@pytest.fixture(scope="module", params=PIXELS)
def case(request):
    """A classifier with moved batch norms, and five images for it."""
    keras.utils.set_random_seed(6)
    size = PIXELS[request.param]
    model = build_classifier(Member(network=request.param, image_px=size), FINDINGS)
    random = np.random.default_rng(6)
    moved = [w + random.uniform(-0.2, 0.2, w.shape).astype(w.dtype) * (w.ndim == 1) for w in model.get_weights()]
    model.set_weights(moved)
    images = random.uniform(0, 255, (5, size, size, 1)).astype(np.float32)
    images[0, : size // 2] = 0
    images[1, :, : size // 2] = 255
    return model, images


def test_maps_are_grad_cam_by_gradient_for_every_finding(case):
    model, images = case
    _, raw = answers(with_maps(model), images)
    found = normalize_maps(raw)
    assert found.shape[-1] == FINDINGS
    assert found.std() > 0.1  # otherwise any two maps agree
    for k in range(FINDINGS):
        np.testing.assert_allclose(found[..., k], gradcam_by_gradient(model, images, k), atol=2e-3)


def test_probabilities_are_those_of_the_classifier(case):
    model, images = case
    found, _ = answers(with_maps(model), images)
    np.testing.assert_allclose(found, answers(model, images), atol=1e-6)


def test_a_batch_gives_what_single_images_give(case):
    model, images = case
    network = with_maps(model)
    _, together = answers(network, images)
    alone = np.concatenate([answers(network, images[i : i + 1])[1] for i in range(len(images))])
    np.testing.assert_allclose(together, alone, atol=1e-4 * np.abs(together).max())
    np.testing.assert_allclose(normalize_maps(together), normalize_maps(alone), atol=1e-3)


def test_the_classifier_itself_is_left_alone(case):
    model, images = case
    before = answers(model, images)
    names = [layer.name for layer in model.layers]
    with_maps(model)
    assert [layer.name for layer in model.layers] == names
    np.testing.assert_array_equal(answers(model, images), before)


def test_a_map_without_positive_values_stays_zero():
    maps = np.full((2, 3, 3, 2), -1.0, np.float32)
    maps[1, 2, 1, 0] = 4
    found = normalize_maps(maps)
    assert not found[0].any()
    assert not found[1, ..., 1].any()
    assert found[1, 2, 1, 0] == 1
    assert found.sum() == 1
    assert not normalize_maps(np.zeros((1, 3, 3, 2), np.float32)).any()


def test_each_map_has_a_maximum_of_its_own():
    maps = np.random.default_rng(3).normal(size=(4, 5, 6, 3)).astype(np.float32)
    found = normalize_maps(maps)
    np.testing.assert_array_equal(found.max(axis=(1, 2)), 1)
    assert found.min() == 0
    np.testing.assert_allclose(found, np.maximum(maps, 0) / maps.max(axis=(1, 2), keepdims=True), rtol=1e-6)


def head(features="features", pooling="pooling", findings="findings", pool=layers.GlobalAveragePooling2D):
    image = keras.Input((16, 16, 1))
    x = layers.Conv2D(4, 3, name=features)(image)
    return keras.Model(image, layers.Dense(2, activation="sigmoid", name=findings)(pool(name=pooling)(x)))


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"features": "last"}, "no layer 'features' of type Layer"),
        ({"pooling": "pool"}, "no layer 'pooling' of type GlobalAveragePooling2D"),
        ({"pool": layers.GlobalMaxPooling2D}, "no layer 'pooling' of type GlobalAveragePooling2D"),
        ({"findings": "answer"}, "no layer 'findings' of type Dense"),
    ],
)
def test_a_model_of_another_build_has_no_exact_maps(changes, missing):
    assert with_maps(head()).output_shape == [(None, 2), (None, 14, 14, 2)]
    with pytest.raises(UserError, match=f"{missing}: no exact Grad-CAM for it"):
        with_maps(head(**changes))
