"""How fast phantoms are drawn, against what their pixels cost at least: one blur and one logarithm per layer read.

Run from the repository root:  .venv/bin/python benchmarks/phantoms.py [--image-px 320] [--images 400]
Prints images per second of one core (drawing alone) and of all cores (drawing, PNG encoding and writing), and the ratio
to the time of 100 passes of numpy over one image, which is about the number of layers a phantom is summed from.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

import cv2
import numpy as np

from cxr.phantoms.course import draw_course
from cxr.phantoms.dataset.folder import write_phantoms
from cxr.phantoms.phantom import render_visit
from cxr.phantoms.spec import PhantomSpec

LAYERS = 100


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--image-px", type=int, default=320)
    parser.add_argument("--images", type=int, default=400)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    spec = PhantomSpec(patients=options.images, image_px=options.image_px)
    courses = [draw_course(spec, patient) for patient in range(1, options.images + 1)]
    render_visit(spec, 1, 0, courses[0])
    started = time.perf_counter()
    for patient, course in enumerate(courses, 1):
        render_visit(spec, patient, 0, course)
    one_core_s = (time.perf_counter() - started) / options.images

    layer = np.random.default_rng(0).random((options.image_px, options.image_px), dtype=np.float32)
    started = time.perf_counter()
    for _ in range(LAYERS):
        layer = np.sqrt(layer * layer + np.float32(0.1))
    floor_s = time.perf_counter() - started

    cores = os.cpu_count() or 1
    images = sum(len(course.visits) for course in courses)
    with tempfile.TemporaryDirectory() as folder:
        write_phantoms(Path(folder) / "warm", PhantomSpec(patients=2, image_px=64), workers=cores)
        started = time.perf_counter()
        write_phantoms(Path(folder) / "set", spec, workers=cores)
        all_cores_s = (time.perf_counter() - started) / images
    print(f"{options.image_px} px: one core {1 / one_core_s:.1f} images/s drawn ({one_core_s * 1e3:.1f} ms each, "
          f"{one_core_s / floor_s:.1f} times {LAYERS} passes over an image); "
          f"{cores} cores {1 / all_cores_s:.1f} images/s written")  # fmt: skip


if __name__ == "__main__":
    main()
