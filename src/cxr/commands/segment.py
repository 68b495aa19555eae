"""`cxr segment`: train the lung network of these settings and parameters, once."""

import argparse

from cxr.commands.context import read_config, worker_count
from cxr.commands.progress import show_progress
from cxr.preparation.lung_network import lung_weights


def run(options: argparse.Namespace) -> None:
    """Train, or say why there is nothing to train."""
    config = read_config(options)
    if config.params.crop.mode == "none":
        print('segment: crop.mode is "none": no lungs are sought, nothing to train')
        return
    workers = worker_count(config.settings)
    path, metrics, trained = lung_weights(config.settings, config.params, config.lungs_dir, workers, show_progress)
    for note in (metrics or {}).get("notes", []):
        print(f"segment: {note}")
    if metrics:
        dice, iou = metrics["dice"], metrics["iou"]
        print(
            f"segment: on {metrics['pairs']['test']} held-out pairs Dice {dice['mean']:.3f} (5th percentile "
            f"{dice['p05']:.3f}), IoU {iou['mean']:.3f}"
        )
    print(f"segment: {'trained' if trained else 'unchanged'}: {path}")
