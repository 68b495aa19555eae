import keras
import numpy as np
import pytest
from keras import layers

from cxr.classification.networks.classifier import build_classifier
from cxr.classification.networks.registry import NETWORKS, backbone_of
from cxr.config.errors import UserError
from cxr.config.member import Member


@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_is_one_flat_graph_with_the_agreed_layers(network, built, smallest_px):
    model, size = built(network), smallest_px(network)
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    assert model.name == network
    assert model.input.name == "image"
    assert model.input_shape == (None, size, size, 1)
    features, pooling = model.get_layer("features"), model.get_layer("pooling")
    assert len(features.output.shape) == 4
    assert isinstance(pooling, layers.GlobalAveragePooling2D)
    assert pooling.input is features.output
    assert model.get_layer("dropout").rate == 0.3
    assert model.output is model.get_layer("findings").output
    assert model.output_shape == (None, 3)


@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_answers_with_probabilities(network, built, smallest_px):
    size = smallest_px(network)
    images = np.random.default_rng(0).uniform(0, 255, (2, size, size, 1)).astype(np.float32)
    found = keras.ops.convert_to_numpy(built(network)(images, training=False))
    assert found.shape == (2, 3)
    assert ((found >= 0) & (found <= 1)).all()
    assert np.isfinite(found).all()


@pytest.mark.parametrize("network", NETWORKS)
def test_batch_norm_without_pretrained_weights_follows_quickly(network, built):
    norms = [layer for layer in built(network).layers if isinstance(layer, layers.BatchNormalization)]
    assert norms
    assert {layer.momentum for layer in norms} == {0.9}


@pytest.mark.parametrize("network", NETWORKS)
def test_every_weight_lies_between_image_and_findings(network, built):
    model = built(network)
    assert model.count_params() == sum(layer.count_params() for layer in model.layers)
    assert all(layer.trainable for layer in model.layers)


def test_a_saved_network_answers_bit_by_bit_as_before(tmp_path):
    model = build_classifier(Member(network="tiny", image_px=32, normalization="per_image"), 4)
    random = np.random.default_rng(1)
    model.set_weights([w + random.uniform(0, 0.1, w.shape).astype(w.dtype) for w in model.get_weights()])
    images = random.uniform(0, 255, (5, 32, 32, 1)).astype(np.float32)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), model.predict(images, verbose=0))
    assert loaded.get_layer("norm0").momentum == 0.9


@pytest.mark.parametrize(
    ("network", "image_px"),
    [("densenet169", 31), ("inception_v3", 74), ("xception", 70), ("efficientnet_b0", 31), ("efficientnet_v2_b0", 31)],
)
def test_an_image_too_small_for_the_network_is_one_sentence(network, image_px):
    with pytest.raises(UserError, match=f"image_px {image_px} does not suit {network}: .*at least") as raised:
        build_classifier(Member(network=network, image_px=image_px), 3)
    assert "\n" not in str(raised.value)


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No network and no weights that were downloaded before."""
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path / "keras"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")


@pytest.mark.parametrize("network", ["efficientnet_b0", "xception"])
def test_pretrained_weights_without_a_network_are_one_sentence(network, offline):
    with pytest.raises(UserError, match=f'{network}: "weights": "imagenet" could not be downloaded') as raised:
        build_classifier(Member(network=network, image_px=96, weights="imagenet"), 3)
    assert '"weights": null' in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_sentence_says_which_file_is_wanted_where(offline, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"fetch efficientnetb0_notop\.h5 elsewhere, and put it into") as raised:
        build_classifier(Member(network="efficientnet_b0", image_px=96, weights="imagenet"), 3)
    assert str(tmp_path / "models") in str(raised.value)


@pytest.mark.parametrize("network", ["tiny", "resnet50"])
def test_networks_that_keras_has_no_weights_of_say_so(network):
    with pytest.raises(UserError, match=f'network {network} has no imagenet weights; use "weights": null'):
        build_classifier(Member(network=network, image_px=32, weights="imagenet"), 3)


def test_a_mistake_of_the_program_is_not_called_a_mistake_of_the_user(monkeypatch):
    def broken(rgb, normalization, weights):
        raise ValueError("the kernel is upside down")

    monkeypatch.setattr("cxr.classification.networks.tiny.tiny", broken)
    with pytest.raises(ValueError, match="upside down"):
        build_classifier(Member(network="tiny", image_px=32), 3)


def test_the_registry_finds_a_builder_for_every_name():
    for network in NETWORKS:
        assert backbone_of(network).__name__ == network
        assert callable(backbone_of(network))
