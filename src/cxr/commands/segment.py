"""`cxr segment train|evaluate|predict`: learn to find lungs, measure it on pairs, write masks of a folder of X-rays."""

import argparse
import tempfile
from functools import partial
from pathlib import Path

from cxr.commands.agreement import print_agreement
from cxr.commands.context import read_config, worker_count
from cxr.commands.progress import show_progress
from cxr.config.errors import UserError
from cxr.config.load import Config
from cxr.config.record import fingerprint, hash_of_file, read_json
from cxr.preparation.lung_network import load_network, lung_pairs, lung_weights, open_lungs, pair_marks


def run(options: argparse.Namespace) -> None:
    """Do what the second word says."""
    config = read_config(options)
    {"train": _train, "evaluate": _evaluate, "predict": _predict}[options.action](config, options)


def _train(config: Config, _: argparse.Namespace) -> None:
    """Train the lung network of these settings and parameters, once, whichever is used otherwise."""
    own = config.params.segmentation.model_copy(update={"weights": "train"})
    params = config.params.model_copy(update={"segmentation": own})
    path, metrics, trained = lung_weights(
        config.settings, params, config.lungs_dir, worker_count(config.settings), show_progress
    )
    print_agreement("segment", metrics)
    print(f"segment: {'trained' if trained else 'unchanged'}: {path}")
    if config.params.lung_weights:
        print(
            f'segment: not used yet: segmentation.weights is "{config.params.segmentation.weights}"; to use it, say '
            "--set segmentation.weights=train"
        )


def _evaluate(config: Config, _: argparse.Namespace) -> None:
    """Measure finished weights on all pairs of `lung_masks` that are not train_only."""
    workers = worker_count(config.settings)
    path, _, _ = lung_weights(config.settings, config.params, config.lungs_dir, workers, show_progress)
    pairs, notes = lung_pairs(config.settings, workers, show_progress)
    pairs = [pair for pair in pairs if not pair.train_only]
    if not pairs:
        raise UserError("lung_masks: every set is train_only; there is nothing to measure on")
    one = config.params.segmentation
    key = {"weights": hash_of_file(path), "pairs": pair_marks(pairs), "cleaning": one.cleaning}
    folder = config.lungs_dir / f"evaluated-{fingerprint(key)}"
    if (folder / "metrics.json").is_file():
        print_agreement("segment", read_json(folder / "metrics.json"))
        print(f"segment: unchanged: {folder}")
        return
    model = load_network(path)
    from cxr.segmentation.measure import measure_network, write_agreement
    from cxr.segmentation.pairs import load_pairs
    from cxr.segmentation.train import predict_maps
    from cxr.segmentation.usable import score_kinds

    arrays = load_pairs(pairs, model.input_shape[1])
    arrays.notes[:0] = notes
    table, found = measure_network(model, arrays, range(len(arrays.pairs)), "", one.cleaning)
    kinds = score_kinds(partial(predict_maps, model), arrays.images, "", one.cleaning)
    more = {"part": f"all pairs, by {path.name} of {path.parent.name}", "pairs": {"test": len(arrays.pairs)}}
    print_agreement("segment", write_agreement(folder, table, found, kinds, arrays, more, one.seed))
    print("segment: pairs that these weights learnt from flatter them")
    print(f"segment: written: {folder}")


def _predict(config: Config, options: argparse.Namespace) -> None:
    """Write the lung masks of a folder of X-rays."""
    from cxr.preparation.masks import TABLE, write_masks

    settings, params, workers = config.settings, config.params, worker_count(config.settings)
    path, _, _ = lung_weights(settings, params, config.lungs_dir, workers, show_progress)
    with tempfile.TemporaryDirectory() as folder:
        net = open_lungs(path, settings.engine, Path(folder), params.segmentation.cleaning)
        table, fresh = write_masks(
            options.images, options.folder, net, hash_of_file(path), params.crop.min_quality,
            "threading" if net.engine else settings.parallel.backend, workers, show_progress("masks"),
        )  # fmt: skip
    done = "written" if fresh else "unchanged"
    rejected = int((table["reason"] != "").sum())
    unusable = int((table["usable"] == 0).sum()) - rejected
    print(
        f"segment: {len(table) - rejected} masks; {rejected} files cannot be read, {unusable} images without usable "
        f"lungs (quality below {params.crop.min_quality:g}): {done}: {options.folder / TABLE}"
    )
