"""What every method makes of a network: images in, probabilities and maps in [0, 1] out, and where the maps lie."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from cxr.engines.engine import Engine
from cxr.visualization.places import Places


@dataclass(frozen=True)
class MapMaker:
    """The maps of one network by one method.

    places: where the maps lie in the image. run: images (N, S, S, 1) float32 0..255 -> probabilities (N, K) and maps
    (N, h, w, M) float32 in [0, 1], every row of its own image alone. M is the number of targets, or 1 where a method
    cannot tell findings apart.
    """

    places: Places
    run: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Asked:
    """What is asked of a method beside the network.

    target: (K, M) float32, the sums of logits that are explained: the unit matrix for every finding by itself.
    open_engine: a network -> the engine that runs it. seed: of noise.
    """

    target: np.ndarray
    open_engine: Callable[[keras.Model], Engine]
    seed: int = 0


def run_closed(engine: Engine, scale: Callable[[np.ndarray], np.ndarray]) -> Callable[..., tuple]:
    """Return `MapMaker.run` for an engine that gives probabilities and raw maps in one forward pass."""

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        probabilities, maps = engine.run(images)
        return probabilities, scale(maps)

    return run
