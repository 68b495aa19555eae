"""Every method against an oracle that takes one image and one finding at a time."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from cxr.config.errors import UserError
from cxr.config.heatmaps import Heatmaps
from cxr.engines.keras_engine import KerasEngine
from cxr.visualization.heat import stretch_maps
from cxr.visualization.methods.map_maker import Asked
from cxr.visualization.methods.registry import METHODS
from cxr.visualization.methods.smooth_grad import NOISE, SAMPLES, noisy_copies
from cxr.visualization.places import places_of


def over_maximum(map_):
    return np.maximum(map_, 0) / (map_.max() if map_.max() > 0 else 1)


def one_at_a_time(model, images, oracle):
    """(N, h, w, K) of an oracle of (image (1, S, S, 1), target (K,))."""
    targets = np.eye(model.output_shape[-1], dtype=np.float32)
    return np.array([[oracle(image[None], target) for target in targets] for image in images]).transpose(0, 2, 3, 1)


def grad_cam_oracle(model, gradient_of):
    def oracle(image, target):
        features, gradients = gradient_of(model, image, target)
        return over_maximum((features * gradients.mean(axis=(0, 1))).sum(axis=-1))

    return oracle


def guided_oracle(model, image, target):
    """Guided backpropagation, layer by layer: each layer's own gradient, and after a ReLU only what is positive."""
    values, steps = {model.input.name: tf.constant(image)}, []
    for layer in model.operations[1:]:
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        given = [values[one.name] for one in inputs]
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            for one in given:
                tape.watch(one)
            answer = layer(given if isinstance(layer.input, list) else given[0])
            if layer.name == "findings":
                answer = tf.math.log(answer) - tf.math.log1p(-answer)
        values[layer.output.name] = answer
        steps.append((layer, [one.name for one in inputs], given, answer, tape))
    back = {model.output.name: tf.constant(target[None])}
    for layer, names, given, answer, tape in reversed(steps):
        gradient = back[layer.output.name]
        if isinstance(layer, layers.ReLU) or getattr(layer, "activation", None) is keras.activations.relu:
            gradient = tf.maximum(gradient, 0)
        for name, one in zip(names, given, strict=True):
            found = tape.gradient(answer, one, output_gradients=gradient)
            back[name] = back[name] + found if name in back else found
    return back[model.input.name].numpy()[0, ..., 0]


def test_grad_cam(network, explain, gradient_of):
    model, images = network
    probabilities, maps = explain("grad_cam", model, images)
    assert maps.std() > 0.05
    np.testing.assert_allclose(maps, one_at_a_time(model, images, grad_cam_oracle(model, gradient_of)), atol=2e-3)
    np.testing.assert_allclose(probabilities, model.predict_on_batch(images), atol=1e-5)


def derivatives_by_tape(features, head):
    """First, second and third derivative of exp(head) by each number of an (h, w, C) map, moved alone."""
    single = tf.reshape(tf.eye(features.size, dtype=tf.float64), (-1, *features.shape))
    moved = tf.zeros((features.size, 1, 1, 1), tf.float64)
    with tf.GradientTape() as outer:
        outer.watch(moved)
        with tf.GradientTape() as middle:
            middle.watch(moved)
            with tf.GradientTape() as inner:
                inner.watch(moved)
                score = tf.exp(head(features + moved * single))
            first = inner.gradient(score, moved)
        second = middle.gradient(first, moved)
    return [one.numpy().reshape(features.shape) for one in (first, second, outer.gradient(second, moved))]


@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_grad_cam_plus_plus_is_that_of_derivatives_by_tape(explain, build_network, images_of, pooling):
    model = build_network("tiny", pooling)
    images = images_of(32, 2)
    reduce = {"avg": tf.reduce_mean, "max": tf.reduce_max}[pooling]
    kernel, bias = (w.astype(np.float64) for w in model.get_layer("findings").get_weights())
    _, maps = explain("grad_cam_plus_plus", model, images)
    features = keras.Model(model.input, model.get_layer("features").output)(images, training=False).numpy()
    for row, finding in ((0, 0), (1, 1), (1, 2)):
        map_ = features[row].astype(np.float64)
        first, second, third = derivatives_by_tape(
            map_, lambda maps, k=finding: tf.linalg.matvec(reduce(maps, axis=(1, 2)), kernel[:, k]) + bias[k]
        )
        below = 2 * second + third * map_.sum(axis=(0, 1))
        alpha = np.divide(second, below, out=np.zeros_like(second), where=below != 0)
        weights = (alpha * np.maximum(first, 0)).sum(axis=(0, 1))
        expected = over_maximum((map_ * weights).sum(axis=-1))
        assert expected.std() > 0.1
        np.testing.assert_allclose(maps[row, ..., finding], expected, atol=2e-3)


