import keras
import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit, softmax

from cxr.classification.losses.asymmetric import AsymmetricLoss
from cxr.classification.losses.bce import MaskedBce
from cxr.classification.losses.first_answer import first_logits
from cxr.classification.losses.focal import FocalLoss
from cxr.classification.losses.softmax import MaskedCce
from cxr.classification.losses.weighted_bce import WeightedBce
from cxr.classification.losses.wmw_auc import WmwAucLoss
from cxr.classification.networks.first_weights import begin_at

TARGETS = np.zeros((400, 3), np.float32)
TARGETS[:40, 0] = 1
TARGETS[:200, 1] = 1
TARGETS[:8, 2] = 1
TARGETS[100:200, 2] = np.nan


def test_the_log_odds_of_the_known_labels():
    np.testing.assert_allclose(first_logits(MaskedBce(), TARGETS), logit([0.1, 0.5, 8 / 300]), atol=0.06)


def test_even_odds_where_presence_and_absence_weigh_the_same():
    loss = WeightedBce([9, 1, 292 / 8], [1, 1, 1])
    np.testing.assert_allclose(first_logits(loss, TARGETS), 0, atol=0.07)


@pytest.mark.parametrize(
    "loss", [MaskedBce(0.1), FocalLoss(), FocalLoss(alpha=None), AsymmetricLoss(), WeightedBce([2, 1, 5], [1, 3, 1])]
)
def test_no_other_single_answer_costs_less(loss):
    found = first_logits(loss, TARGETS)

    def cost(z, finding):
        answers = expit(found)
        answers[finding] = expit(z)
        return float(np.mean(loss.call(TARGETS, np.tile(answers, (len(TARGETS), 1)).astype(np.float32))))

    for finding in range(3):
        best = minimize_scalar(cost, bounds=(-8, 8), args=(finding,), method="bounded")
        assert cost(found[finding], finding) <= best.fun + 1e-4
        assert cost(0.0, finding) >= cost(found[finding], finding) - 1e-4


def test_a_finding_of_no_image_or_of_all_begins_at_a_number():
    targets = np.stack([np.zeros(99), np.ones(99), np.full(99, np.nan)], axis=1)
    np.testing.assert_allclose(first_logits(MaskedBce(), targets), [-5.29, 5.29, 0], atol=0.01)


def test_shares_of_images_with_exactly_one_finding():
    targets = np.eye(3)[[0] * 70 + [1] * 20 + [2] * 10]
    found = first_logits(MaskedCce(), targets)
    np.testing.assert_allclose(softmax(found), [0.7, 0.2, 0.1], atol=0.01)


def test_a_loss_of_order_begins_at_even_odds():
    assert not first_logits(WmwAucLoss(), TARGETS).any()


def test_a_head_that_has_learnt_keeps_its_bias():
    image = keras.Input((4,))
    model = keras.Model(image, keras.layers.Dense(3, activation="sigmoid", name="findings")(image))
    begin_at(model, np.array([-2.0, 0.0, 1.0]))
    answers = model.predict(np.zeros((1, 4)), verbose=0)
    np.testing.assert_allclose(answers[0], expit([-2.0, 0.0, 1.0]), rtol=1e-5)
    begin_at(model, np.array([3.0, 3.0, 3.0]))
    np.testing.assert_allclose(model.predict(np.zeros((1, 4)), verbose=0), answers)
