"""How fast is the gallery of a whole test part, and does its memory stay flat?

Run from the repository root:  .venv/bin/python benchmarks/gallery.py [--network densenet121] [--image-px 224]
    [--images 1000] [--workers 2] [--originals FOLDER]
Originals are 1024-px PNGs: those of FOLDER, or phantoms enlarged to that size with detector noise; 24 of them, linked
under as many names as there are images. The network has random weights: it costs what a trained one does. Every image
gets one picture, or two where the surest finding is another than the labelled one. Asked: >= 15 images per second with
their pictures written, on two idle cores, and as much memory after 1,000 images as after 200. CPU seconds stand beside
wall seconds, because only they mean something on a machine that others use too.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

import numpy as np
import psutil

from cxr.classification.networks.classifier import build_classifier
from cxr.config.atomic import write_json
from cxr.config.findings import NIH14
from cxr.config.heatmaps import Heatmaps
from cxr.config.member import Member
from cxr.images.files import read_image, write_png
from cxr.images.geometry import Box, resize
from cxr.images.hashing import difference_hash
from cxr.images.lies import UPRIGHT
from cxr.phantoms.phantom import render_phantom
from cxr.phantoms.spec import PhantomSpec
from cxr.preparation.store import Store
from cxr.training.epochs import BEST
from cxr.visualization.calls import Calls
from cxr.visualization.choices import choose_all
from cxr.visualization.drawing import Sources
from cxr.visualization.gallery import write_collection
from cxr.visualization.originals import Prepared

ORIGINALS, SIDE_PX, CROP_PX, EARLY = 24, 1024, 256, 200


def write_originals(folder: Path, given: Path | None) -> list[Path]:
    """Return the files of so many different 1024-px X-rays."""
    if given:
        return sorted(given.rglob("*.png"))[:ORIGINALS]
    rng, files = np.random.default_rng(0), []
    for number in range(ORIGINALS):
        phantom = render_phantom(PhantomSpec(patients=ORIGINALS), number, 0).image
        image = resize(phantom, SIDE_PX, SIDE_PX) + rng.normal(0, 4, (SIDE_PX, SIDE_PX))
        files.append(folder / f"original-{number}.png")
        write_png(files[-1], np.clip(image, 0, 255).astype(np.uint8))
    return files


def make_sources(work: Path, originals: list[Path], options: argparse.Namespace) -> Sources:
    """Return a test part of so many images, all findings as frequent as in NIH's, and a network for it."""
    rng, count = np.random.default_rng(1), options.images
    images = [read_image(path) for path in originals]
    crops = np.stack([resize(image, CROP_PX, CROP_PX) for image in images])
    np.save(work / "crops.npy", crops[np.arange(count) % len(crops)])
    ids = np.array([f"{number:08d}_000.png" for number in range(count)])
    paths = [work / "images" / name for name in ids]
    (work / "images").mkdir()
    for number, path in enumerate(paths):
        path.symlink_to(originals[number % len(originals)])
    labels = (rng.random((count, len(NIH14))) < 0.06).astype(np.float32)
    store = Store(
        findings=tuple(NIH14), image_ids=ids, patient_ids=ids, parts=np.full(count, "test"), folds=np.full(count, ""),
        rows=np.arange(count), labels=labels, no_finding=~labels.any(axis=1),
        crops=np.load(work / "crops.npy", mmap_mode="r"), lungs=None,
        boxes=[Box(0, 0, *images[number % len(images)].shape[::-1]) for number in range(count)],
        lies=[UPRIGHT] * count, paths=paths, split={}, record={},
    )  # fmt: skip
    known = [Prepared(*image.shape, difference_hash(image)) for image in images]
    member = work / "member"
    member.mkdir()
    model = build_classifier(Member(network=options.network, image_px=options.image_px), len(NIH14))
    model.save(member / BEST)
    record = {"finished": True, "findings": list(NIH14), "network": options.network, "inputs": {"split": ""}}
    write_json(member / "run.json", record)
    shape = labels.shape
    calls = Calls(
        findings=store.findings, image_ids=ids, rows=np.arange(count), raw=rng.random(shape),
        calibrated=rng.random(shape), thresholds=np.full(shape, 0.5), missing=(None,) * len(NIH14), labels=labels,
    )  # fmt: skip
    prepared = {str(name): known[number % len(known)] for number, name in enumerate(ids)}
    return Sources({"": [member]}, store, calls, prepared, {}, Heatmaps(), "openvino", options.workers)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--network", default="densenet121")
    parser.add_argument("--image-px", type=int, default=224)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--originals", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as text:
        work = Path(text)
        sources = make_sources(work, write_originals(work, options.originals), options)
        choices = choose_all(sources.calls, sources.store.no_finding)
        process, marks = psutil.Process(), []

        def tell(done: int, total: int) -> None:
            memory = process.memory_info()
            own = (memory.rss - memory.shared) / 2**20  # crops that were read stay mapped as long as there is room
            marks.append((done, time.perf_counter(), time.process_time(), memory.rss / 2**20, own))

        write_collection(choices, sources, work / "all", "benchmark", tell)
        pictures = list((work / "all").glob("*/*.jpg"))
        megabytes = sum(path.stat().st_size for path in pictures) / 2**20
    first, last = marks[0], marks[-1]  # opening the network does not count
    early = next(mark for mark in marks if mark[0] >= min(EARLY, options.images))
    images = last[0] - first[0]
    wall, cpu = last[1] - first[1], last[2] - first[2]
    print(f"{options.network} at {options.image_px} px, {options.workers} threads: {last[0]} images, {len(pictures)} "
          f"pictures, {megabytes:.0f} MB; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")  # fmt: skip
    print("| measured | figure | asked |\n|---|---|---|")
    print(f"| images per second | {images / wall:.1f} | >= 15 on two idle cores |")
    print(f"| CPU-seconds per image, ms | {cpu / images * 1e3:.1f} | < {2e3 / 15:.0f} |")
    counts = f"{early[0]} / {last[0]} images, MB"
    print(f"| memory after {counts}, with the mapped crops | {early[3]:.0f} / {last[3]:.0f} | |")
    print(f"| memory after {counts}, without | {early[4]:.0f} / {last[4]:.0f} | flat |")


if __name__ == "__main__":
    main()
