"""A prepared data set in, describe.html and describe.json out: one page that needs no other file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cxr.config.atomic import write_json, write_text
from cxr.datasets.description import Described, describe
from cxr.datasets.duplicates import NEAR_BITS, NearPair
from cxr.images.sheet import make_sheet
from cxr.preparation.store import Store
from cxr.reporting import wording
from cxr.reporting.data_figures import age_figure, combinations_figure, cooccurrence_figure, prevalence_figure
from cxr.reporting.embedding import array_uri, figure_uri
from cxr.reporting.report import read_template

SAMPLES, TILE_PX = 8, 128
SHOWN_PAIRS, PAIR_PX = 12, 160


def write_data_page(
    folder: Path, data: Described, store: Store, pairs: Sequence[NearPair], seed: int
) -> dict[str, Any]:
    """Write the description of the images of `store`, which `data` has in the same order, and return it.

    pairs: images of different parts that look the same. seed: of the samples shown.
    """
    description = describe(data)
    ids = store.image_ids
    description["near_duplicates"] = [
        {"images": [str(ids[pair.first]), str(ids[pair.second])],
         "parts": [str(data.parts[pair.first]), str(data.parts[pair.second])], "bits": pair.bits}
        for pair in pairs
    ]  # fmt: skip
    description["split"] = {key: store.split[key] for key in ("name", "hash")}
    description["rejected"] = store.record["rejected"]
    write_json(folder / "describe.json", description)
    context = {
        "wording": wording,
        "described": description,
        "findings": data.findings,
        "synthetic": store.record["synthetic"],
        "near_bits": NEAR_BITS,
        "pictures": {
            "prevalence": figure_uri(prevalence_figure(description)),
            "combinations": figure_uri(combinations_figure(description)),
            "cooccurrence": figure_uri(cooccurrence_figure(description)),
            "age": figure_uri(age_figure(description)),
        },
        "samples": _samples(data, store, seed),
        "pairs": [
            array_uri(make_sheet([store.crops[store.rows[row]] for row in pair[:2]], 2, PAIR_PX))
            for pair in pairs[:SHOWN_PAIRS]
        ],
    }
    write_text(folder / "describe.html", read_template("data.html.jinja").render(context))
    return description


def _samples(data: Described, store: Store, seed: int) -> dict[str, str]:
    """Finding -> a row of crops of images that have it, drawn at random, as data URI."""
    rng, sheets = np.random.default_rng([seed, 0x5A3]), {}
    for k, finding in enumerate(data.findings):
        rows = np.flatnonzero(data.codes[:, k] == 1)
        if len(rows):
            chosen = rng.permutation(rows)[:SAMPLES]
            sheets[finding] = array_uri(make_sheet([store.crops[store.rows[row]] for row in chosen], SAMPLES, TILE_PX))
    return sheets
