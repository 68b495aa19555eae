"""What a training step costs: ours against Keras' bare one, the loader, batch normalisation, memory, PyTorch.

Run from the repository root:  .venv/bin/python benchmarks/training.py [--network densenet169 --image-px 96 --batch 16]
--torch-python PATH compares a plain DenseNet121 with PyTorch, float32 with float32 and bfloat16 with bfloat16. Wall
time; what is compared is run alternately, and ratios are of medians, so that a busy machine slows both.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

import numpy as np

FINDINGS, STORE_PX = 14, 192


def make_store(folder: Path, count: int) -> Any:
    """A memory-mapped store of noise, as preparation writes it."""
    random = np.random.default_rng(0)
    crops = np.lib.format.open_memmap(folder / "crops.npy", "w+", np.uint8, (count, STORE_PX, STORE_PX))
    crops[:] = random.integers(0, 256, crops.shape)
    crops.flush()
    labels = random.integers(0, 2, (count, FINDINGS)).astype(np.float32)
    return SimpleNamespace(crops=np.load(folder / "crops.npy", mmap_mode="r"), rows=np.arange(count), labels=labels)


def make_model(options: argparse.Namespace, fused: bool) -> Any:
    import keras

    from cxr.classification.losses.bce import MaskedBce
    from cxr.classification.networks.classifier import build_classifier
    from cxr.config.member import Member
    from cxr.training.devices import speed_up

    model = build_classifier(Member(network=options.network, image_px=options.image_px), FINDINGS)
    model.compile(optimizer=keras.optimizers.Adam(1e-4), loss=MaskedBce(), jit_compile=False)
    if fused:
        speed_up(model)
    return model


def step_times(model: Any, images: np.ndarray, labels: np.ndarray, steps: int) -> list[float]:
    """Seconds of bare steps on one batch in memory."""
    taken = []
    for _ in range(steps):
        started = time.perf_counter()
        model.train_on_batch(images, labels)
        taken.append(time.perf_counter() - started)
    return taken


def measure_steps(options: argparse.Namespace, folder: Path) -> None:
    """Print how our steps, the loader and batch normalisation compare."""
    from cxr.classification.crops import training_reader
    from cxr.config.augment import Augment
    from cxr.training.batches import Batches
    from cxr.training.epochs import EpochPlan, run_epochs

    count = options.steps * options.batch
    store = make_store(folder, count)
    augment = Augment(rotate_degrees=8, shift_fraction=0.05, zoom_fraction=0.1)  # as PARAMS.json
    read = training_reader(store, np.arange(count), store.labels, options.image_px, augment)
    waits: list[float] = []

    class Watched(Batches):
        def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
            batches = super().__iter__()
            while True:
                started = time.perf_counter()
                batch = next(batches, None)
                waits.append(time.perf_counter() - started)
                if batch is None:
                    return
                yield batch

    model, keras_own = make_model(options, True), make_model(options, False)
    images, labels = Batches(read, count, options.batch, 1, 0)[0]
    for one in (model, keras_own):
        step_times(one, images, labels, 2)  # traced
    bare, ours, own, loading = [], [], [], []
    for number in range(options.rounds):
        bare += step_times(model, images, labels, options.steps)
        moments = [0.0]
        plan = EpochPlan(
            folder / str(number), 1, 1, lambda epoch: Watched(read, count, options.batch, 1, epoch),
            lambda model: {"val_loss": 0.0, "val_auroc": 0.0}, score="val_auroc",
        )  # fmt: skip
        run_epochs(model, plan, lambda done, total, at=moments: at.append(time.perf_counter()))
        ours += list(np.diff(moments[1:]))
        own += step_times(keras_own, images, labels, options.steps)
        for step in range(options.steps):
            started = time.perf_counter()
            Batches(read, count, options.batch, 1, number)[step]
            loading.append(time.perf_counter() - started)
    step = np.median(bare)
    print(f"| {options.network}, {options.image_px} px, batch {options.batch} | figure | asked |\n|---|---|---|")
    print(f"| bare step | {1000 * step:.0f} ms, {options.batch / step:.1f} images/s | |")
    print(f"| bare step against ours in a run | {step / np.median(ours):.3f} | >= 0.95 |")
    print(f"| loader, were it not read ahead, of a step | {100 * np.median(loading) / step:.1f} % | |")
    print(f"| waiting for the loader, of a step | {100 * np.median(waits) / step:.2f} % | < 3 % |")
    print(f"| Keras' own batch normalisation against the fused one, time of a step | {np.median(own) / step:.2f} | |")
    print(f"| peak memory of all this | {peak_gb():.1f} GB | |")


def peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def bare_densenet(kind: str, size: int, batch: int, steps: int) -> None:
    """Print images per second and peak GB of keras.applications' DenseNet121, with fused normalisation, in float32 or
    oneDNN's automatic bfloat16."""
    import keras
    import tensorflow as tf

    from cxr.training.devices import speed_up

    tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": kind == "bf16"})
    image = keras.Input((size, size, 3))
    features = keras.applications.DenseNet121(include_top=False, weights=None, input_tensor=image, pooling="avg")
    outputs = keras.layers.Dense(FINDINGS, activation="sigmoid")(features.output)
    model = keras.Model(image, outputs)
    model.compile(optimizer="adam", loss="binary_crossentropy", jit_compile=False)
    speed_up(model)
    random = np.random.default_rng(0)
    images = random.random((batch, size, size, 3), np.float32)
    labels = random.integers(0, 2, (batch, FINDINGS)).astype(np.float32)
    step_times(model, images, labels, 1)
    print(batch / np.median(step_times(model, images, labels, steps)), peak_gb())


def compare_torch(options: argparse.Namespace) -> None:
    """Print DenseNet121 in TensorFlow against PyTorch, each in processes of its own."""
    size = [str(options.torch_px), str(options.batch), str(options.steps)]
    print(f"| DenseNet121, {options.torch_px} px, batch {options.batch} | TensorFlow | PyTorch | ratio | peak GB |")
    print("|---|---|---|---|---|")
    for kind in ("f32", "bf16"):
        found = ([], [], [])
        for _ in range(options.rounds):
            commands = [sys.executable, __file__, "--bare"], [options.torch_python, "benchmarks/training_torch.py"]
            for command, into in zip(commands, (found[::2], found[1:2]), strict=True):
                done = subprocess.run([*command, kind, *size], capture_output=True, text=True, check=True)
                for value, numbers in zip(done.stdout.split()[-len(into) :], into, strict=True):
                    numbers.append(float(value))
        tensorflow, pytorch, memory = (np.median(one) for one in found)
        ratio = tensorflow / pytorch
        print(f"| {kind}, images/s | {tensorflow:.1f} | {pytorch:.1f} | {ratio:.2f} | {memory:.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--network", default="densenet169")
    parser.add_argument("--image-px", type=int, default=96)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--torch-python")
    parser.add_argument("--torch-px", type=int, default=224)
    parser.add_argument("--bare", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        bare_densenet(options.bare[0], *map(int, options.bare[1:]))
        return
    with tempfile.TemporaryDirectory() as folder:
        measure_steps(options, Path(folder))
    if options.torch_python:
        compare_torch(options)


if __name__ == "__main__":
    main()