def test_grad_cam_plus_plus_of_any_network_is_that_of_its_first_derivative(network, explain, gradient_of):
    model, images = network

    def oracle(image, target):
        features, gradients = gradient_of(model, image, target)
        below = 2 * gradients**2 + gradients**3 * features.sum(axis=(0, 1))
        alpha = np.divide(gradients**2, below, out=np.zeros_like(below), where=gradients != 0)
        return over_maximum((features * (alpha * np.maximum(gradients, 0)).sum(axis=(0, 1))).sum(axis=-1))

    _, maps = explain("grad_cam_plus_plus", model, images)
    assert maps.std() > 0.05
    np.testing.assert_allclose(maps, one_at_a_time(model, images, oracle), atol=5e-3)


@pytest.mark.parametrize("pooling", ["lse", "pcam"])
def test_heads_with_more_derivatives_are_asked_by_gradient(explain, build_network, images_of, gradient_of, pooling):
    model, images = build_network("tiny", pooling), images_of(32, 2)

    def oracle(image, target):
        features, gradients = gradient_of(model, image, target)
        alpha = 1 / (2 + gradients * features.sum(axis=(0, 1)))
        return over_maximum((features * (alpha * np.maximum(gradients, 0)).sum(axis=(0, 1))).sum(axis=-1))

    _, maps = explain("grad_cam_plus_plus", model, images)
    np.testing.assert_allclose(maps, one_at_a_time(model, images, oracle), atol=5e-3)


def any_head(activation):
    """A network whose findings come of a hidden layer, or of a map laid flat: no closed form."""
    keras.utils.set_random_seed(2)
    image = keras.Input((16, 16, 1), name="image")
    x = layers.Conv2D(4, 3, strides=2, activation="relu", name="features")(layers.Rescaling(1 / 99, -1)(image))
    x = layers.Dense(5, activation="tanh")(layers.Flatten()(x))
    if activation == "layer":
        return keras.Model(image, layers.Activation("sigmoid")(layers.Dense(3, name="findings")(x)))
    return keras.Model(image, layers.Dense(3, activation=activation, name="findings")(x))


@pytest.mark.parametrize("activation", ["sigmoid", "layer"])
def test_grad_cam_of_any_head_is_that_by_gradient(explain, images_of, gradient_of, activation):
    model, images = any_head(activation), images_of(16)
    probabilities, maps = explain("grad_cam", model, images)
    assert maps.shape == (3, 7, 7, 3) and maps.std() > 0.1
    np.testing.assert_allclose(maps, one_at_a_time(model, images, grad_cam_oracle(model, gradient_of)), atol=2e-3)
    np.testing.assert_allclose(probabilities, model.predict_on_batch(images), atol=1e-6)


def test_the_logits_of_a_softmax_are_those_before_it(explain, images_of):
    model, images = any_head("softmax"), images_of(16)
    plain = any_head("linear")
    plain.set_weights(model.get_weights())
    np.testing.assert_array_equal(explain("grad_cam", model, images)[1], explain("grad_cam", plain, images)[1])


def test_cam_is_the_weighted_sum_from_its_least_to_its_most(network, explain):
    model, images = network
    features = keras.Model(model.input, model.get_layer("features").output)(images, training=False).numpy()
    raw = features @ model.get_layer("findings").get_weights()[0]
    low, high = raw.min(axis=(1, 2), keepdims=True), raw.max(axis=(1, 2), keepdims=True)
    _, maps = explain("cam", model, images)
    np.testing.assert_allclose(maps, (raw - low) / (high - low), atol=2e-3)
    assert (maps.min(axis=(1, 2)) == 0).all()


def test_attention_is_what_the_network_multiplies_its_places_by(explain, build_network, images_of):
    model, images = build_network("attended"), images_of(32)
    names = ("block_by_channel", "block_by_place")
    before, after = keras.Model(model.input, [model.get_layer(name).output for name in names])(images, training=False)
    weights = after.numpy().sum(axis=-1) / before.numpy().sum(axis=-1)
    _, maps = explain("attention", model, images)
    assert maps.shape == (3, 16, 16, 1) and maps.std() > 0.1
    np.testing.assert_allclose(maps, stretch_maps(weights[..., None]), atol=1e-3)


def test_guided_grad_cam_is_guided_backpropagation_times_grad_cam(network, explain, gradient_of):
    model, images = network
    if model.name == "efficientnet_b0":
        pytest.skip("it has no ReLU")
    places, size = places_of(model), model.input_shape[1]

    def oracle(image, target):
        cam = grad_cam_oracle(model, gradient_of)(image, target)
        return over_maximum(np.abs(guided_oracle(model, image, target)) * places.draw(cam, size))

    _, maps = explain("guided_grad_cam", model, images[:2])
    assert maps.std() > 0.01
    np.testing.assert_allclose(maps, one_at_a_time(model, images[:2], oracle), atol=5e-3)


