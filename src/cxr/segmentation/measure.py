"""Lung networks and pairs that they never saw in, agreement of every mask and what its quality score tells out."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from cxr.config.atomic import write_json, written_atomically
from cxr.config.lungs import Cleaning, Segmentation
from cxr.config.record import hash_of_ids, machine_record
from cxr.engines.saved import load_model
from cxr.images.geometry import resize
from cxr.segmentation.agreement import MEASURES, compare_masks, summarise
from cxr.segmentation.deal import PARTS, TEST, Round, deal_pairs
from cxr.segmentation.lungs import Lungs, find_lungs
from cxr.segmentation.pairs import Pair, PairArrays
from cxr.segmentation.train import predict_maps, train_network
from cxr.segmentation.usable import score_kinds, shares_below
from cxr.segmentation.worst import worst_figure

FIGURE_DPI = 110
METRICS, TABLE, WORST, QUALITY, SPLIT = "metrics.json", "masks.csv", "worst.png", "quality.csv", "split.csv"
KEPT = "kept"
COLUMNS = ("name", "source", "patient", "network", *MEASURES, "quality")
Progress = Callable[[str], Callable[[int, int], None]]
"""Title of a long job -> function that is told (done, total)."""


def lungs_at(map_: np.ndarray, height_px: int, width_px: int, cleaning: Cleaning) -> Lungs:
    """Enlarge an (S, S) probability map to the size of the original, and find the lungs there."""
    return find_lungs(resize(map_, height_px, width_px), cleaning)


def measure_network(
    model: keras.Model, arrays: PairArrays, rows: Sequence[int], network: str, cleaning: Cleaning
) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """Return a table (row, COLUMNS) of these pairs and the mask found in each, at the size of the true one."""
    maps, table, masks = predict_maps(model, arrays.images[rows]), [], []
    for row, map_ in zip(rows, maps, strict=True):
        pair, truth = arrays.pairs[row], arrays.truths[row]
        lungs = lungs_at(map_, *truth.shape, cleaning)
        agreement = asdict(compare_masks(truth, lungs.mask))
        table.append((row, pair.name, pair.source, pair.patient, network, *agreement.values(), lungs.quality))
        masks.append(lungs.mask)
    return pd.DataFrame(table, columns=["row", *COLUMNS]), masks


def write_agreement(
    folder: Path,
    table: pd.DataFrame,
    masks: list[np.ndarray],
    kinds: pd.DataFrame,
    arrays: PairArrays,
    more: dict[str, Any],
    seed: int,
) -> dict[str, Any]:
    """Write masks.csv, quality.csv, worst.png and metrics.json, and return what the last holds.

    table: COLUMNS and `row`, the pair's place in `arrays`. kinds: of `score_kinds`.
    """
    summary = summarise(table, seed)
    metrics = {
        **{"part": "held-out pairs", "dice": summary["all"]["dice"], "iou": summary["all"]["iou"]},
        **{"sources": summary, "quality": shares_below(kinds), "notes": arrays.notes, **more},
    }
    with written_atomically(folder / TABLE) as part:
        table.drop(columns="row").round(4).to_csv(part, index=False)
    with written_atomically(folder / QUALITY) as part:
        kinds.round(4).to_csv(part, index=False)
    measured = table["row"]
    figure = worst_figure(table, arrays.images[measured], [arrays.truths[row] for row in measured], masks)
    with written_atomically(folder / WORST) as part:
        figure.savefig(part, dpi=FIGURE_DPI)
    write_json(folder / METRICS, metrics | machine_record())
    return metrics


def train_lungs(arrays: PairArrays, parameters: Segmentation, folder: Path, progress: Progress) -> dict[str, Any]:
    """Train the networks of every round, measure each on the pairs it never saw, and return the metrics.

    Writes unet.keras (the network that is kept), split.csv (the part of every pair for every network), metrics.json,
    masks.csv (a row per measured pair), quality.csv (a row per X-ray, turned X-ray or other image), worst.png, and a
    folder for every other network. What was finished before is kept.
    """
    rounds = deal_pairs(arrays.pairs, parameters.split, parameters.seed)
    write_split(folder, arrays.pairs, rounds)
    tables, masks, kinds = [], [], []
    for number, one in enumerate(rounds, 1):
        title = "lung network: training" if len(rounds) == 1 else f"lung network {number} of {len(rounds)}: training"
        path = train_network(arrays, one, parameters, folder / one.name, progress(title))
        rows = np.flatnonzero(one.parts == TEST)
        if len(rows):
            model = load_model(path)
            table, found = measure_network(model, arrays, rows, one.name, parameters.cleaning)
            tables.append(table)
            masks += found
            kinds.append(score_kinds(partial(predict_maps, model), arrays.images[rows], one.name, parameters.cleaning))
    more = {"pairs": _counts(rounds), "parameters": parameters.model_dump(), "split_hash": _split_hash(arrays, rounds)}
    table, scored = (pd.concat(parts, ignore_index=True) for parts in (tables, kinds))
    return write_agreement(folder, table, masks, scored, arrays, more, parameters.seed)


def write_split(folder: Path, pairs: Sequence[Pair], rounds: Sequence[Round]) -> None:
    """Write split.csv: a row per pair, and for every network the part it was in, that which is kept last."""
    table = pd.DataFrame(
        {
            **{"name": [pair.name for pair in pairs], "source": [pair.source for pair in pairs]},
            **{"patient": [pair.patient for pair in pairs]},
            **{one.name or KEPT: one.parts for one in rounds},
        }
    )
    with written_atomically(folder / SPLIT) as part:
        table.to_csv(part, index=False)


def _counts(rounds: list[Round]) -> dict[str, int]:
    """Pairs of each part: learnt from and validated by the network that is kept, measured on by any."""
    counts = {part: int((rounds[-1].parts == part).sum()) for part in PARTS}
    return counts | {TEST: sum(int((one.parts == TEST).sum()) for one in rounds)}


def _split_hash(arrays: PairArrays, rounds: list[Round]) -> str:
    """A hash of which pair is in which part of which round."""
    return hash_of_ids(
        f"{one.name} {part} {pair.source} {pair.name}"
        for one in rounds
        for pair, part in zip(arrays.pairs, one.parts, strict=True)
    )
