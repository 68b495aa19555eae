"""How near preparation comes to its limits: decoding and the lung network, memory, the store, the largest label table.

Run from the repository root:
    .venv/bin/python benchmarks/prepare.py REAL_DATA [--weights models/lungs/.../unet.keras]
REAL_DATA holds nih-native/ (1024-px PNGs in NIH's layout) and nih-metadata/ (NIH's tables, packed). Whole runs of
`./cxr prepare` on hard links to the PNGs; CPU-seconds and seconds per image are those that 5,000 images take more than
500, so that starting up does not count.
"""

import argparse
import csv
import gzip
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

import numpy as np
import psutil

ROOT = Path(__file__).parents[1]
FEW, MANY = 500, 5_000
DECODED, PREDICTED, BATCHES = 60, 30, 40
HEADER = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position\n"


def cpu_seconds(job, repeat: int) -> float:
    """CPU-seconds of this process for one of `repeat` calls."""
    before = time.process_time()
    for _ in range(repeat):
        job()
    return (time.process_time() - before) / repeat


def linked_folder(folder: Path, originals: list[Path], images: int) -> Path:
    """NIH's layout with so many hard links, one patient each."""
    (folder / "images").mkdir(parents=True)
    with (folder / "Data_Entry_2017.csv").open("w") as table:
        table.write(HEADER)
        for number in range(images):
            name = f"{number:08d}_000.png"
            os.link(originals[number % len(originals)], folder / "images" / name)
            table.write(f"{name},{'Mass' if number % 3 else 'No Finding'},0,{number},50,M,PA\n")
    return folder


def watch_memory(process: psutil.Process, peak: list[float]) -> None:
    """Keep the largest sum of unshared memory of a process and its children, MB."""
    while process.is_running():
        total = 0
        for one in [process, *process.children(recursive=True)]:
            try:
                total += one.memory_full_info().uss
            except psutil.Error:
                continue
        peak[0] = max(peak[0], total / 2**20)
        time.sleep(0.3)


def measure_run(root: Path, work: Path, weights: Path) -> tuple[float, float, float]:
    """Return CPU-seconds, seconds and peak memory (MB) of `./cxr prepare` on a folder."""
    settings = work / f"{root.name}.json"
    settings.write_text(json.dumps({"datasets": [{"format": "nih", "root": str(root)}], "prepared_dir": str(work)}))
    options = [
        "--settings",
        str(settings),
        "--set",
        f"segmentation.weights={weights}",
        "--set",
        "split.scheme=patients",
    ]
    started, peak = time.perf_counter(), [0.0]
    process = subprocess.Popen(["./cxr", "prepare", *options], cwd=ROOT, stdout=subprocess.DEVNULL)
    watcher = threading.Thread(target=watch_memory, args=(psutil.Process(process.pid), peak), daemon=True)
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"./cxr prepare failed on {root}")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - started, peak[0]


def limits(originals: list[Path], weights: Path, work: Path) -> tuple[float, float, float]:
    """CPU-seconds per image of decoding alone, of the lung network alone, and image by image with model.predict."""
    from cxr.engines.openvino_engine import OpenVinoEngine
    from cxr.engines.saved import load_model
    from cxr.engines.startup import load_keras
    from cxr.images.files import read_image
    from cxr.images.geometry import resize
    from cxr.preparation.chunks import CHUNK_IMAGES
    from cxr.preparation.lung_network import open_lungs
    from cxr.segmentation.lungs import find_lungs

    load_keras()
    files = [originals[k % len(originals)] for k in range(DECODED)]
    decoding = cpu_seconds(lambda: [read_image(file) for file in files], 1) / len(files)
    net = open_lungs(weights, "openvino", work / "net")
    engine = OpenVinoEngine(net.openvino, batch=CHUNK_IMAGES, threads=1)
    inputs = np.random.default_rng(0).integers(0, 256, (CHUNK_IMAGES, net.image_px, net.image_px, 1)).astype(np.float32)
    engine.run(inputs)
    network = cpu_seconds(lambda: engine.run(inputs), 5) / CHUNK_IMAGES
    model = load_model(weights)

    def one_by_one() -> None:
        for file in files[:PREDICTED]:
            image = resize(read_image(file), net.image_px, net.image_px)[None, ..., None].astype(np.float32)
            find_lungs(model.predict(image, verbose=0)[0, ..., 0])

    model.predict(inputs[:1], verbose=0)
    return decoding, network, cpu_seconds(one_by_one, 1) / PREDICTED


