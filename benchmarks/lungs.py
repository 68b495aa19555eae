"""What finding lungs costs: the U-Net through OpenVINO against model.predict, clean-up and quality, loading.

Run from the repository root:  .venv/bin/python benchmarks/lungs.py [--weights models/lungs/.../unet.keras]
Without --weights the shipped network is measured. CPU-seconds of this process, ratios in one run, on phantoms.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

import numpy as np

from cxr.config.params import SHIPPED_LUNGS

IMAGES, ROUNDS = 32, 5
LOADING = """
import sys, time
from pathlib import Path
sys.path.insert(0, "src")
from cxr.engines.saved import load_model
started = time.perf_counter()
load_model(Path(sys.argv[1]))
print(time.perf_counter() - started)
"""


def cpu_ms(job: Callable[[], object], images: int, rounds: int = ROUNDS) -> float:
    """CPU-milliseconds per image of a job over so many images; the fastest of some rounds."""
    taken = []
    for _ in range(rounds):
        before = time.process_time()
        job()
        taken.append((time.process_time() - before) / images * 1000)
    return min(taken)


def loading_s(weights: Path) -> float:
    """Seconds to load the weights in a new process, imports not counted."""
    output = subprocess.run([sys.executable, "-c", LOADING, str(weights)], capture_output=True, text=True, check=True)
    return float(output.stdout.split()[-1])


def main() -> None:
    from cxr.engines.openvino_engine import OpenVinoEngine, export_openvino
    from cxr.engines.saved import load_model
    from cxr.engines.startup import load_keras
    from cxr.images.geometry import resize
    from cxr.phantoms.phantom import render_phantom
    from cxr.phantoms.spec import PhantomSpec
    from cxr.preparation.chunks import LUNG_BATCH
    from cxr.segmentation.lungs import find_lungs

    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", type=Path, default=SHIPPED_LUNGS)
    weights = parser.parse_args().weights
    load_keras()
    model = load_model(weights)
    size = model.input_shape[1]
    images = [resize(render_phantom(PhantomSpec(), patient, 0).image, size, size) for patient in range(1, IMAGES + 1)]
    batch = np.stack(images)[..., None].astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        engine = OpenVinoEngine(export_openvino(model, Path(folder)), batch=LUNG_BATCH, threads=1)
        maps = engine.run(batch)[0][..., 0]
        openvino = cpu_ms(lambda: engine.run(batch), IMAGES)
    model.predict(batch, verbose=0)
    predicted = cpu_ms(lambda: model.predict(batch, verbose=0), IMAGES)
    model.predict(batch[:1], verbose=0)
    one_by_one = cpu_ms(lambda: [model.predict(image[None], verbose=0) for image in batch], IMAGES, 2)
    cleaned = cpu_ms(lambda: [find_lungs(map_) for map_ in maps], IMAGES)
    print(f"| {weights.parent.name}, {size} px, {model.count_params():,} parameters | figure | asked |\n|---|---|---|")
    print(f"| file | {weights.stat().st_size / 2**20:.1f} MB | <= 8 |")
    print(f"| loading | {loading_s(weights):.2f} s | < 1 |")
    print(f"| CPU per image through OpenVINO | {openvino:.1f} ms | <= 40 |")
    print(f"| against model.predict in batches ({predicted:.1f} ms) | {openvino / predicted:.2f} | <= 0.5 |")
    print(f"| against model.predict one by one ({one_by_one:.1f} ms) | {openvino / one_by_one:.2f} | |")
    print(f"| clean-up and quality | {cleaned:.2f} ms | <= 2 |")


if __name__ == "__main__":
    main()