def test_smooth_grad_is_the_size_of_the_mean_gradient_of_the_copies(network, explain, gradient_of, monkeypatch):
    monkeypatch.setattr("cxr.visualization.methods.smooth_grad.SAMPLES", 5)
    model, images = network

    def oracle(image, target):
        copies = noisy_copies(image[0], seed=5)
        return over_maximum(
            np.abs(np.mean([gradient_of(model, one[None], target, of_image=True) for one in copies], axis=0))[..., 0]
        )

    row = images[1:2]
    _, maps = explain("smooth_grad", model, row, target=np.array([[1, 0], [0, 0], [0, 1]], np.float32), seed=5)
    expected = [oracle(row, np.eye(3, dtype=np.float32)[k]) for k in (0, 2)]
    np.testing.assert_allclose(maps[0].transpose(2, 0, 1), expected, atol=5e-3)


def test_the_noise_of_smooth_grad_is_of_seed_and_image_alone(images_of):
    image, other, level = (*images_of(64, 2), np.full((64, 64, 1), 9, np.float32))
    noise = noisy_copies(image, 3) - image
    assert noise.shape == (SAMPLES, 64, 64, 1)
    assert noise.std() == pytest.approx(NOISE * np.ptp(image), rel=0.02)
    assert abs(noise.mean()) < 0.5
    np.testing.assert_array_equal(noisy_copies(image, 3), noise + image)
    for changed in (noisy_copies(image, 4) - image, noisy_copies(other, 3) - other):
        assert abs(np.corrcoef(changed.ravel(), noise.ravel())[0, 1]) < 0.02
    np.testing.assert_array_equal(noisy_copies(level, 3), np.broadcast_to(level, (SAMPLES, 64, 64, 1)))


@pytest.mark.parametrize("method", list(METHODS))
def test_a_batch_gives_what_single_images_give_and_a_sum_what_its_logits_give(
    method, explain, build_network, images_of, gradient_of
):
    model, images = build_network("attended"), images_of(32, 4)
    maker = METHODS[method](model, Asked(np.array([[1, 1], [0, 1], [0, 1]], np.float32), KerasEngine))
    probabilities, maps = maker.run(images)
    assert maps.dtype == np.float32 and 0 <= maps.min() <= maps.max() == 1
    for row in range(4):
        alone = maker.run(images[row : row + 1])
        np.testing.assert_allclose(maps[row], alone[1][0], atol=2e-3)
        np.testing.assert_allclose(probabilities[row], alone[0][0], atol=1e-5)
    assert maps.shape[-1] == (1 if method == "attention" else 2)
    if method == "grad_cam":
        expected = [grad_cam_oracle(model, gradient_of)(image[None], np.ones(3, np.float32)) for image in images]
        np.testing.assert_allclose(maps[..., 1], expected, atol=2e-3)


@pytest.mark.parametrize("method", list(METHODS))
def test_a_map_without_anything_stays_zero(method, explain, build_network):
    """Of a level image, by a head that knows nothing."""
    model = build_network("attended")
    model.get_layer("findings").set_weights([np.zeros((16, 3)), np.zeros(3)])
    _, maps = explain(method, model, np.zeros((1, 32, 32, 1), np.float32))
    assert np.isfinite(maps).all()
    assert method == "attention" or not maps.any()


@pytest.mark.parametrize(
    ("method", "blocks", "reason"),
    [
        (
            "attention",
            "tiny",
            "needs a network with spatial attention, .* model tiny has none",
        ),
        ("guided_grad_cam", "swish", "is defined for ReLU alone; model swish has silu"),
    ],
)
def test_a_network_that_a_method_cannot_explain_is_one_sentence(
    method, blocks, reason, explain, build_network, images_of
):
    with pytest.raises(UserError, match=f'heatmaps.method: "{method}" {reason}'):
        explain(method, build_network(blocks), images_of(32))


@pytest.mark.parametrize("method", ["grad_cam", "grad_cam_plus_plus", "guided_grad_cam", "cam", "smooth_grad"])
def test_a_model_without_features_is_one_sentence(method, explain, images_of):
    image = keras.Input((32, 32, 1), name="image")
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, name="last")(image))
    model = keras.Model(image, layers.Dense(2, activation="sigmoid", name="findings")(pooled), name="bare")
    with pytest.raises(UserError, match="model bare has no layer 'features' that gives a map"):
        explain(method, model, images_of(32))


def test_a_last_layer_without_known_logits_is_one_sentence(explain, images_of):
    with pytest.raises(UserError, match="its last layer, 'findings', is no sigmoid, softmax or linear"):
        explain("grad_cam", any_head("tanh"), images_of(16))


@pytest.mark.parametrize("method", ["guided_grad_cam", "smooth_grad"])
def test_gradients_on_another_backend_are_one_sentence(method, explain, build_network, images_of, monkeypatch):
    monkeypatch.setattr("cxr.visualization.methods.gradients.backend_name", lambda: "jax")
    with pytest.raises(UserError, match=f'"{method}" of this network takes gradients, which need TensorFlow.* on jax'):
        explain(method, build_network("tiny"), images_of(32))


def test_every_method_of_the_config_is_there():
    assert Heatmaps.model_json_schema()["properties"]["method"]["enum"] == list(METHODS)
