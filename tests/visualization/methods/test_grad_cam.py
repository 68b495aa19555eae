import keras
import numpy as np
import pytest
from keras import layers

from cxr.classification.networks.classifier import build_classifier
from cxr.classification.networks.pooling import PcamDense
from cxr.config.errors import UserError
from cxr.config.member import Member
from cxr.visualization.heat import normalize_maps
from cxr.visualization.methods.grad_cam import with_maps

FINDINGS = 4
SIZE = 40


def answers(network, images):
    """The outputs of a network in numpy."""
    outputs = network(images, training=False)
    return [y.numpy() for y in outputs] if isinstance(outputs, list) else outputs.numpy()


@pytest.fixture(scope="module")
def images():
    images = np.random.default_rng(6).uniform(0, 255, (5, SIZE, SIZE, 1)).astype(np.float32)
    images[0, : SIZE // 2] = 0
    images[1, :, : SIZE // 2] = 255
    return images


@pytest.fixture(scope="module", params=["avg", "max", "lse", "pcam"])
def case(request, images):
    """A classifier with moved batch norms, five images for it, and how it pools."""
    keras.utils.set_random_seed(6)
    model = build_classifier(Member(network="tiny", image_px=SIZE, pooling=request.param), FINDINGS)
    random = np.random.default_rng(6)
    moved = [w + random.uniform(-0.2, 0.2, w.shape).astype(w.dtype) * (w.ndim == 1) for w in model.get_weights()]
    model.set_weights(moved)
    return model, images, request.param


def test_maps_are_grad_cam_by_gradient_for_every_finding(case, gradcam_by_gradient):
    model, images, pooling = case
    probabilities, raw = answers(with_maps(model), images)
    found = normalize_maps(raw)
    assert found.shape[-1] == FINDINGS
    assert found.std() > 0.1  # otherwise any two maps agree
    for k in range(FINDINGS):
        expected, expected_probabilities = gradcam_by_gradient(model, images, k, pooling)
        np.testing.assert_allclose(probabilities[:, k], expected_probabilities, atol=1e-5)
        np.testing.assert_allclose(found[..., k], expected, atol=2e-3)


def test_pcam_shows_what_speaks_for_a_finding_where_its_mean_gradient_turns(gradcam_by_gradient):
    """One sure place among many that are not: more of everything would lower the mean of their logits."""
    image = keras.Input((5, 5, 1))
    features = layers.Activation("linear", name="features")(image)
    model = keras.Model(image, PcamDense(1, activation="sigmoid", name="findings")(features))
    model.get_layer("findings").set_weights([np.array([[2.0]]), np.array([0.0])])
    sure = np.full((1, 5, 5, 1), -1.5, np.float32)
    sure[0, 1, 3] = 1.5
    spread = np.random.default_rng(1).uniform(0, 0.5, (1, 5, 5, 1)).astype(np.float32)
    for images, turned in ((sure, True), (spread, False)):
        logits = 2.0 * images.astype(np.float64)
        p = 1 / (1 + np.exp(-logits))
        q = p / p.sum()
        factor = 1 - (q * p * (logits - (q * logits).sum())).sum()
        assert (factor < 0) == turned
        to_the_letter, _ = gradcam_by_gradient(model, images, 0, "pcam")
        np.testing.assert_allclose(
            to_the_letter[..., None], normalize_maps(np.sign(factor) * logits), atol=1e-5
        )  # the factor's sign is all that may differ
        found = normalize_maps(answers(with_maps(model), images)[1])
        np.testing.assert_allclose(found, normalize_maps(logits), atol=1e-5)


def test_pcam_survives_logits_whose_probabilities_round_to_nothing():
    head = PcamDense(1, activation="sigmoid")
    head.build((None, 2, 2, 1))
    head.set_weights([np.array([[1.0]]), np.array([0.0])])
    for value in (-500.0, 500.0):
        assert np.isfinite(head(np.full((1, 2, 2, 1), value, np.float32))).all()


def test_probabilities_are_those_of_the_classifier(case):
    model, images, _ = case
    found, _ = answers(with_maps(model), images)
    np.testing.assert_allclose(found, answers(model, images), atol=1e-6)


def test_a_batch_gives_what_single_images_give(case):
    model, images, _ = case
    network = with_maps(model)
    _, together = answers(network, images)
    alone = np.concatenate([answers(network, images[i : i + 1])[1] for i in range(len(images))])
    np.testing.assert_allclose(together, alone, atol=1e-4 * np.abs(together).max())
    np.testing.assert_allclose(normalize_maps(together), normalize_maps(alone), atol=1e-3)


def test_the_classifier_itself_is_left_alone(case):
    model, images, _ = case
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
    ("changes", "reason"),
    [
        ({"features": "last"}, "model .* has no layer 'features' that gives a map"),
        ({"pool": layers.Flatten}, 'heatmaps.method: "grad_cam" is exact only where .* model .* ends otherwise'),
    ],
)
def test_a_model_of_another_build_has_no_exact_maps(changes, reason):
    assert with_maps(head()).output_shape == [(None, 2), (None, 14, 14, 2)]
    with pytest.raises(UserError, match=reason):
        with_maps(head(**changes))


def test_a_dense_layer_between_pooling_and_findings_is_no_linear_head():
    image = keras.Input((16, 16, 1))
    pooled = layers.GlobalAveragePooling2D(name="pooling")(layers.Conv2D(4, 3, name="features")(image))
    hidden = layers.Dense(4, activation="relu")(pooled)  # as wide as the map is deep: shapes alone would not tell
    model = keras.Model(image, layers.Dense(2, activation="sigmoid", name="findings")(hidden))
    with pytest.raises(UserError, match="ends otherwise"):
        with_maps(model)
