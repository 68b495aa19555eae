"""A prepared store in, numpy inputs and targets for one member out, at the member's own size."""

from collections.abc import Callable

import numpy as np

from cxr.config.augment import Augment
from cxr.images.geometry import resize
from cxr.preparation.store import Store
from cxr.training.augment.batch import augment_batch
from cxr.training.augment.mixup import mix_pairs
from cxr.training.batches import ReadBatch

CHUNK_IMAGES = 512


def read_images(store: Store, chosen: np.ndarray, image_px: int) -> np.ndarray:
    """Return crops of the chosen images as (n, image_px, image_px) float32 grey 0..255."""
    crops = store.crops[store.rows[chosen]]
    return np.stack([resize(crop, image_px, image_px) for crop in crops]).astype(np.float32)


def predict_rows(
    predict: Callable[[np.ndarray], np.ndarray],
    store: Store,
    rows: np.ndarray,
    image_px: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Return (n, K) float64 probabilities of `predict` for the chosen rows, reading no more than a chunk at a time."""
    parts = []
    for start in range(0, len(rows), CHUNK_IMAGES):
        images = read_images(store, rows[start : start + CHUNK_IMAGES], image_px)[..., None]
        parts.append(np.asarray(predict(images), np.float64))
        if on_progress:
            on_progress(start + len(images), len(rows))
    return np.concatenate(parts)


def training_reader(store: Store, rows: np.ndarray, targets: np.ndarray, image_px: int, augment: Augment) -> ReadBatch:
    """Return the function that reads an augmented training batch: images (n, S, S, 1), targets (n, K), with MixUp soft.

    rows: (m,) images of the store to read, possibly repeated; targets: (N, K) of all its images.
    """

    def read(chosen: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        picked = rows[chosen]
        images, _ = augment_batch(read_images(store, picked, image_px), augment, rng)
        return mix_pairs(images[..., None], targets[picked], augment.mixup_alpha, rng)

    return read
