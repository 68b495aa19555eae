import keras
import numpy as np
import pytest
from sklearn.metrics import f1_score, jaccard_score

from cxr.segmentation.losses import BceDiceLoss, dice_and_iou


def bce_plus_dice(truth, found):
    """(N,) in numpy: mean cross-entropy and 1 - (2 |A B| + 1) / (|A| + |B| + 1) of each image."""
    p = np.clip(found, np.float32(1e-7), np.float32(1 - 1e-7)).astype(np.float64)
    bce = -(truth * np.log(p) + (1 - truth) * np.log(1 - p)).mean(axis=(1, 2, 3))
    overlap, total = (truth * found).sum(axis=(1, 2, 3)), (truth + found).sum(axis=(1, 2, 3))
    return bce + 1 - (2 * overlap + 1) / (total + 1)


@pytest.fixture
def masks():
    """Four true masks, one of them empty and one full, and guesses at them, one of them hard."""
    random = np.random.default_rng(2)
    truth = (random.random((4, 8, 10, 1)) < 0.4).astype(np.float32)
    truth[1], truth[2] = 0, 1
    found = random.random((4, 8, 10, 1)).astype(np.float32)
    found[3] = found[3] > 0.5
    return truth, found


def test_the_loss_is_cross_entropy_plus_soft_dice(masks):
    expected = bce_plus_dice(*masks)
    each = keras.ops.convert_to_numpy(BceDiceLoss(reduction=None)(*masks))
    np.testing.assert_allclose(each, expected, rtol=1e-4)
    assert float(BceDiceLoss()(*masks)) == pytest.approx(expected.mean(), rel=1e-4)


def test_a_perfect_guess_costs_nothing_even_of_an_empty_mask(masks):
    truth, _ = masks
    np.testing.assert_allclose(keras.ops.convert_to_numpy(BceDiceLoss(reduction=None)(truth, truth)), 0, atol=1e-5)


def test_the_loss_comes_back_from_its_configuration():
    config = keras.saving.serialize_keras_object(BceDiceLoss())
    assert isinstance(keras.saving.deserialize_keras_object(config), BceDiceLoss)


def test_dice_and_iou_are_those_of_scikit_learn():
    random = np.random.default_rng(4)
    truth, found = random.random((2, 7, 9, 11)) < 0.4
    dice, iou = dice_and_iou(truth, found)
    np.testing.assert_allclose(dice, [f1_score(t.ravel(), f.ravel()) for t, f in zip(truth, found, strict=True)])
    np.testing.assert_allclose(iou, [jaccard_score(t.ravel(), f.ravel()) for t, f in zip(truth, found, strict=True)])


def test_two_empty_masks_agree_and_one_empty_mask_does_not():
    empty, full = np.zeros((1, 4, 4), bool), np.ones((1, 4, 4), bool)
    for truth, found, expected in [(empty, empty, 1), (empty, full, 0), (full, empty, 0), (full, full, 1)]:
        np.testing.assert_array_equal(dice_and_iou(truth, found), [[expected], [expected]])


def test_many_large_masks_do_not_overflow():
    masks = np.ones((2, 600, 600), bool)
    np.testing.assert_array_equal(dice_and_iou(masks, masks)[0], 1)
