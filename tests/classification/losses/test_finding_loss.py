"""Every loss that may be chosen against its formula, one label at a time, and what all of them promise."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from cxr.classification.losses.asymmetric import AsymmetricLoss
from cxr.classification.losses.bce import MaskedBce
from cxr.classification.losses.focal import FocalLoss
from cxr.classification.losses.softmax import MaskedCce
from cxr.classification.losses.weighted_bce import WeightedBce
from cxr.classification.losses.wmw_auc import WmwAucLoss

NAN = np.nan
POSITIVE, NEGATIVE = [0.9, 12.0, 1.0, 3.5], [0.1, 1.0, 1.0, 0.25]


def focal(gamma, positive, negative):
    return (
        lambda p, k: -positive * (1 - p) ** gamma * math.log(p),
        lambda p, k: -negative * p**gamma * math.log(1 - p),
    )


def asymmetric(gamma_neg, gamma_pos, margin):
    def absent(p, k):
        shifted = max(p - margin, 0)
        return -(shifted**gamma_neg) * math.log(1 - shifted)

    return lambda p, k: -((1 - p) ** gamma_pos) * math.log(p), absent


# Name -> the loss of the first K findings, and its formula of a finding that is present and of one that is absent.
EACH = {
    "bce": (lambda k, s=0.0: MaskedBce(s), (lambda p, k: -math.log(p), lambda p, k: -math.log(1 - p))),
    "weighted": (
        lambda k, s=0.0: WeightedBce(POSITIVE[:k], NEGATIVE[:k], s),
        (lambda p, k: -POSITIVE[k] * math.log(p), lambda p, k: -NEGATIVE[k] * math.log(1 - p)),
    ),
    "focal": (lambda k, s=0.0: FocalLoss(2.0, 0.25, s), focal(2, 0.25, 0.75)),
    "focal without weights": (lambda k, s=0.0: FocalLoss(0.5, None, s), focal(0.5, 1, 1)),
    "asymmetric": (lambda k, s=0.0: AsymmetricLoss(4.0, 1.0, 0.05, s), asymmetric(4, 1, 0.05)),
    "asymmetric, small exponents": (lambda k, s=0.0: AsymmetricLoss(0.5, 0.0, 0.2, s), asymmetric(0.5, 0, 0.2)),
}
ALL = {**{name: make for name, (make, _) in EACH.items()}, "wmw_auc": lambda k: WmwAucLoss(),
       "softmax": lambda k: MaskedCce()}  # fmt: skip
each = pytest.mark.parametrize("name", EACH)
every = pytest.mark.parametrize("name", ALL)

SHAPES = array_shapes(min_dims=2, max_dims=2, max_side=4)
LABELS = st.sampled_from([0.0, 1.0, 0.3, 0.85, NAN])
ANY = st.floats(0, 1, width=32)
SMOOTH = st.floats(0.125, 0.875, width=32).filter(lambda p: abs(p - 0.2) > 0.02)  # away from the margin's corner
CERTAIN = st.sampled_from([0.0, 1.0, 0.5, 2**-10, 1 - 2**-11])


@st.composite
def batches(draw, probabilities):
    shape = draw(SHAPES)
    return draw(arrays(np.float32, shape, elements=LABELS)), draw(arrays(np.float32, shape, elements=probabilities))


def oracle(name, labels, probabilities, smoothing=0.0):
    """Sum over the known labels, one by one, of what presence and absence cost, over N K."""
    of_present, of_absent = EACH[name][1]
    total = 0.0
    for label_row, row in zip(labels.tolist(), probabilities.tolist(), strict=True):
        for k, (label, p) in enumerate(zip(label_row, row, strict=True)):
            if not math.isnan(label):
                p = min(max(p, float(np.float32(1e-7))), float(np.float32(1 - 1e-7)))
                label = label * (1 - smoothing) + smoothing / 2
                total += label * of_present(p, k) + (1 - label) * of_absent(p, k)
    return total / labels.size


def with_gradient(loss, labels, probabilities, dtype=tf.float32):
    p = tf.constant(probabilities, dtype)
    with tf.GradientTape() as tape:
        tape.watch(p)
        value = loss(tf.constant(labels, tf.float32), p)
    return float(value), tape.gradient(value, p).numpy()


@each
@settings(deadline=None, max_examples=20)
@given(batch=batches(ANY), smoothing=st.sampled_from([0.0, 0.1]))
def test_it_is_the_formula_over_the_known_labels(name, batch, smoothing):
    labels, probabilities = batch
    found = float(EACH[name][0](labels.shape[1], smoothing)(labels, probabilities))
    assert found == pytest.approx(oracle(name, labels, probabilities, smoothing), rel=1e-4, abs=1e-6)


@each
@settings(deadline=None, max_examples=15)
@given(batch=batches(SMOOTH))
def test_its_gradient_is_that_of_the_formula(name, batch):
    labels, probabilities = batch
    _, found = with_gradient(EACH[name][0](labels.shape[1]), labels, probabilities)
    step, exact = 1e-6, probabilities.astype(np.float64)
    for place in np.ndindex(labels.shape):
        change = np.zeros(labels.shape)
        change[place] = step
        slope = (oracle(name, labels, exact + change) - oracle(name, labels, exact - change)) / (2 * step)
        assert found[place] == pytest.approx(slope, rel=2e-3, abs=1e-4)


@every
@settings(deadline=None, max_examples=20)
@given(batch=batches(CERTAIN), half=st.booleans())
def test_it_is_finite_where_the_network_is_certain(name, batch, half):
    labels, probabilities = batch
    if name == "softmax":
        labels = np.where(np.isnan(labels).any(axis=1, keepdims=True), NAN, labels)
    dtype = tf.float16 if half else tf.float32
    value, gradient = with_gradient(ALL[name](labels.shape[1]), labels, probabilities, dtype)
    assert math.isfinite(value)
    assert value >= -1e-6
    assert np.isfinite(gradient).all()
    assert (gradient[np.isnan(labels)] == 0).all()


@every
def test_a_half_precision_network_has_the_loss_of_its_numbers_in_full_precision(name):
    labels = np.array([[1, 0, 0], [0, 0, 1]], np.float32)
    halves = np.array([[0.7, 0.2, 0.1], [0.9995, 1e-4, 1e-4]], np.float16)
    loss = ALL[name](3)
    expected = keras.ops.convert_to_numpy(loss.call(labels, halves.astype(np.float32)))
    found = keras.ops.convert_to_numpy(loss.call(labels, halves))  # without the cast of keras.losses.Loss
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


def of_finding(name, k):
    """The loss of finding k by itself."""
    return WeightedBce(POSITIVE[k : k + 1], NEGATIVE[k : k + 1]) if name == "weighted" else ALL[name](1)


@pytest.mark.parametrize("name", [*EACH, "wmw_auc"])
@settings(deadline=None, max_examples=20)
@given(batch=batches(ANY))
def test_unknown_labels_count_as_if_they_were_not_there(name, batch):
    """The loss is the mean over the findings of that of the images whose label is known, where it is a mean over
    images weighted by how many these are."""
    labels, probabilities = batch
    known, total = ~np.isnan(labels), 0.0
    for k in range(labels.shape[1]):
        rows = known[:, k]
        if rows.any():
            alone = float(of_finding(name, k)(labels[rows, k : k + 1], probabilities[rows, k : k + 1]))
            total += alone * (1 if name == "wmw_auc" else rows.mean())
    assert float(ALL[name](labels.shape[1])(labels, probabilities)) == pytest.approx(
        total / labels.shape[1], rel=1e-4, abs=1e-6
    )


@each
def test_a_soft_label_costs_what_its_draws_cost_on_average(name):
    make = EACH[name][0]
    p = np.array([[0.3, 0.8, 0.6, 0.1]], np.float32)
    present, absent = (float(make(4)(np.full((1, 4), label, np.float32), p)) for label in (1, 0))
    found = float(make(4)(np.full((1, 4), 0.7, np.float32), p))
    assert found == pytest.approx(0.7 * present + 0.3 * absent, rel=1e-5)


@every
def test_it_comes_back_from_its_configuration(name):
    labels = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    found = np.array([[0.5, 0.4, 0.1], [0.3, 0.2, 0.5]], np.float32)
    loss = ALL[name](3, 0.2) if name in EACH else ALL[name](3)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()
    assert float(again(labels, found)) == float(loss(labels, found)) > 0


def test_without_focus_and_weights_focal_and_asymmetric_are_the_cross_entropy():
    random = np.random.default_rng(3)
    labels, found = random.integers(0, 2, (9, 4)).astype(np.float32), random.uniform(0.01, 0.99, (9, 4))
    expected = float(MaskedBce()(labels, found))
    assert float(FocalLoss(0.0, None)(labels, found)) == pytest.approx(expected, rel=1e-5)
    assert float(AsymmetricLoss(0.0, 0.0, 0.0)(labels, found)) == pytest.approx(expected, rel=1e-5)
    assert float(WeightedBce(np.ones(4), np.ones(4))(labels, found)) == pytest.approx(expected, rel=1e-6)


def test_an_absent_finding_below_the_margin_teaches_nothing():
    labels, found = np.zeros((1, 2), np.float32), np.array([[0.04, 0.06]], np.float32)
    value, gradient = with_gradient(AsymmetricLoss(1.0, 0.0, 0.05), labels, found)
    assert gradient[0, 0] == 0 < gradient[0, 1]
    assert value == pytest.approx(-0.01 * math.log(0.99) / 2, rel=1e-3)


def test_at_the_margin_itself_a_small_exponent_has_a_finite_gradient():
    """There q is 0, and the slope of q^0.5 infinite."""
    value, gradient = with_gradient(AsymmetricLoss(0.5, 0.0, 0.5), np.zeros((1, 2), np.float32), [[0.5, 0.4]])
    assert value == pytest.approx(0, abs=1e-9)
    assert (gradient == 0).all()
