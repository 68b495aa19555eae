import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import log_loss

from cxr.classification.losses.bce import MaskedBce, masked_bce

NAN = np.nan
LABELS = arrays(np.float32, (5, 3), elements=st.sampled_from([0.0, 1.0, NAN]))
PROBABILITIES = arrays(np.float32, (5, 3), elements=st.floats(0, 1, width=32))


def oracle(labels, probabilities):
    """Mean over all places of the cross-entropy, 0 where the label is unknown; one place at a time."""
    total = 0.0
    for label, p in zip(labels.ravel().tolist(), probabilities.ravel().tolist(), strict=True):
        p = min(max(p, 1e-7), 1 - 1e-7)
        if label == label:
            total -= np.log(p) if label == 1 else np.log(1 - p)
    return total / labels.size


@settings(deadline=None)
@given(LABELS, PROBABILITIES)
def test_only_known_labels_count(labels, probabilities):
    expected = oracle(labels, probabilities)
    assert masked_bce(labels, probabilities) == pytest.approx(expected, rel=1e-6, abs=1e-9)
    # float32 ends at 1 - 1.2e-7: a certain mistake costs up to 0.18 less than in float64
    assert float(MaskedBce()(labels, probabilities)) == pytest.approx(expected, rel=0.02, abs=1e-5)


def test_with_every_label_known_it_is_the_log_loss_of_scikit_learn():
    random = np.random.default_rng(1)
    labels, probabilities = random.integers(0, 2, (40, 3)), random.uniform(0.01, 0.99, (40, 3))
    expected = np.mean([log_loss(labels[:, k], probabilities[:, k]) for k in range(3)])
    assert float(MaskedBce()(labels.astype(np.float32), probabilities)) == pytest.approx(expected, rel=1e-5)
    assert masked_bce(labels.astype(np.float32), probabilities) == pytest.approx(expected, rel=1e-9)


def test_each_image_has_its_own_loss():
    labels = np.array([[1, 0], [1, NAN], [NAN, NAN]], np.float32)
    probabilities = np.full((3, 2), 0.5, np.float32)
    found = keras.ops.convert_to_numpy(MaskedBce(reduction=None)(labels, probabilities))
    np.testing.assert_allclose(found, [np.log(2), np.log(2) / 2, 0], rtol=1e-6)


def gradient(labels, probabilities):
    p = tf.constant(probabilities, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(p)
        loss = MaskedBce()(tf.constant(labels, tf.float32), p)
    return tape.gradient(loss, p).numpy()


@settings(deadline=None, max_examples=50)
@given(LABELS, PROBABILITIES)
def test_unknown_labels_have_no_gradient_and_no_gradient_is_infinite(labels, probabilities):
    found = gradient(labels, probabilities)
    assert np.isfinite(found).all()
    assert (found[np.isnan(labels)] == 0).all()


def test_the_gradient_is_that_of_the_cross_entropy():
    labels = np.array([[1.0, 0.0, NAN], [0.0, 1.0, 1.0]])
    probabilities = np.array([[0.3, 0.6, 0.9], [0.2, 0.7, 0.4]])
    expected = np.where(np.isnan(labels), 0, (probabilities - labels) / (probabilities * (1 - probabilities)) / 6)
    np.testing.assert_allclose(gradient(labels, probabilities), expected, rtol=1e-5)


@pytest.mark.parametrize("certain", [0.0, 1.0])
def test_certainty_has_a_finite_loss_and_gradient(certain):
    labels, probabilities = np.array([[1.0, 0.0, NAN]]), np.full((1, 3), certain)
    assert np.isfinite(float(MaskedBce()(labels.astype(np.float32), probabilities.astype(np.float32))))
    assert np.isfinite(masked_bce(labels, probabilities))
    assert np.isfinite(gradient(labels, probabilities)).all()
