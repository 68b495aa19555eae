import dataclasses

import numpy as np
import pytest

from cxr.config.errors import UserError
from cxr.evaluation.auroc import auroc
from cxr.evaluation.disagreement import measure_disagreement, member_spread
from cxr.evaluation.measured_part import Part
from cxr.evaluation.predictions import Predictions
from cxr.evaluation.resamples import Resamples


def test_spread_is_over_members_matched_by_image_and_finding(make_predictions):
    test = make_predictions().part("test")
    other = dataclasses.replace(test, probabilities=1 - test.probabilities)
    turned = dataclasses.replace(
        other.rows(np.arange(len(test.image_ids))[::-1]),
        findings=test.findings[::-1],
        probabilities=other.probabilities[::-1, ::-1],
    )
    expected = np.abs(test.probabilities - other.probabilities) / 2  # of two numbers
    np.testing.assert_allclose(member_spread(test, [test, turned]), expected, atol=1e-12)
    with pytest.raises(UserError, match="at least two members; found 1"):
        member_spread(test, [test])
    with pytest.raises(UserError, match=r"no prediction of image .* \(such images: 57\)"):
        member_spread(test, [test, test.rows([0, 1, 2])])
    with pytest.raises(UserError, match="does not predict Edema"):
        member_spread(test, [test, dataclasses.replace(test, findings=("A", "Mass", "Hernia"))])


def test_where_members_disagree_a_group_is_less_often_right():
    random = np.random.default_rng(0)
    images = 900
    labels = (random.random((images, 1)) < 0.4).astype(float)
    hard = random.random((images, 1))
    logits = (labels - 0.5) * 4 * (1 - hard) + random.normal(size=labels.shape)
    rows = np.arange(images).astype(str)
    test = Predictions(rows, rows, np.full(images, "test"), ("Edema",), 1 / (1 + np.exp(-logits)), labels)
    part = Part("test", test, test.probabilities, np.full((images, 1), 0.5), (None,))
    resamples = Resamples.of(rows, 200, 0)
    found = measure_disagreement(part, hard, resamples, 0.95)
    tercile = np.argsort(np.argsort(hard[:, 0])) // 300
    for place, name in enumerate(("agree", "between", "disagree")):
        chosen = tercile == place
        expected = auroc(labels[chosen], test.probabilities[chosen])[0]
        assert found[name]["auroc"]["Edema"]["value"] == pytest.approx(expected)
        right = (test.probabilities[chosen] >= 0.5) == labels[chosen]
        assert found[name]["accuracy"]["Edema"]["value"] == pytest.approx(right.mean())
        assert found[name]["spread"]["Edema"] == pytest.approx(hard[chosen].mean())
    assert found["agree"]["auroc"]["mean"]["low"] > found["disagree"]["auroc"]["mean"]["high"]
