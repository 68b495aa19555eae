"""Is a run on phantoms worth reading? Groups against a linear baseline, hottest points against the true boxes.

Run from the repository root after the scripts:  .venv/bin/python benchmarks/phantom_run.py Efficientnet Ensemble
Options after `--` are those of a step, for example  -- --set seed=1 --settings other.json

Baseline: logistic regression on 32 x 32 pixels, of the whole images and of the crops, trained on the train part, its
strength chosen on val, mean AUROC of the test part with its interval by patient. Pointing (Zhang et al., IJCV 2018):
share of labelled test images whose hottest point lies in a true box of the finding; an empty map counts as a miss.
Controls: the same boxes under the maps of all other patients, and of the other patients who have the finding (where the
place is the same in everyone, no map can do better than that one). Empty maps of others are left out of both. Intervals
of 95 % resample the patients whose boxes are pointed at.
"""

import csv
import sys
import warnings
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from cxr.classification.classifiers import group_classifiers
from cxr.commands.arguments import parse_arguments
from cxr.commands.context import read_config
from cxr.config.record import read_json
from cxr.evaluation.auroc import auroc
from cxr.evaluation.intervals import (
    Interval,
    bootstrap_auroc,
    mean_draws,
    percentile_interval,
    resampled_weights,
)
from cxr.images.files import read_image
from cxr.images.geometry import Box, resize
from cxr.preparation.prepare import prepared_files
from cxr.preparation.store import PreparedFiles, Store, open_store
from cxr.visualization.maps import group_maps

RESAMPLES = 2000
SMALL_PX, MAP_PX, STRENGTHS = 32, 96, (1e-4, 1e-3, 1e-2, 1e-1)


def linear_baseline(store: Store, images: np.ndarray) -> str:
    """Mean AUROC with its interval by patient, on the test part, of one logistic regression per finding; (N, S, S)."""
    flat = images.reshape(len(images), -1).astype(float)
    train, val, test = (store.parts == part for part in ("train", "val", "test"))
    flat = StandardScaler().fit(flat[train]).transform(flat)
    scores = []
    for finding in range(len(store.findings)):
        labels = store.labels[:, finding] == 1
        models = [LogisticRegression(C=c, max_iter=200).fit(flat[train], labels[train]) for c in STRENGTHS]
        best = max(models, key=lambda model: roc_auc_score(labels[val], model.decision_function(flat[val])))
        scores.append(best.decision_function(flat[test]))
    scores, labels, patients = np.stack(scores, axis=1), store.labels[test], store.patient_ids[test]
    interval = percentile_interval(mean_draws(bootstrap_auroc(labels, scores, patients)))
    return f"{np.nanmean(auroc(labels, scores)):.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def true_boxes(files: PreparedFiles) -> dict[tuple[str, str], list[tuple[float, ...]]]:
    """(image_id, finding) -> boxes (x0, y0, x1, y1) in pixels of the original."""
    boxes = defaultdict(list)
    with files.boxes.open(encoding="utf-8", newline="") as lines:
        for name, finding, *sides in list(csv.reader(lines))[1:]:
            x, y, w, h = map(float, sides)
            boxes[name, finding].append((x, y, x + w, y + h))
    return boxes


def hottest(heat: np.ndarray) -> tuple[float, float] | None:
    """Middle (x, y) of the hottest place of an (H, W) map as shares of its sides, or None for an empty map."""
    if heat.max() <= 0:
        return None
    rows, columns = np.nonzero(heat >= heat.max() - 1e-6)  # a place: at the rim the enlarged map is level
    return (columns.mean() + 0.5) / heat.shape[1], (rows.mean() + 0.5) / heat.shape[0]


def _within(point: tuple[float, float], box: Box, truth: list[tuple[float, ...]]) -> bool:
    """Whether a point of the crop taken from `box` lies in one of the true boxes."""
    x, y = box.x0 + point[0] * (box.x1 - box.x0), box.y0 + point[1] * (box.y1 - box.y0)
    return any(x0 <= x <= x1 and y0 <= y <= y1 for x0, y0, x1, y1 in truth)


