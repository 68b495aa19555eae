"""What heatmaps cost: all maps of 14 findings beside a plain forward pass, and beside Grad-CAM by 14 gradients.

Run from the repository root:  .venv/bin/python benchmarks/heatmaps.py [ROUNDS]
DenseNet121 at 224 px, 14 findings, batches of 16, two threads. The same classifier is run by the product's engine
for CPUs (OpenVINO, float32) with and without maps in closed form. Beside it, 14 Grad-CAMs compiled into one graph of
TensorFlow: as a loop over findings that runs the network for each, and as our own gradient code does, with one forward
pass and then the head back for each finding. For each round all are timed one after the other, and ratios are those of
a round, so that what else the machine does meets all alike; medians are printed. CPU seconds are of all threads.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

import keras
import numpy as np
import tensorflow as tf

from cxr.classification.networks.classifier import build_classifier
from cxr.config.member import Member
from cxr.engines.openvino_engine import OpenVinoEngine, export_openvino
from cxr.visualization.heat import normalize_maps
from cxr.visualization.methods.grad_cam import grad_cam, weigh_channels
from cxr.visualization.methods.grad_cam_plus_plus import grad_cam_plus_plus
from cxr.visualization.methods.gradients import compile_gradients
from cxr.visualization.methods.head import with_logits
from cxr.visualization.methods.map_maker import Asked

NETWORK, IMAGE_PX, FINDINGS, BATCH, THREADS, ROUNDS = "densenet121", 224, 14, 16, 2, 5
PLAIN, CLOSED, PLUS = "plain forward pass", "14 maps, `grad_cam`", "14 maps, `grad_cam_plus_plus`"
SHARED = "14 Grad-CAMs by gradient, one graph, one forward pass"
EACH = "14 Grad-CAMs by gradient, one graph, a forward pass each"


def open_engine(model: keras.Model) -> OpenVinoEngine:
    with tempfile.TemporaryDirectory() as folder:
        return OpenVinoEngine(export_openvino(model, Path(folder)), batch=BATCH, threads=THREADS)


def one_graph_of_14(model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """Images -> maps (N, h, w, K): one graph that asks for one finding after the other, as a loop over them does."""
    outputs = with_logits(model)

    @tf.function(input_signature=[tf.TensorSpec((None, IMAGE_PX, IMAGE_PX, 1), tf.float32)])
    def explain(images: tf.Tensor) -> tf.Tensor:
        def of_one(number: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(images)
                _, logits, features = outputs(images, training=False)
                score = tf.reduce_sum(logits[:, number])
            return weigh_channels(features, tape.gradient(score, features))

        return tf.map_fn(of_one, tf.range(FINDINGS), fn_output_signature=tf.float32, parallel_iterations=1)

    return lambda images: np.asarray(explain(images)).transpose(1, 2, 3, 0)


def make_runs(model: keras.Model) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """What is timed, by name; all but the plain pass give normalised maps (N, h, w, K)."""
    target = np.eye(FINDINGS, dtype=np.float32)
    plain, asked = open_engine(model), Asked(target, open_engine)
    closed, plus = grad_cam(model, asked).run, grad_cam_plus_plus(model, asked).run
    shared, each = compile_gradients(model, target, weigh_channels, "grad_cam"), one_graph_of_14(model)
    return {
        PLAIN: lambda images: plain.run(images)[0],
        CLOSED: lambda images: closed(images)[1],
        PLUS: lambda images: plus(images)[1],
        SHARED: lambda images: normalize_maps(shared(images)[1]),
        EACH: lambda images: normalize_maps(each(images)),
    }


def measure_maps(rounds: int) -> None:
    """Print the table of what maps cost."""
    keras.utils.set_random_seed(0)
    model = build_classifier(Member(network=NETWORK, image_px=IMAGE_PX), FINDINGS)
    images = np.random.default_rng(0).uniform(0, 255, (BATCH, IMAGE_PX, IMAGE_PX, 1)).astype(np.float32)
    runs = make_runs(model)
    first = {name: run(images) for name, run in runs.items()}  # compiles
    apart = max(np.abs(first[name] - first[CLOSED]).max() for name in (SHARED, EACH))
    wall, cpu = {name: [] for name in runs}, {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            started, before = time.perf_counter(), time.process_time()
            run(images)
            wall[name].append(time.perf_counter() - started)
            cpu[name].append(time.process_time() - before)
    print(f"{NETWORK} at {IMAGE_PX} px, {FINDINGS} findings, {BATCH} images, {rounds} rounds; {os.cpu_count()} cores\n")
    print("| what | images/s | CPU s / image | times the plain pass | times the closed form |\n|---|---|---|---|---|")
    for name in runs:
        to_plain, to_closed = (median_ratio(wall[name], wall[other]) for other in (PLAIN, CLOSED))
        speed, spent = BATCH / statistics.median(wall[name]), statistics.median(cpu[name]) / BATCH
        print(f"| {name} | {speed:.3g} | {spent:.3g} | {to_plain:.2f} | {to_closed:.2f} |")
    print(f"\nlargest difference of a map by gradient from the closed form {apart:.1e}")


def median_ratio(seconds: list[float], others: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(seconds, others, strict=True))


def main() -> None:
    measure_maps(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)


if __name__ == "__main__":
    main()
