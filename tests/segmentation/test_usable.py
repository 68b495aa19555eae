import numpy as np
import pytest

from cxr.config.lungs import Cleaning
from cxr.phantoms.dataset.negatives import NEGATIVES
from cxr.segmentation.negatives import LEARNT_OF_EACH, draw_negatives
from cxr.segmentation.usable import OF_EACH, quality_line, score_kinds, shares_below

PX = 64


@pytest.fixture
def scored(phantoms):
    """Scores by a network that knows these X-rays upright, and calls the right half of everything else a lung."""
    truth = {phantom.image.tobytes(): phantom.lung_mask > 0 for phantom in phantoms}
    half = np.zeros((PX, PX), bool)
    half[:, PX // 2 :] = True
    shown = []

    def predict(images):
        shown.append(images)
        return np.stack([truth.get(image.tobytes(), half) for image in images]).astype(np.float32)

    images = np.stack([phantom.image for phantom in phantoms])
    return score_kinds(predict, images, "fold-0", Cleaning()), shown, images


def test_every_way_to_lie_and_every_drawn_kind_is_scored(scored):
    table, shown, images = scored
    counts = table["kind"].value_counts(sort=False).to_dict()
    lying = dict.fromkeys(("as it is", "head left", "head down", "head right", "inverted"), len(images))
    assert counts == lying | dict.fromkeys(NEGATIVES, OF_EACH)
    np.testing.assert_array_equal(shown[2], images[:, ::-1, ::-1])
    assert set(table["network"]) == {"fold-0"}


def test_drawn_images_are_not_those_that_were_learnt_from(scored):
    learnt = {image.tobytes() for image in draw_negatives(LEARNT_OF_EACH, PX)}
    for kind, images in zip(NEGATIVES, scored[1][5:], strict=True):
        if kind != "uniform":  # grey is grey
            assert not learnt & {image.tobytes() for image in images}


def test_shares_below_the_thresholds(scored):
    kinds = shares_below(scored[0])
    assert kinds["as it is"] == {"images": 14, "below": {"0.25": 0.0, "0.5": 0.0, "0.75": 0.0}}
    assert all(one["below"]["0.25"] == 1 for kind, one in kinds.items() if kind != "as it is")
    line = quality_line(kinds)
    assert line == (
        "quality below 0.5: 0.0 % of 14 X-rays as they are, 100.0 % of 156 turned, inverted and other images"
    )