def pointing(
    folders: list[Path], store: Store, engine: str, boxes: dict[tuple[str, str], list[tuple[float, ...]]]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Finding -> patient of each image with boxes, and (images, 3) shares of points within them.

    Of its own map (0 or 1), of the maps of all other patients, and of those who have the finding.
    """
    rows = np.flatnonzero(store.parts == "test")
    maps = group_maps(folders, store, rows, engine, lambda done, total: None)
    results = {}
    for finding, name in enumerate(store.findings):
        points = [hottest(maps.heat(place, finding, MAP_PX)) for place in range(len(rows))]
        around = [boxes.get((str(store.image_ids[row]), name)) for row in rows]
        pointed_at = np.flatnonzero([bool(one) for one in around])
        shares = []
        for place in pointed_at:
            box, truth = store.boxes[rows[place]], around[place]
            inside = [point and _within(point, box, truth) for point in points]
            stranger = store.patient_ids[rows] != store.patient_ids[rows[place]]
            others = [hit for hit, other in zip(inside, stranger, strict=True) if other and hit is not None]
            alike = [inside[k] for k in np.flatnonzero(stranger) if around[k] and inside[k] is not None]
            shares.append((bool(inside[place]), np.mean(others), np.mean(alike)))
        results[name] = store.patient_ids[rows][pointed_at], np.array(shares).reshape(-1, 3)
    return results


def interval_of_shares(patients: np.ndarray, shares: np.ndarray) -> tuple[Interval, Interval]:
    """Intervals of the mean of the own shares, and of its ratio to the mean of all others'."""
    ids, patient_of = np.unique(patients, return_inverse=True)
    sums = np.stack([np.bincount(patient_of, column) for column in (*shares.T[:2], np.ones(len(shares)))])
    own, others, images = sums @ next(resampled_weights(len(ids), RESAMPLES, 0, RESAMPLES))
    ratio = np.divide(own, others, out=np.full(RESAMPLES, np.nan), where=others > 0)
    return percentile_interval(own / images), percentile_interval(ratio)


def pointing_row(name: str, patients: np.ndarray, shares: np.ndarray) -> str:
    """One line of the table; a finding without boxes has dashes."""
    if not len(shares):
        return f"| {name} | 0 | - | - | - | - | - |"
    own, others, alike = shares.mean(axis=0)
    share, ratio = interval_of_shares(patients, shares)
    ratios = f"{own / others:.1f} [{ratio.low:.1f}, {ratio.high:.1f}]" if others > 0 else "-"
    strict = f"{own / alike:.1f}" if alike > 0 else "-"
    return (
        f"| {name} | {len(shares)} | {own:.2f} [{share.low:.2f}, {share.high:.2f}] | {others:.2f} | {ratios} "
        f"| {alike:.2f} | {strict} |"
    )


def main() -> None:
    warnings.filterwarnings("ignore")
    arguments, _, options = " ".join(sys.argv[1:]).partition("--")
    groups = arguments.split()
    config = read_config(parse_arguments(["evaluate", groups[0], *options.split()]))
    files = prepared_files(config.settings, config.params)
    store = open_store(files, config.params.findings)
    originals = [read_image(path) for path in store.paths]
    whole = np.stack([resize(image, SMALL_PX, SMALL_PX) for image in originals])
    crops = np.stack([resize(store.crops[row], SMALL_PX, SMALL_PX) for row in store.rows])
    print(f"split {store.split['name']} {store.split['hash'][:12]}, test part, mean AUROC of 14 findings")
    print(f"logistic regression, whole images {linear_baseline(store, whole)}, crops ", end="")
    print(f"{linear_baseline(store, crops)}")
    for group in groups:
        folder = config.group_dir(group)
        mean = read_json(folder / "metrics.json")["auroc"]["mean"]
        print(f"\n{group}: {mean['value']:.3f} [{mean['low']:.3f}, {mean['high']:.3f}]")
        folders = [folder / one.name for one in group_classifiers(config.params, group, [""])]
        print("| finding | images | in the box | others' maps | ratio | with the finding | ratio |")
        print("|---|---|---|---|---|---|---|")
        for name, found in pointing(folders, store, config.settings.engine, true_boxes(files)).items():
            print(pointing_row(name, *found))


if __name__ == "__main__":
    main()
