"""A lung network and X-rays in, out how often its quality score tells usable lungs from images that hold none."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from cxr.config.lungs import Cleaning
from cxr.images.lies import LYING
from cxr.phantoms.dataset.negatives import NEGATIVES
from cxr.segmentation.lungs import find_lungs
from cxr.segmentation.negatives import LEARNT_OF_EACH, draw_negatives

COLUMNS = ("kind", "quality", "network")
AS_IT_IS = "as it is"
OF_EACH = 20
THRESHOLDS = (0.25, 0.5, 0.75)


def score_kinds(
    predict: Callable[[np.ndarray], np.ndarray], images: np.ndarray, network: str, cleaning: Cleaning
) -> pd.DataFrame:
    """Return a row of COLUMNS for each (N, S, S) uint8 X-ray as it is, turned and inverted, and for drawn other images.

    predict: (N, S, S) uint8 in, (N, S, S) lung probabilities out. The drawn images are none of those that a network
    learnt from.
    """
    drawn = draw_negatives(OF_EACH, images.shape[1], first=LEARNT_OF_EACH)
    kinds = {AS_IT_IS: images} | {lie.name: np.stack([lie.lay(image) for image in images]) for lie in LYING}
    kinds |= dict(zip(NEGATIVES, np.split(drawn, len(NEGATIVES)), strict=True))
    rows = [
        (kind, find_lungs(map_, cleaning).quality, network) for kind, shown in kinds.items() for map_ in predict(shown)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def shares_below(table: pd.DataFrame) -> dict[str, Any]:
    """Return for every kind how many images there are and which share of them scores below each of THRESHOLDS."""
    return {
        str(kind): {
            "images": len(rows),
            "below": {f"{threshold:g}": float((rows["quality"] < threshold).mean()) for threshold in THRESHOLDS},
        }
        for kind, rows in table.groupby("kind", sort=False)
    }


def quality_line(kinds: Mapping[str, Any], threshold: str = "0.5") -> str:
    """`quality below 0.5: 0.3 % of 593 held-out X-rays, 99.8 % of ...` of what `shares_below` returns."""
    others = [one for kind, one in kinds.items() if kind != AS_IT_IS]
    rejected = sum(one["images"] * one["below"][threshold] for one in others)
    total = sum(one["images"] for one in others)
    upright = kinds[AS_IT_IS]
    return (
        f"quality below {threshold}: {100 * upright['below'][threshold]:.1f} % of {upright['images']} X-rays as they "
        f"are, {100 * rejected / total:.1f} % of {total} turned, inverted and other images"
    )
