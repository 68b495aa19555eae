"""The `evaluation` block: defaults that work, and values that would do nothing refused."""

import pytest

from cxr.config.errors import UserError


def test_the_defaults_are_platt_and_youden(load):
    evaluation = load().params.evaluation
    assert (evaluation.calibration, evaluation.operating_point.name) == ("platt", "youden")
    assert evaluation.operating_point.target is None


@pytest.mark.parametrize(("given", "target"), [({}, 0.9), ({"value": 0.95}, 0.95)])
def test_a_fixed_sensitivity_or_specificity_has_a_value(load, given, target):
    for name in ("sensitivity", "specificity"):
        params = {"evaluation.operating_point": {"name": name, **given}}
        assert load(params=params).params.evaluation.operating_point.target == target


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"evaluation.operating_point": {"name": "youden", "value": 0.9}}, "value 0.9 has no meaning"),
        ({"evaluation.operating_point": {"name": "jouden"}}, 'unknown value "jouden": did you mean "youden"'),
        ({"evaluation.calibration": "plat"}, 'unknown value "plat": did you mean "platt"'),
        ({"evaluation.operating_point": {"name": "sensitivity", "value": 1.0}}, "less than 1; found 1.0"),
        ({"evaluation.bins": 1}, "greater than or equal to 2; found 1"),
        ({"evaluation.min_positives": 0}, "greater than or equal to 1; found 0"),
    ],
)
def test_what_has_no_meaning_is_one_sentence(load, change, message):
    with pytest.raises(UserError, match=message) as raised:
        load(params=change)
    assert "evaluation" in str(raised.value)
