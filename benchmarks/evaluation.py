"""Time and memory of 2,000 patient resamples of AUROC and average precision, beside a loop over scikit-learn.

Run from the repository root:  .venv/bin/python benchmarks/evaluation.py [RESAMPLES_OF_THE_LOOP]
The sample has the size and prevalences of NIH's official test part: 25,596 images of 2,797 patients, 14 findings. The
loop is timed on a few resamples in the same process and extrapolated; it weighs images by how often their patient was
drawn, which is faster than copying them.
"""

import os
import resource
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from sklearn.metrics import average_precision_score, roc_auc_score

from cxr.config.evaluation import Evaluation
from cxr.evaluation.metrics import measure
from cxr.evaluation.predictions import Predictions
from cxr.evaluation.ranking import bootstrap_ranking
from cxr.evaluation.resamples import Resamples

IMAGES, PATIENTS, RESAMPLES = 25_596, 2_797, 2_000
PREVALENCES = (0.128, 0.042, 0.182, 0.239, 0.068, 0.063, 0.022, 0.104, 0.071, 0.036, 0.043, 0.017, 0.045, 0.003)


def draw_sample(seed: int = 0) -> Predictions:
    """Predictions of val (a third as large) and test; images spread over patients unevenly, as in life."""
    random = np.random.default_rng(seed)
    sizes = {"val": IMAGES // 3, "test": IMAGES}
    ids, splits = [], []
    for part, size in sizes.items():
        people = PATIENTS * size // IMAGES
        extra = random.choice(people, size - people, p=random.dirichlet(np.full(people, 0.5)))
        ids += [f"{part}{patient:05d}" for patient in np.concatenate([np.arange(people), extra])]
        splits += [part] * size
    labels = (random.random((len(ids), len(PREVALENCES))) < PREVALENCES).astype(float)
    logits = random.normal(size=labels.shape) + 1.2 * labels - 2
    return Predictions(
        image_ids=np.arange(len(ids)).astype(str),
        patient_ids=np.array(ids),
        splits=np.array(splits),
        findings=tuple(f"finding {k}" for k in range(len(PREVALENCES))),
        probabilities=1 / (1 + np.exp(-logits)),
        label_codes=labels,
    )


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    looped = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    predictions = draw_sample()
    test = predictions.part("test")
    before = peak_mb()
    cpu, wall = time.process_time(), time.perf_counter()
    resamples = Resamples.of(test.patient_ids, RESAMPLES, 0)
    areas, precisions = bootstrap_ranking(test.labels, test.probabilities, resamples)
    cpu_s, wall_s, peak = time.process_time() - cpu, time.perf_counter() - wall, peak_mb()
    cpu = time.process_time()
    worst = 0.0
    for b in range(looped):
        weights = resamples.weights[b][resamples.patient_of].astype(float)
        used = weights > 0
        for k in range(len(test.findings)):
            given = (test.labels[used, k], test.probabilities[used, k])
            apart = (
                roc_auc_score(*given, sample_weight=weights[used]) - areas[b, k],
                average_precision_score(*given, sample_weight=weights[used]) - precisions[b, k],
            )
            worst = max(worst, *np.abs(apart))
    loop_s = (time.process_time() - cpu) / looped * RESAMPLES
    cpu, wall = time.process_time(), time.perf_counter()
    measure(predictions, {"name": "benchmark", "hash": ""}, Evaluation(resamples=RESAMPLES))
    whole_cpu_s, whole_wall_s = time.process_time() - cpu, time.perf_counter() - wall
    print(f"{IMAGES:,} images, {PATIENTS:,} patients, {len(PREVALENCES)} findings, {RESAMPLES:,} resamples; "
          f"{os.cpu_count()} cores\n")  # fmt: skip
    print("| what | CPU s | wall s | peak MB |\n|---|---|---|---|")
    print(f"| AUROC and average precision | {cpu_s:.1f} | {wall_s:.1f} | {peak:.0f} ({before:.0f} before) |")
    print(f"| scikit-learn, extrapolated from {looped} resamples | {loop_s:.0f} | | |")
    print(f"| everything `cxr evaluate` measures, val and test | {whole_cpu_s:.1f} | {whole_wall_s:.1f} "
          f"| {peak_mb():.0f} |")  # fmt: skip
    print(f"\nratio {loop_s / cpu_s:.0f}; largest difference from scikit-learn {worst:.1e}")


if __name__ == "__main__":
    main()
