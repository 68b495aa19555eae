"""Lung pairs in, one trained network out: best epoch on the val pairs."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from cxr.config.lungs import Segmentation
from cxr.config.optimizer import Adam, Cosine
from cxr.engines.keras_engine import KerasEngine
from cxr.engines.saved import load_model
from cxr.segmentation.agreement import dice_of
from cxr.segmentation.deal import TRAIN, VAL, Round
from cxr.segmentation.folded import fold_norms
from cxr.segmentation.lite import build_lite_unet
from cxr.segmentation.losses import MaskLoss
from cxr.segmentation.negatives import LEARNT_OF_EACH, draw_negatives, spoil
from cxr.segmentation.pairs import PairArrays
from cxr.segmentation.unet import build_unet
from cxr.training.augment.batch import augment_batch
from cxr.training.augment.mixup import mix_pairs
from cxr.training.batches import Batches
from cxr.training.epochs import BEST, EpochPlan, Progress, forget_state, run_epochs
from cxr.training.optimizers import make_optimizer
from cxr.training.schedules import RunLength, make_rate
from cxr.training.state import save_model

WEIGHTS = "unet.keras"


def build_network(parameters: Segmentation) -> keras.Model:
    """Return the untrained network: input `image` (S, S, 1) grey 0..255, output `mask` (S, S, 1) in [0, 1]."""
    one, pretrained = parameters, parameters.encoder_weights == "imagenet"
    if one.network == "unet":
        return build_unet(one.image_px, one.width, one.depth, one.width_max, one.first_stride)
    if one.network == "efficientnet_lite0":
        return build_lite_unet(one.image_px, one.width, one.width_max, pretrained)
    from cxr.segmentation.encoders import build_encoder_unet

    return build_encoder_unet(one.network, one.image_px, pretrained)


def train_network(
    arrays: PairArrays, one: Round, parameters: Segmentation, folder: Path, on_progress: Progress | None = None
) -> Path:
    """Train on the train part, choose the epoch on val by Dice; write `folder/unet.keras` and return its path.

    A finished network is kept; an interrupted training goes on from its last whole epoch.
    """
    finished = folder / WEIGHTS
    if finished.is_file():
        return finished
    keras.utils.set_random_seed(parameters.seed)
    model = build_network(parameters)
    rows, held_out = np.flatnonzero(one.parts == TRAIN), np.flatnonzero(one.parts == VAL)
    batches = _batches(arrays, rows, parameters)
    adam = Adam(learning_rate=parameters.learning_rate)
    model.compile(optimizer=make_optimizer(adam), loss=MaskLoss(parameters.loss), jit_compile=False)

    def validate(model: keras.Model) -> dict[str, float]:
        truth, found = np.float32(arrays.masks[held_out]) / 255, predict_maps(model, arrays.images[held_out])
        loss = model.loss(truth[..., None], found[..., None])
        dice = [dice_of(t >= 0.5, f > 0.5) for t, f in zip(truth, found, strict=True)]
        return {"val_loss": float(loss), "val_dice": float(np.mean(dice))}

    rate = make_rate(Cosine(), adam.learning_rate, RunLength(parameters.epochs, len(batches(0))))
    plan = EpochPlan(folder, parameters.epochs, parameters.seed, batches, validate, score="val_dice", rate=rate)
    run_epochs(model, plan, on_progress)
    save_model(fold_norms(load_model(folder / BEST)), finished)
    forget_state(folder)
    (folder / BEST).unlink()
    return finished


def predict_maps(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """(N, S, S) uint8 in, (N, S, S) float32 lung probabilities out."""
    return KerasEngine(model, batch=16).run(images[..., None].astype(np.float32))[0][..., 0]


def _batches(arrays: PairArrays, rows: np.ndarray, parameters: Segmentation) -> Callable[[int], Batches]:
    """Return the function epoch -> its batches: augmented images, a share of them spoilt and without a mask."""
    share = parameters.negative_share
    drawn = draw_negatives(LEARNT_OF_EACH, parameters.image_px) if share else None

    def read(chosen: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        images, masks = arrays.images[rows[chosen]].copy(), arrays.masks[rows[chosen]].copy()
        for k in np.flatnonzero(rng.random(len(chosen)) < share) if share else ():
            images[k], masks[k] = spoil(images[k], drawn, rng), 0
        images, masks = augment_batch(images.astype(np.float32), parameters.augment, rng, masks)
        return mix_pairs(images[..., None], np.float32(masks[..., None]) / 255, parameters.augment.mixup_alpha, rng)

    return lambda epoch: Batches(read, len(rows), parameters.batch, parameters.seed, epoch)
