import keras
import numpy as np
import pytest

from cxr.segmentation.losses import MaskLoss


def cross_entropy(truth, found):
    p = np.clip(found, np.float32(1e-7), np.float32(1 - 1e-7)).astype(np.float64)
    return -(truth * np.log(p) + (1 - truth) * np.log(1 - p)).mean(axis=(1, 2, 3))


def one_minus_dice(truth, found):
    """1 - (2 |A B| + 1) / (|A| + |B| + 1) of each image."""
    overlap, total = (truth * found).sum(axis=(1, 2, 3)), (truth + found).sum(axis=(1, 2, 3))
    return 1 - (2 * overlap + 1) / (total + 1)


@pytest.fixture
def masks():
    """Four true masks, one of them empty and one full, and guesses at them, one of them hard."""
    random = np.random.default_rng(2)
    truth = (random.random((4, 8, 10, 1)) < 0.4).astype(np.float32)
    truth[1], truth[2] = 0, 1
    found = random.random((4, 8, 10, 1)).astype(np.float32)
    found[3] = found[3] > 0.5
    return truth, found


@pytest.mark.parametrize("kind", ["bce", "dice", "bce_dice"])
def test_the_loss_is_cross_entropy_soft_dice_or_both(masks, kind):
    parts = {"bce": cross_entropy(*masks), "dice": one_minus_dice(*masks)}
    expected = parts["bce"] + parts["dice"] if kind == "bce_dice" else parts[kind]
    each = keras.ops.convert_to_numpy(MaskLoss(kind).call(*map(keras.ops.convert_to_tensor, masks)))
    np.testing.assert_allclose(each, expected, rtol=1e-4)
    assert float(MaskLoss(kind)(*masks)) == pytest.approx(expected.mean(), rel=1e-4)


def test_a_perfect_guess_costs_nothing_even_of_an_empty_mask(masks):
    truth, _ = masks
    assert float(MaskLoss()(truth, truth)) == pytest.approx(0, abs=1e-5)


def test_the_loss_comes_back_from_its_configuration():
    config = keras.saving.serialize_keras_object(MaskLoss("dice"))
    again = keras.saving.deserialize_keras_object(config)
    assert isinstance(again, MaskLoss)
    assert again.kind == "dice"
