import keras
import numpy as np
import pytest

from cxr.classification.networks.classifier import build_classifier
from cxr.classification.networks.registry import NETWORKS
from cxr.config.errors import UserError
from cxr.config.member import Member


def test_a_saved_network_answers_bit_by_bit_as_before(tmp_path):
    model = build_classifier(Member(network="tiny", image_px=32, normalization="per_image"), 4)
    random = np.random.default_rng(1)
    model.set_weights([w + random.uniform(0, 0.1, w.shape).astype(w.dtype) for w in model.get_weights()])
    images = random.uniform(0, 255, (5, 32, 32, 1)).astype(np.float32)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), model.predict(images, verbose=0))
    assert loaded.get_layer("norm0").momentum == 0.9


@pytest.mark.parametrize(("network", "least_px"), [("densenet169", 32), ("inception_v3", 75), ("xception", 71)])
def test_an_image_too_small_for_the_network_is_one_sentence(network, least_px):
    with pytest.raises(
        UserError, match=f"image_px {least_px - 1} is too small for {network}; .* at least {least_px} px"
    ):
        build_classifier(Member(network=network, image_px=least_px - 1), 3)


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
        build_classifier(
            Member(network=network, image_px=96, weights="imagenet", normalization=NETWORKS[network].imagenet), 3
        )
    assert '"weights": null' in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_sentence_says_which_file_is_wanted_where(offline, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"fetch efficientnetb0_notop\.h5 elsewhere, and put it into") as raised:
        build_classifier(Member(network="efficientnet_b0", image_px=96, weights="imagenet"), 3)
    assert str(tmp_path / "models") in str(raised.value)


@pytest.mark.parametrize("network", ["tiny", "resnet50"])
def test_networks_that_keras_has_no_weights_of_say_so(network):
    with pytest.raises(UserError, match=f'network {network} has no ImageNet weights; use "weights": null'):
        build_classifier(Member(network=network, image_px=32, weights="imagenet"), 3)


def test_a_mistake_of_the_program_is_not_called_a_mistake_of_the_user(monkeypatch):
    def broken(rgb, normalization, weights):
        raise ValueError("the kernel is upside down")

    monkeypatch.setattr("cxr.classification.networks.tiny.tiny", broken)
    with pytest.raises(ValueError, match="upside down"):
        build_classifier(Member(network="tiny", image_px=32), 3)


@pytest.mark.parametrize(
    ("pooling", "single"), [("avg", True), ("max", False), ("lse", False), ("pcam", False), ("pcam", True)]
)
def test_every_pooling_trains_and_is_saved(pooling, single, tmp_path):
    keras.utils.set_random_seed(3)
    model = build_classifier(Member(network="tiny", image_px=32, pooling=pooling, squeeze_excitation=8), 4, single)
    random = np.random.default_rng(2)
    images = random.uniform(0, 255, (6, 32, 32, 1)).astype(np.float32)
    model.compile(optimizer="adam", loss="categorical_crossentropy" if single else "binary_crossentropy")
    losses = [model.train_on_batch(images, np.eye(4, dtype=np.float32)[[0, 1, 2, 3, 0, 1]]) for _ in range(12)]
    assert losses[-1] < losses[0]
    found = model.predict_on_batch(images)
    assert ((found > 0) & (found < 1)).all()
    assert not single or found.sum(axis=1) == pytest.approx(1, abs=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict_on_batch(images), found)


def test_squeeze_and_excitation_weights_channels_before_the_features():
    model = build_classifier(Member(network="tiny", image_px=32, squeeze_excitation=16), 3)
    block, weights = model.get_layer("squeeze_excitation"), model.get_layer("squeeze_excitation_weights")
    assert block.output is model.get_layer("features").input
    assert model.get_layer("squeeze_excitation_reduce").units == 64 // 16
    images = np.random.default_rng(1).uniform(0, 255, (2, 32, 32, 1))
    before, by, after = keras.Model(model.input, [block.input[0], weights.output, block.output])(images)
    assert by.shape == (2, 1, 1, 64)
    np.testing.assert_allclose(after, before * by, rtol=1e-5)
