"""Log-sum-exp and PCAM against numpy, and as OpenVINO runs them."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logsumexp

from cxr.classification.networks.classifier import build_classifier
from cxr.classification.networks.pooling import GlobalLogSumExpPooling2D, PcamDense
from cxr.config.member import Member
from cxr.engines.openvino_engine import OpenVinoEngine, export_openvino
from cxr.visualization.methods.grad_cam import with_maps

MAPS = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).normal(0, 2, (2, 3, 5, 4)))


@settings(max_examples=20, deadline=None)
@given(MAPS, st.sampled_from([0.1, 1.0, 10.0, 100.0]))
def test_log_sum_exp_is_that_of_each_channel(features, sharpness):
    found = GlobalLogSumExpPooling2D(sharpness)(features.astype(np.float32))
    expected = (logsumexp(sharpness * features, axis=(1, 2)) - np.log(15)) / sharpness
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert (np.asarray(found) <= features.max(axis=(1, 2)) + 1e-4).all()
    assert (np.asarray(found) >= features.mean(axis=(1, 2)) - 1e-4).all()


@settings(max_examples=20, deadline=None)
@given(MAPS, st.integers(0, 2**32 - 1))
def test_pcam_classifies_the_mean_of_features_weighted_by_probability(features, seed):
    random = np.random.default_rng(seed)
    kernel, bias = random.normal(size=(4, 3)), random.normal(size=3)
    head = PcamDense(3, activation="sigmoid")
    head.build((None, 3, 5, 4))
    head.set_weights([kernel, bias])
    p = expit(features @ kernel + bias)  # (2, 3, 5, 3)
    weights = p / p.sum(axis=(1, 2), keepdims=True)
    pooled = np.einsum("nhwk,nhwc->nkc", weights, features)
    expected = expit(np.einsum("nkc,ck->nk", pooled, kernel) + bias)
    np.testing.assert_allclose(head(features.astype(np.float32)), expected, atol=1e-5)


@pytest.mark.parametrize("pooling", ["max", "lse", "pcam"])
def test_openvino_answers_as_keras_does(pooling, tmp_path):
    keras.utils.set_random_seed(5)
    member = Member(network="tiny", image_px=32, pooling=pooling, squeeze_excitation=4)
    model = with_maps(build_classifier(member, 3))
    images = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 1)).astype(np.float32)
    found = OpenVinoEngine(export_openvino(model, tmp_path)).run(images)
    for ours, theirs in zip(found, model(images, training=False), strict=True):
        theirs = keras.ops.convert_to_numpy(theirs)
        assert theirs.std() > 1e-3
        np.testing.assert_allclose(ours, theirs, atol=1e-4 * max(1, np.abs(theirs).max()))
