"""A sample of images and their maps in, how the probability falls and rises as the hottest pixels go and come out.

Petsiuk, Das and Saenko, "RISE", BMVC 2018, section 4.3: deletion takes the hottest pixels away first, insertion gives
them first to a blurred image; each is the area under the probability of the finding over the share of pixels changed.
A good map has a low deletion and a high insertion. The control is a random map, as coarse, of the same image.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from cxr.classification.member import load_member
from cxr.engines.engine import open_engine
from cxr.images.geometry import resize, soften
from cxr.preparation.store import Store

STEPS = 16
BLUR_SHARE = 0.05
"""Standard deviation of the blur, as a share of the crop's width."""
Predict = Callable[[np.ndarray], np.ndarray]
"""(n, S, S) uint8 crops -> (n, K) mean probabilities of the group."""


def choose_sample(store: Store, rows: np.ndarray, images: int, seed: int) -> np.ndarray:
    """Return up to `images` of the rows that have a finding, drawn with `seed`, in the order of the rows."""
    having = rows[(store.labels[rows] == 1).any(axis=1)]
    random = np.random.default_rng([seed, 9])  # a stream of its own
    return np.sort(random.permutation(having)[:images])


def predict_with(folders: Sequence[Path], findings: tuple[str, ...], engine: str, scratch: Path) -> Predict:
    """Open the members and return the function that gives their mean probabilities."""
    members = []
    for number, folder in enumerate(folders):
        model = load_member(folder, findings)
        members.append((open_engine(model, engine, scratch / str(number)), model.input_shape[1]))

    def predict(crops: np.ndarray) -> np.ndarray:
        answers = []
        for opened, size in members:
            images = np.stack([resize(crop, size, size) for crop in crops]).astype(np.float32)
            answers.append(opened.run(images[..., None])[0])
        return np.mean(answers, axis=0)

    return predict


def changed_crops(crop: np.ndarray, heat: np.ndarray, kind: str) -> np.ndarray:
    """(STEPS + 1, S, S) uint8: the crop with ever more of its hottest pixels changed, none at first, all at last.

    kind: `deletion`, from the crop to its mean grey, or `insertion`, from the blurred crop to the crop. Pixels of equal
    heat keep the order of the image.
    """
    if kind == "deletion":
        start, end = crop, np.full_like(crop, round(float(crop.mean())))
    else:
        start, end = soften(crop, BLUR_SHARE * crop.shape[0]), crop
    order = np.argsort(-heat.ravel(), kind="stable")
    ranks = np.empty(order.size, int)
    ranks[order] = np.arange(order.size)
    changed = ranks.reshape(heat.shape)[None] < (np.arange(STEPS + 1) * order.size // STEPS)[:, None, None]
    return np.where(changed, end, start).astype(np.uint8)


def area_under(probabilities: np.ndarray) -> float:
    """Area under (STEPS + 1,) probabilities over the share of pixels, by trapezoids."""
    return float(np.mean((probabilities[1:] + probabilities[:-1]) / 2))


def measure_curves(crop: np.ndarray, heat: np.ndarray, finding: int, predict: Predict) -> dict[str, float]:
    """Return the areas of `deletion` and `insertion` of one (S, S) crop and the map of one finding over it."""
    return {
        kind: area_under(predict(changed_crops(crop, heat, kind))[:, finding].astype(np.float64))
        for kind in ("deletion", "insertion")
    }
