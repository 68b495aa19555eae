"""Every registered network, built once at its smallest sensible size."""

from functools import cache

import keras
import pytest

from cxr.classification.networks.classifier import build_classifier
from cxr.config.member import Member

SMALLEST_PX = {"tiny": 32, "inception_v3": 75, "xception": 71}
FINDINGS = 3


@pytest.fixture(scope="session")
def smallest_px():
    """A function: network -> height and width that it can be built at."""
    return lambda network: SMALLEST_PX.get(network, 32)


@pytest.fixture(scope="session")
def built(smallest_px):
    """A function: network -> its classifier of three findings; nobody may change it."""

    @cache
    def build(network):
        keras.utils.set_random_seed(4)
        return build_classifier(Member(network=network, image_px=smallest_px(network), dropout=0.3), FINDINGS)

    return build
