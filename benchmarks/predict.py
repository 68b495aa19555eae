"""What an answer to a new X-ray costs: a bundle against Keras with gradient Grad-CAM, PyTorch, and a cold start.

Run from the repository root:  .venv/bin/python benchmarks/predict.py [--images 32 --torch-python PATH]
Wall time; what is compared is run alternately, and ratios are of medians, so that a busy machine slows both; it
slows CPU time less. bf16 is timed where the CPU knows it, though nobody measured whether it is as good: the members are
untrained. "with boxes" is all that `./cxr predict` does where every finding is called: it also puts boxes around the
heat of all 14, which Keras is not asked for.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

import numpy as np

ROOT = Path(__file__).parents[1]
FINDINGS = tuple(f"finding {number}" for number in range(14))
MEMBERS = {"densenet169": "densenet169", "inception_v3": "inception_v3", "xception": "xception"}
MEMBER_PX, CROP_PX, XRAY_PX = 160, 192, 1024


def make_images(folder: Path, count: int) -> list[Path]:
    from cxr.images.files import write_png
    from cxr.phantoms.phantom import render_phantom
    from cxr.phantoms.spec import PhantomSpec

    spec = PhantomSpec(patients=count, seed=7, image_px=XRAY_PX)
    paths = [folder / f"{number:03d}.png" for number in range(count)]
    for number, path in enumerate(paths, 1):
        write_png(path, render_phantom(spec, number, 0).image)
    return paths


def make_bundle(folder: Path) -> dict[str, Any]:
    """Write a bundle of untrained members to `folder`; return their Keras models."""
    import cxr.classification.member as member_file
    from cxr.classification.networks.classifier import build_classifier
    from cxr.config.localization import MapCut
    from cxr.config.lungs import Cleaning
    from cxr.config.member import Member
    from cxr.config.params import SHIPPED_LUNGS, Crop
    from cxr.prediction.exported import Task, resized, write_bundle
    from cxr.prediction.precisions import Validation

    models = {
        name: build_classifier(Member(network=network, image_px=MEMBER_PX), len(FINDINGS))
        for name, network in MEMBERS.items()
    }
    member_file.load_member = lambda path, findings: models[path.name]  # there is nothing to load
    task = Task("Benchmark", FINDINGS, Crop(image_px=CROP_PX), Cleaning(), {}, True, [], "untrained", MapCut())
    noise = np.random.default_rng(0).integers(0, 256, (2, CROP_PX, CROP_PX)).astype(np.uint8)
    none = Validation(np.zeros((0, len(FINDINGS))), lambda *_: None)
    write_bundle(folder, task, folder, MEMBERS, SHIPPED_LUNGS, resized(noise), none, False, engines=("openvino",))
    return models


def keras_way(models: dict[str, Any], paths: list[Path]) -> Callable[[], None]:
    """The same by `predict`, and gradient Grad-CAM of the most probable finding (Selvaraju et al. 2017)."""
    import keras
    import tensorflow as tf

    from cxr.config.lungs import Cleaning
    from cxr.config.params import SHIPPED_LUNGS, Crop
    from cxr.images.geometry import resize
    from cxr.preparation.crop import crop_images

    lungs = keras.saving.load_model(SHIPPED_LUNGS)

    class Lungs:
        name = "keras"

        def run(self, images: np.ndarray) -> list[np.ndarray]:
            return [lungs.predict(images, verbose=0)]

    with_features = {
        name: keras.Model(model.input, [model.get_layer("features").output, model.output])
        for name, model in models.items()
    }

    @tf.function(reduce_retracing=True)
    def gradcam(model: Any, images: Any, top: Any) -> Any:
        with tf.GradientTape() as tape:
            features, answers = model(images, training=False)
            tape.watch(features)
            score = tf.reduce_sum(tf.gather(answers, top, axis=1, batch_dims=1))
        weights = tf.reduce_mean(tape.gradient(score, features), axis=(1, 2), keepdims=True)
        return tf.nn.relu(tf.reduce_sum(weights * features, axis=-1))

    def run() -> None:
        rows = crop_images(paths, Crop(image_px=CROP_PX), Lungs(), lungs.input_shape[1], Cleaning())
        images = np.stack([resize(row.pixels, MEMBER_PX, MEMBER_PX) for row in rows])[..., None].astype(np.float32)
        for name, model in models.items():
            answers = model.predict(images, verbose=0)
            np.asarray(gradcam(with_features[name], tf.constant(images), tf.constant(answers.argmax(axis=1))))

    return run


def alternate(ways: dict[str, Callable[[], Any]], rounds: int) -> dict[str, tuple[float, float]]:
    """Median seconds of each, wall and CPU of this process, after one round that does not count."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            way()
            if number:
                taken[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {name: tuple(map(statistics.median, zip(*times, strict=True))) for name, times in taken.items()}


def compare_keras(bundle_folder: Path, models: dict[str, Any], paths: list[Path], rounds: int) -> None:
    ways = {
        f"{precision}{' with boxes' if boxes else ''}": bundle_way(bundle_folder, paths, precision, boxes)
        for precision in known_precisions()
        for boxes in (False, True)
    }
    found = alternate(ways | {"keras": keras_way(models, paths)}, rounds)
    for name, (wall, cpu) in found.items():
        count = len(paths)
        print(f"three members, lungs, heatmaps: {name}: {count / wall:.2f} images/s, {cpu / count:.3f} CPU s an image")
    for name in ways:
        wall, cpu = (theirs / ours for theirs, ours in zip(found["keras"], found[name], strict=True))
        print(f"  {name} against Keras with gradient Grad-CAM: {wall:.2f} times as fast, {cpu:.2f} times less CPU")


def known_precisions() -> list[str]:
    from cxr.engines.openvino_engine import knows_bf16

    return ["f32", "bf16"] if knows_bf16() else ["f32"]


def bundle_way(folder: Path, paths: list[Path], precision: str, boxes: bool) -> Callable[[], None]:
    """What `./cxr predict` does of a chunk; boxes: up to the lines that it writes, else up to the heatmaps."""
    from cxr.prediction.answers import Item, answer_items
    from cxr.prediction.bundle import Offered, read_bundle
    from cxr.prediction.opened import open_bundle
    from cxr.prediction.rows import record_of

    bundle = read_bundle(folder)
    reason = "offered to be timed; not measured"
    offered = Offered(precision="bf16", auroc_f32=None, auroc=None, offered=True, reason=reason)
    bundle = replace(bundle, record=bundle.record.model_copy(update={"precisions": [offered]}))  # in memory alone
    opened = open_bundle(bundle, "openvino", precision)
    items = [Item(path.name, path) for path in paths]

    def run() -> None:
        answers = answer_items(bundle, opened, items, force=True)
        assert all(answer.maps for answer in answers)
        for answer in answers if boxes else ():
            record_of(bundle, answer)

    return run


def compare_torch(folder: Path, python: Path, rounds: int, size: int = 224, batch: int = 16) -> None:
    from cxr.classification.networks.classifier import build_classifier
    from cxr.config.member import Member
    from cxr.engines.openvino_engine import OpenVinoEngine, export_openvino
    from cxr.visualization.methods.grad_cam import with_maps

    model = with_maps(build_classifier(Member(network="densenet121", image_px=size), len(FINDINGS)))
    path = export_openvino(model, folder)
    cores = len(os.sched_getaffinity(0))
    images = np.random.default_rng(0).uniform(0, 255, (batch, size, size, 1)).astype(np.float32)
    rates: dict[str, list[float]] = {"f32": [], "bf16": [], "torch": []}
    best = ""
    for _ in range(rounds):
        for precision in ("f32", "bf16"):
            engine = OpenVinoEngine(path, batch=1, threads=cores, streams=cores, precision=precision)
            seconds = alternate({"": lambda engine=engine: engine.run(images)}, 5)[""][0]
            rates[precision].append(batch / seconds)
        command = [python, ROOT / "benchmarks" / "predict_torch.py", *map(str, (size, batch, 5))]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        rate, _, best = said.strip().partition(" ")
        rates["torch"].append(float(rate))
    medians = {name: statistics.median(found) for name, found in rates.items()}
    for name, rate in medians.items():
        print(f"DenseNet121 at {size} px: {name}{f' ({best})' if name == 'torch' else ''}: {rate:.1f} images/s")
    for name in ("f32", "bf16"):
        print(f"  OpenVINO {name} against PyTorch: {medians[name] / medians['torch']:.2f} times as fast")


def time_start(bundle: Path, image: Path, folder: Path, rounds: int) -> None:
    """From the start of the process to predictions.csv, for one image, with a warm cache of compiled networks."""
    command = [sys.executable, "-m", "cxr", "predict", bundle, image, "--out"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    numbers = iter(range(rounds + 1))

    def run() -> None:
        subprocess.run([*command, folder / f"{next(numbers)}"], check=True, capture_output=True, env=environment)

    print(f"one image from process start to CSV: {alternate({'': run}, rounds)[''][0]:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--torch-python", type=Path, help="a Python that has torch")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = make_images(folder / "images", options.images)
        models = make_bundle(folder / "bundle")
        time_start(folder / "bundle", paths[0], folder / "started", 5)
        compare_keras(folder / "bundle", models, paths, options.rounds)
        if options.torch_python:
            compare_torch(folder / "densenet", options.torch_python, options.rounds)


if __name__ == "__main__":
    main()
