"""Lung pairs in, a trained U-Net with its Dice and IoU on held-out pairs out."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from cxr.config.atomic import write_json
from cxr.config.params import Segmentation
from cxr.config.record import machine_record
from cxr.config.training import Augment, Optimizer, Schedule
from cxr.engines.keras_engine import KerasEngine
from cxr.segmentation.losses import BceDiceLoss, dice_and_iou
from cxr.segmentation.lungs import find_lungs
from cxr.segmentation.pairs import PairArrays
from cxr.segmentation.unet import build_unet
from cxr.training.augment import augment_batch
from cxr.training.batches import Batches
from cxr.training.epochs import BEST, EpochPlan, Progress, run_epochs
from cxr.training.schedules import make_optimizer

AUGMENT = Augment(
    rotate_degrees=10, shift_fraction=0.05, zoom_fraction=0.15, contrast_fraction=0.3, brightness_fraction=0.15
)
METRICS = "metrics.json"


def train_unet(
    pairs: PairArrays, parameters: Segmentation, folder: Path, on_progress: Progress | None = None
) -> dict[str, Any]:
    """Train on the train part, choose the epoch on val, measure on test; write unet.keras and metrics.json.

    Returns the metrics: Dice and IoU of the cleaned masks on the test part, at `image_px`, mean and 5th percentile.
    """
    keras.utils.set_random_seed(parameters.seed)
    rows = np.flatnonzero(pairs.parts == "train")

    def read(chosen: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        picked = rows[chosen]
        images, masks = augment_batch(pairs.images[picked].astype(np.float32), AUGMENT, rng, pairs.masks[picked])
        return images[..., None], masks[..., None].astype(np.float32)

    def batches(epoch: int) -> Batches:
        return Batches(read, len(rows), parameters.batch, parameters.seed, epoch)

    def validate(model: keras.Model) -> dict[str, float]:
        held_out = pairs.parts == "val"
        truth, found = pairs.masks[held_out], _predict(model, pairs.images[held_out])
        loss = model.loss(truth[..., None].astype(np.float32), found[..., None])
        dice, _ = dice_and_iou(truth.astype(bool), found > 0.5)
        return {"val_loss": float(loss), "val_dice": float(dice.mean())}

    model = build_unet(parameters.image_px, parameters.width, parameters.depth)
    optimizer = make_optimizer(
        Optimizer(learning_rate=parameters.learning_rate), Schedule(), parameters.epochs * len(batches(0))
    )
    model.compile(optimizer=optimizer, loss=BceDiceLoss(), jit_compile=False)
    plan = EpochPlan(folder, parameters.epochs, parameters.seed, batches, validate, score="val_dice")
    run_epochs(model, plan, on_progress)
    metrics = measure_unet(keras.saving.load_model(folder / BEST, compile=False), pairs)
    write_json(folder / METRICS, metrics | {"parameters": parameters.model_dump(), **machine_record()})
    (folder / BEST).replace(folder / "unet.keras")
    return metrics


def measure_unet(model: keras.Model, pairs: PairArrays) -> dict[str, Any]:
    """Return Dice and IoU of the cleaned masks on the test part, and how many pairs each part has."""
    held_out = pairs.parts == "test"
    cleaned = np.stack([find_lungs(probability).mask for probability in _predict(model, pairs.images[held_out])])
    dice, iou = dice_and_iou(pairs.masks[held_out].astype(bool), cleaned)
    return {
        "part": "held-out pairs",
        "dice": {"mean": float(dice.mean()), "p05": float(np.percentile(dice, 5))},
        "iou": {"mean": float(iou.mean()), "p05": float(np.percentile(iou, 5))},
        "pairs": {part: int((pairs.parts == part).sum()) for part in ("train", "val", "test")},
        "notes": pairs.notes,
    }


def _predict(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """(N, S, S) uint8 in, (N, S, S) float32 lung probabilities out."""
    return KerasEngine(model, batch=16).run(images[..., None].astype(np.float32))[0][..., 0]
