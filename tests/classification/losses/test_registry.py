"""Every loss that PARAMS.json can name is made with the keys it was given."""

from typing import get_args

import numpy as np
import pytest
from pydantic import TypeAdapter

from cxr.classification.losses.asymmetric import AsymmetricLoss
from cxr.classification.losses.bce import MaskedBce
from cxr.classification.losses.focal import FocalLoss
from cxr.classification.losses.registry import make_loss
from cxr.classification.losses.softmax import MaskedCce
from cxr.classification.losses.weighted_bce import WeightedBce
from cxr.classification.losses.wmw_auc import WmwAucLoss
from cxr.config.loss import Loss
from cxr.config.model import kinds_of

FINDINGS = ("Edema", "Mass")
TARGETS = np.array([[1, 0], [0, 0], [0, np.nan], [0, 0]], np.float32)
MADE = [
    ({"name": "bce", "label_smoothing": 0.2}, MaskedBce, {"label_smoothing": 0.2}),
    ({"name": "class_weights", "weights": {"Mass": 3.0}, "label_smoothing": 0.2}, WeightedBce,
     {"positive": [1.0, 3.0], "negative": [1.0, 1.0], "label_smoothing": 0.2}),
    ({"name": "weighted_bce", "label_smoothing": 0.2}, WeightedBce,
     {"positive": [0.75, 1.0], "negative": [0.25, 1.0], "label_smoothing": 0.2}),
    ({"name": "focal", "gamma": 1.0, "alpha": None, "label_smoothing": 0.2}, FocalLoss,
     {"gamma": 1.0, "alpha": None, "label_smoothing": 0.2}),
    ({"name": "asymmetric", "gamma_neg": 3.0, "gamma_pos": 2.0, "margin": 0.1, "label_smoothing": 0.2}, AsymmetricLoss,
     {"gamma_neg": 3.0, "gamma_pos": 2.0, "margin": 0.1, "label_smoothing": 0.2}),
    ({"name": "wmw_auc", "gamma": 0.4, "p": 2.0}, WmwAucLoss, {"gamma": 0.4, "p": 2.0}),
    ({"name": "softmax", "label_smoothing": 0.2}, MaskedCce, {"label_smoothing": 0.2}),
]  # fmt: skip


@pytest.mark.parametrize(("written", "kind", "config"), MADE)
def test_a_loss_is_made_with_its_keys(written, kind, config):
    loss, notes = make_loss(TypeAdapter(Loss).validate_python(written), TARGETS, FINDINGS)
    assert type(loss) is kind
    assert {key: loss.get_config()[key] for key in config} == config
    assert len(notes) == (written["name"] == "weighted_bce")  # no image has Mass


def test_every_loss_is_made_here():
    names = {name for model in get_args(get_args(Loss)[0]) for name in kinds_of(model)}
    assert {written["name"] for written, _, _ in MADE} == names
