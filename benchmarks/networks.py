"""Every registered network at one size: parameters, map, floating-point operations, images per second on this machine.

Run from the repository root:  .venv/bin/python benchmarks/networks.py [NETWORK ...] [--write] [--no-speed]
Prints the table; --write puts it into the README, where networks that were not measured now keep their old speed.
Speed is that of the product's own engine for CPUs (OpenVINO, float32, batches of 16) on two cores: the best of three
runs of at least 5 seconds. GFLOPs count multiplications and additions, in convolutions and dense layers alone.
"""

import argparse
import math
import os
import re
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

import keras
import numpy as np
from keras import layers

from cxr.classification.networks.classifier import build_classifier
from cxr.classification.networks.registry import NETWORKS
from cxr.config.atomic import write_text
from cxr.config.member import Member
from cxr.engines.openvino_engine import OpenVinoEngine, export_openvino

README = Path(__file__).parents[1] / "README.md"
IMAGE_PX, FINDINGS = 224, 14
BATCH, THREADS, RUNS, SECONDS = 16, 2, 3, 5
START, END = "<!-- networks: written by `benchmarks/networks.py --write` -->", "<!-- end of networks -->"
HEAD = "| network | parameters, millions | map | GFLOPs | images/s | ImageNet weights need |\n|---|---|---|---|---|---|"
NOT_MEASURED = "-"


def count_operations(layer: layers.Layer) -> int:
    """Multiplications and additions that one image costs in a convolution or a dense layer; 0 for other layers."""
    if isinstance(layer, layers.SeparableConv2D):
        places, inputs = math.prod(layer.output.shape[1:3]), layer.input.shape[-1] * layer.depth_multiplier
        return 2 * places * inputs * (math.prod(layer.kernel_size) + layer.filters)
    if isinstance(layer, layers.DepthwiseConv2D):
        return 2 * math.prod(layer.output.shape[1:]) * math.prod(layer.kernel_size)
    if isinstance(layer, layers.Conv2D):
        window = math.prod(layer.kernel_size) * layer.input.shape[-1] // layer.groups
        return 2 * math.prod(layer.output.shape[1:]) * window
    if isinstance(layer, layers.Dense):
        return 2 * math.prod(layer.output.shape[1:]) * layer.input.shape[-1]
    return 0


def measure_speed(model: keras.Model) -> float:
    """Images per second."""
    images = np.random.default_rng(0).uniform(0, 255, (BATCH, IMAGE_PX, IMAGE_PX, 1)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        engine = OpenVinoEngine(export_openvino(model, Path(folder)), batch=BATCH, threads=THREADS)
    engine.run(images)
    speeds = []
    for _ in range(RUNS):
        started, done = time.perf_counter(), 0
        while (passed := time.perf_counter() - started) < SECONDS:
            engine.run(images)
            done += BATCH
        speeds.append(done / passed)
    return max(speeds)


def write_speed(speed: float) -> str:
    """Three digits, and whole numbers from 100 on."""
    return f"{speed:.0f}" if speed >= 100 else f"{speed:.3g}"


def describe(name: str, speed: str | None) -> str:
    """One row; speed: as the README has it, or None to measure it."""
    keras.utils.clear_session()
    model = build_classifier(Member(network=name, image_px=IMAGE_PX), FINDINGS)
    height, width, depth = model.get_layer("features").output.shape[1:]
    operations = sum(count_operations(layer) for layer in model.layers)
    if speed is None:
        speed = write_speed(measure_speed(model))
    needs = NETWORKS[name].imagenet
    cells = (
        f"`{name}`",
        f"{model.count_params() / 1e6:.3g}",
        f"{height} x {width} x {depth}",
        f"{operations / 1e9:.3g}",
        speed,
        f"`{needs}`" if needs else "has none",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help="those to be measured; all when none is named")
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    parser.add_argument("--no-speed", action="store_true", help="measure no speed")
    options = parser.parse_args()
    if unknown := set(options.networks) - set(NETWORKS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(NETWORKS)}")
    readme = README.read_text(encoding="utf-8")
    known = dict(re.findall(r"^\| `(\w+)` \|(?:[^|]*\|){3} ([\d.]+) \|", readme, re.MULTILINE))
    measured = [] if options.no_speed else options.networks or list(NETWORKS)
    rows = [HEAD]
    for name in NETWORKS:
        rows.append(describe(name, None if name in measured else known.get(name, NOT_MEASURED)))
        print(rows[-1], flush=True)
    if options.write:
        before, _, rest = readme.partition(START)
        _, _, after = rest.partition(END)
        write_text(README, "\n".join([f"{before}{START}", *rows, f"{END}{after}"]))


if __name__ == "__main__":
    main()