def store_speed(prepared: Path, originals: list[Path]) -> float:
    """How many times faster a random batch comes from the store than from decoding the PNGs again (at 128 px)."""
    from cxr.images.files import read_image
    from cxr.images.geometry import resize

    crops, rng = np.load(prepared / "crops.npy", mmap_mode="r"), np.random.default_rng(0)

    def from_store() -> None:
        np.stack([resize(crop, 128, 128) for crop in crops[np.sort(rng.integers(0, len(crops), 16))]])

    def from_files() -> None:
        np.stack([resize(read_image(originals[k]), 128, 128) for k in rng.integers(0, len(originals), 16)])

    from_store()
    return cpu_seconds(from_files, 4) / cpu_seconds(from_store, BATCHES)


def whole_table(metadata: Path, work: Path) -> tuple[float, int, int]:
    """Seconds for manifest and official split of all of NIH's rows (empty files stand for the images)."""
    from cxr.config.datasets import NihDataset
    from cxr.config.findings import NIH14
    from cxr.config.split import Split
    from cxr.datasets.manifest import merge_sources
    from cxr.datasets.sources.nih import read_nih
    from cxr.datasets.split import assign_split

    root = work / "all"
    (root / "images").mkdir(parents=True)
    for packed in metadata.glob("*.gz"):
        (root / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
    with (root / "Data_Entry_2017_v2020.csv").open(newline="") as table:
        for name, *_ in list(csv.reader(table))[1:]:
            (root / "images" / name).touch()
    started = time.perf_counter()
    manifest, rejected = merge_sources([read_nih(NihDataset(format="nih", root=root), "nih")])
    split = assign_split(manifest, Split(scheme="official"), list(NIH14), 1)
    seconds = time.perf_counter() - started
    assert split.name == "official"
    return seconds, len(manifest), len(rejected)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("real_data", type=Path)
    parser.add_argument("--weights", type=Path, default=ROOT / "models/lungs/shipped/unet.keras")
    options = parser.parse_args()
    weights, cores = options.weights.resolve(), len(os.sched_getaffinity(0))
    native = sorted((options.real_data / "nih-native").rglob("*.png"))
    with tempfile.TemporaryDirectory() as text:
        work = Path(text)
        originals = [work / path.name for path in native]
        for path, copy in zip(native, originals, strict=True):
            copy.write_bytes(path.read_bytes())
        decoding, network, one_by_one = limits(originals, weights, work)
        few, many = (measure_run(linked_folder(work / f"n{n}", originals, n), work, weights) for n in (FEW, MANY))
        cpu_s, wall_s = ((many[k] - few[k]) / (MANY - FEW) for k in (0, 1))
        [prepared] = (record.parent for record in work.glob("nih-*/prepared.json")
                      if json.loads(record.read_text())["images"] == MANY)  # fmt: skip
        faster = store_speed(prepared, originals)
        table_s, rows, rejected = whole_table(options.real_data / "nih-metadata", work)
    print("| measured | figure | asked |\n|---|---|---|")
    print(f"| CPU per image: decoding / lung network / prepare, ms | {decoding * 1e3:.1f} / {network * 1e3:.1f} / "
          f"{cpu_s * 1e3:.1f} | |")  # fmt: skip
    print(f"| prepare against decoding and lung network | {cpu_s / (decoding + network):.2f} times | <= 1.25 |")
    print(
        f"| against model.predict image by image ({one_by_one * 1e3:.0f} ms) | {one_by_one / cpu_s:.1f} times less "
        "| >= 8 |"
    )
    print(f"| cores busy | {cpu_s / wall_s:.2f} of {cores} | both |")
    print(f"| peak memory, {FEW} / {MANY} images, MB | {few[2]:.0f} / {many[2]:.0f} | flat |")
    print(f"| batches from the store against decoding | {faster:.0f} times | >= 20 |")
    print(f"| manifest and split of {rows} rows ({rejected} rejected) | {table_s:.1f} s | < 10 |")


if __name__ == "__main__":
    main()
