"""Test-time augmentation: chosen images of a store in, the mean of a network's answers to several views of each out."""

import hashlib
from collections.abc import Callable, Iterator

import numpy as np

from cxr.classification.crops import predict_rows, read_images
from cxr.config.augment import Augment
from cxr.config.member import Views
from cxr.preparation.store import Store
from cxr.training.augment.batch import augment_batch
from cxr.training.augment.grey import GREY_MAX

CHUNK_IMAGES = 128
"""Read at a time; each of their views is made, predicted and let go before the next."""
RANDOM_VIEWS = 4


def predict_views(
    predict: Callable[[np.ndarray], np.ndarray],
    views: Views,
    store: Store,
    rows: np.ndarray,
    image_px: int,
    seed: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Return (n, K) float64 probabilities for the chosen rows, each the mean over the views of its image.

    predict: (m, S, S, 1) float32 images to (m, K). What a view shows depends on `seed` and the image's id, never on the
    other images.
    """
    if views == "one":
        return predict_rows(predict, store, rows, image_px, on_progress)
    parts = []
    for start in range(0, len(rows), CHUNK_IMAGES):
        chosen = rows[start : start + CHUNK_IMAGES]
        total, count = 0.0, 0
        for images in MAKE[views](store, chosen, image_px, seed):
            total, count = total + np.asarray(predict(np.ascontiguousarray(images)[..., None]), np.float64), count + 1
        parts.append(total / count)
        if on_progress:
            on_progress(start + len(chosen), len(rows))
    return np.concatenate(parts)


def _flip(store: Store, chosen: np.ndarray, image_px: int, seed: int) -> Iterator[np.ndarray]:
    """Yield the images (n, S, S) float32 as they are and mirrored."""
    return _with_mirrored(read_images(store, chosen, image_px))


def _ten_crop(store: Store, chosen: np.ndarray, image_px: int, seed: int) -> Iterator[np.ndarray]:
    """Yield four corners and the centre at 7/8 of the size, and their mirror images: 224 of 256 (Krizhevsky 2012)."""
    large = read_images(store, chosen, round(image_px * 8 / 7))
    end = large.shape[1] - image_px
    for top, left in [(0, 0), (0, end), (end, 0), (end, end), (end // 2, end // 2)]:
        yield from _with_mirrored(large[:, top : top + image_px, left : left + image_px])


def _fifteen(store: Store, chosen: np.ndarray, image_px: int, seed: int) -> Iterator[np.ndarray]:
    """Yield the images, inverted and mirrored ones, each as it is and four times moved and re-exposed at random.

    The random views are drawn as `training.augment` draws by default, whatever the member was trained with.
    """
    images = read_images(store, chosen, image_px)
    keys = [_number(image_id) for image_id in store.image_ids[chosen]]
    for kind, change in enumerate((_same, _inverted, _mirrored)):
        changed = change(images)
        yield changed
        for number in range(RANDOM_VIEWS):
            rngs = [np.random.default_rng([seed, 0x71E35, key, kind, number]) for key in keys]
            pairs = zip(changed, rngs, strict=True)
            yield np.concatenate([augment_batch(image[None], Augment(), rng)[0] for image, rng in pairs])


MAKE = {"flip": _flip, "ten_crop": _ten_crop, "fifteen": _fifteen}


def _with_mirrored(images: np.ndarray) -> Iterator[np.ndarray]:
    yield images
    yield _mirrored(images)


def _same(images: np.ndarray) -> np.ndarray:
    return images


def _inverted(images: np.ndarray) -> np.ndarray:
    return GREY_MAX - images


def _mirrored(images: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(images[:, :, ::-1])  # OpenCV takes no negative strides


def _number(image_id: str) -> int:
    """Return a number of 64 bits that only this id has, the same in every process."""
    return int.from_bytes(hashlib.sha256(str(image_id).encode()).digest()[:8])
