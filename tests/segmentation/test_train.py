"""Batches of the lung network: masks go where their images go, also into MixUp."""

import numpy as np
import pytest

from cxr.config.lungs import LungAugment, Segmentation
from cxr.segmentation import train
from cxr.segmentation.deal import TRAIN, VAL, Round
from cxr.segmentation.pairs import PairArrays

STILL = {"rotate_degrees": 0.0, "shift_fraction": 0.0, "zoom_fraction": 0.0, "contrast_fraction": 0.0,
         "brightness_fraction": 0.0}  # fmt: skip


class Caught(BaseException):
    """Carries the plan of a training that is not to begin."""


@pytest.fixture
def batch_of(phantoms, tmp_path, monkeypatch):
    """A function: augment keys -> images and masks of the first batch; the images are the masks as uint8."""
    masks = np.stack([phantom.lung_mask for phantom in phantoms])
    pairs = PairArrays([], masks, masks, [], [])
    parts = np.array([TRAIN] * (len(masks) - 2) + [VAL] * 2)

    def catch(model, plan, on_progress):
        raise Caught(plan)

    monkeypatch.setattr(train, "run_epochs", catch)

    def read(**changes):
        parameters = Segmentation(image_px=64, width=2, depth=1, augment=LungAugment(**STILL | changes))
        with pytest.raises(Caught) as caught:
            train.train_network(pairs, Round("", parts), parameters, tmp_path)
        return next(iter(caught.value.args[0].batches(0)))

    return read


def test_mixup_mixes_masks_as_it_mixes_images(batch_of):
    images, masks = batch_of(mixup_alpha=1.0)
    assert masks.dtype == np.float32
    np.testing.assert_allclose(images / 255, masks, atol=1e-5)
    assert ((masks > 0.05) & (masks < 0.95)).any(axis=(1, 2, 3)).sum() >= len(masks) - 2
    plain, whole = batch_of()
    np.testing.assert_allclose(plain / 255, whole, atol=1e-5)
    assert set(np.unique(whole)) == {0, 1}


def test_masks_follow_every_distortion(batch_of):
    images, masks = batch_of(elastic_fraction=0.05, grid_fraction=0.3, optical_fraction=0.1, shear_degrees=8.0)
    np.testing.assert_allclose(images / 255, masks, atol=0.01)
    assert len({mask.tobytes() for mask in masks}) == len(masks)
