import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import log_loss

from cxr.classification.losses.softmax import MaskedCce, masked_cce

NAN = np.nan


def test_of_one_finding_per_image_it_is_the_log_loss_of_scikit_learn():
    random = np.random.default_rng(1)
    classes = random.integers(0, 4, 50)
    probabilities = random.dirichlet(np.ones(4), 50)
    labels = np.eye(4, dtype=np.float32)[classes]
    expected = log_loss(classes, probabilities, labels=range(4))
    assert float(MaskedCce()(labels, probabilities)) == pytest.approx(expected, rel=1e-5)
    assert masked_cce(labels, probabilities) == pytest.approx(expected, rel=1e-9)


def test_images_that_are_left_out_give_neither_loss_nor_gradient():
    labels = np.array([[1, 0], [NAN, NAN]], np.float32)
    probabilities = tf.constant([[0.5, 0.5], [0.9, 0.1]])
    with tf.GradientTape() as tape:
        tape.watch(probabilities)
        losses = MaskedCce(reduction=None)(tf.constant(labels), probabilities)
    np.testing.assert_allclose(losses, [np.log(2), 0], rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(losses, probabilities), [[-2, 0], [0, 0]], rtol=1e-6)
    assert masked_cce(labels, probabilities.numpy()) == pytest.approx(np.log(2) / 2)


def test_smoothing_gives_every_finding_its_share():
    labels = np.array([[1, 0, 0, 0], [NAN] * 4], np.float32)
    probabilities = np.array([[0.4, 0.3, 0.2, 0.1], [0.25] * 4], np.float32)
    smoothed = [0.9 + 0.1 / 4, 0.1 / 4, 0.1 / 4, 0.1 / 4]
    expected = -np.dot(smoothed, np.log([0.4, 0.3, 0.2, 0.1]))
    np.testing.assert_allclose(MaskedCce(0.1, reduction=None)(labels, probabilities), [expected, 0], rtol=1e-6)


def test_a_mixture_of_two_images_costs_the_mixture():
    two, found = np.eye(3, dtype=np.float32)[:2], np.array([[0.5, 0.3, 0.2]], np.float32)
    loss = MaskedCce()
    mixed = float(loss(0.7 * two[:1] + 0.3 * two[1:], found))
    assert mixed == pytest.approx(0.7 * float(loss(two[:1], found)) + 0.3 * float(loss(two[1:], found)), rel=1e-5)
