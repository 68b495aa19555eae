"""The Wilcoxon-Mann-Whitney loss, pair by pair."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from sklearn.metrics import roc_auc_score

from cxr.classification.losses.wmw_auc import WmwAucLoss

NAN = np.nan
SHAPES = array_shapes(min_dims=2, max_dims=2, max_side=6)
LABELS = st.sampled_from([0.0, 1.0, 0.2, 0.5, 0.7, NAN])


@st.composite
def batches(draw):
    shape = draw(SHAPES)
    scores = arrays(np.float32, shape, elements=st.floats(0, 1, width=32))
    return draw(arrays(np.float32, shape, elements=LABELS)), draw(scores)


def of_finding(labels, scores, gamma, p):
    """Mean cost of the pairs of one finding, 0 without any."""
    present, absent = scores[labels > 0.5].tolist(), scores[labels < 0.5].tolist()
    costs = [(gamma - (x - y)) ** p if x - y < gamma else 0.0 for x in present for y in absent]
    return np.mean(costs) if costs else 0.0


def oracle(labels, scores, gamma, p):
    return np.mean([of_finding(*columns, gamma, p) for columns in zip(labels.T, scores.T, strict=True)])


@settings(deadline=None, max_examples=100)
@given(batch=batches(), gamma=st.sampled_from([0.2, 0.7]), p=st.sampled_from([1.5, 2.0, 3.0]))
def test_it_is_the_mean_over_findings_of_the_mean_over_pairs(batch, gamma, p):
    labels, scores = batch
    expected = oracle(labels, scores.astype(np.float64), gamma, p)
    assert float(WmwAucLoss(gamma, p)(labels, scores)) == pytest.approx(expected, rel=1e-4, abs=1e-6)
    for_each = np.asarray(WmwAucLoss(gamma, p, reduction=None)(labels, scores))
    np.testing.assert_allclose(for_each, np.full(len(labels), expected), rtol=1e-4, atol=1e-6)


@settings(deadline=None, max_examples=25)
@given(batch=batches(), p=st.sampled_from([1.5, 3.0]))
def test_its_gradient_is_that_of_the_pairs(batch, p):
    labels, scores = batch
    given_scores = tf.constant(scores)
    with tf.GradientTape() as tape:
        tape.watch(given_scores)
        loss = WmwAucLoss(0.3, p)(tf.constant(labels), given_scores)
    found, exact, step = tape.gradient(loss, given_scores).numpy(), scores.astype(np.float64), 1e-6
    assert (found[np.isnan(labels) | (labels == 0.5)] == 0).all()
    for place in np.ndindex(labels.shape):
        change = np.zeros(labels.shape)
        change[place] = step
        slope = oracle(labels, exact + change, 0.3, p) - oracle(labels, exact - change, 0.3, p)
        assert found[place] == pytest.approx(slope / (2 * step), rel=2e-3, abs=1e-3)


def test_a_wide_margin_and_a_steep_power_count_the_pairs_in_the_wrong_order():
    """With scores of 0 and 1 alone and gamma 1 a pair in the right order costs 0, a tie 1, a wrong one 2^p."""
    random = np.random.default_rng(1)
    labels, scores = random.integers(0, 2, 60), random.integers(0, 2, 60)
    right = np.mean([x > y for x in scores[labels == 1] for y in scores[labels == 0]])
    ties = np.mean([x == y for x in scores[labels == 1] for y in scores[labels == 0]])
    assert right + ties / 2 == pytest.approx(roc_auc_score(labels, scores))
    found = float(WmwAucLoss(1.0, 2.0)(labels[:, None].astype(np.float32), scores[:, None].astype(np.float32)))
    assert found == pytest.approx(ties + 4 * (1 - right - ties), rel=1e-5)


def test_findings_that_all_images_of_the_batch_have_or_none_give_nothing():
    labels = np.array([[1, 0, NAN, 1], [1, 0, NAN, 0]], np.float32)
    scores = tf.constant([[0.3, 0.6, 0.2, 0.4], [0.8, 0.1, 0.7, 0.6]])
    with tf.GradientTape() as tape:
        tape.watch(scores)
        loss = WmwAucLoss(0.2, 2.0)(tf.constant(labels), scores)
    gradient = tape.gradient(loss, scores).numpy()
    assert float(loss) == pytest.approx(0.4**2 / 4, rel=1e-5)
    assert (gradient[:, :3] == 0).all()
    np.testing.assert_allclose(gradient[:, 3], [-2 * 0.4 / 4, 2 * 0.4 / 4], rtol=1e-5)
