import keras
import numpy as np
from keras import layers

from cxr.classification.networks import classifier
from cxr.classification.networks.classifier import build_classifier
from cxr.classification.networks.from_scratch import ready_from_scratch
from cxr.config.member import Member


def test_a_shortcut_that_is_a_convolution_keeps_both_branches():
    image = keras.Input((8, 8, 2))
    branch = layers.BatchNormalization(name="branch")(layers.Conv2D(4, 3, padding="same")(image))
    shortcut = layers.BatchNormalization(name="shortcut")(layers.Conv2D(4, 1)(image))
    model = keras.Model(image, layers.Add()([branch, shortcut]))
    ready_from_scratch(model)
    for name in ("branch", "shortcut"):
        np.testing.assert_array_equal(model.get_layer(name).gamma, np.ones(4))
        assert model.get_layer(name).momentum == 0.9


def test_the_branch_is_found_behind_its_dropout_in_either_order():
    image = keras.Input((8, 8, 4))
    start = layers.Activation("relu")(image)
    branch = layers.BatchNormalization(name="last")(layers.Conv2D(4, 3, padding="same")(start))
    x = layers.Add()([layers.Dropout(0.2)(branch), start])
    model = keras.Model(image, layers.BatchNormalization(name="after")(x))
    ready_from_scratch(model)
    np.testing.assert_array_equal(model.get_layer("last").gamma, np.zeros(4))
    np.testing.assert_array_equal(model.get_layer("after").gamma, np.ones(4))


def test_branches_that_end_on_a_convolution_begin_as_published():
    """A scale of 0 before their activation would let nothing through, in either direction, for ever."""
    image = keras.Input((8, 8, 4))
    start = layers.Activation("relu")(image)
    branch = layers.ReLU()(layers.BatchNormalization(name="before")(layers.Conv2D(4, 3, padding="same")(start)))
    model = keras.Model(image, layers.Add()([start, layers.Conv2D(4, 1, name="last")(branch)]))
    ready_from_scratch(model)
    np.testing.assert_array_equal(model.get_layer("before").gamma, np.ones(4))
    assert np.asarray(model.get_layer("last").kernel).any()


def test_windows_on_coarse_maps_begin_at_their_own_place():
    image = keras.Input((128, 128, 3))
    fine = layers.AveragePooling2D(8)(image)
    fine = layers.DepthwiseConv2D(5, padding="same", use_bias=False, name="fine")(fine)
    coarse = layers.AveragePooling2D(2)(fine)
    coarse = layers.DepthwiseConv2D(5, padding="same", use_bias=False, name="coarse")(coarse)
    coarse = layers.DepthwiseConv2D(1, name="scale")(coarse)
    model = keras.Model(image, layers.Conv2D(4, 3, padding="same", name="across")(coarse))
    before = {layer.name: layer.get_weights() for layer in model.layers}
    ready_from_scratch(model)
    for name in ("fine", "scale", "across"):
        np.testing.assert_array_equal(model.get_layer(name).get_weights()[0], before[name][0])
    kernel, random = model.get_layer("coarse").get_weights()[0] / 0.2, before["coarse"][0]
    np.testing.assert_allclose(kernel[2, 2], random[2, 2] + 1, atol=1e-6)
    kernel[2, 2] = random[2, 2]
    np.testing.assert_allclose(kernel, random, atol=1e-6)


def spread(model: keras.Model) -> float:
    """Share of what a patch in one corner changes in the features that lies in the other half of their map."""
    image = np.random.default_rng(0).uniform(0, 255, (1, 128, 128, 1)).astype(np.float32)
    patched = image.copy()
    patched[:, 16:32, 16:32] = 255
    features = keras.Model(model.input, model.get_layer("features").output)
    change = np.abs(features(patched, training=False) - features(image, training=False)).sum(axis=(0, 3))
    return float(change[:, 4:].sum() / change.sum())


def test_evidence_begins_where_it_is_in_efficientnet(monkeypatch):
    keras.utils.set_random_seed(0)
    member = Member(network="efficientnet_b0", image_px=128, last_stride=1)
    ready = build_classifier(member, 2)
    monkeypatch.setattr(classifier, "ready_from_scratch", lambda model: None)
    as_keras_makes_it = build_classifier(member, 2)
    assert spread(ready) < 0.7 * spread(as_keras_makes_it)
