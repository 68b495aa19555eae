import pytest
from pydantic import ValidationError

from cxr.config.heatmaps import Heatmaps


def test_a_sum_of_logits_is_not_scaled_by_a_probability():
    for keys in ({"target": "sum"}, {"scale_by_probability": True}):
        Heatmaps(**keys)
    with pytest.raises(ValidationError, match=r'scale_by_probability needs "target": "findings".*found "sum"'):
        Heatmaps(target="sum", scale_by_probability=True)


@pytest.mark.parametrize("keys", [{"method": "gradcam"}, {"threshold": 1.1}, {"below": "clip"}, {"group": "worst"}])
def test_what_is_not_allowed_is_refused(keys):
    with pytest.raises(ValidationError, match=next(iter(keys))):
        Heatmaps(**keys)
