"""Is a run on phantoms worth reading? Groups against a linear baseline, hottest points against the true boxes.

Run from the repository root after the scripts:  .venv/bin/python benchmarks/phantom_run.py Efficientnet Ensemble
Options after `--` are those of a step, for example  -- --set seed=1 --settings other.json

Baseline: logistic regression on 32 x 32 pixels, of the whole images and of the crops, trained on the train part, its
strength chosen on val, mean AUROC of the test part. Pointing (Zhang et al., IJCV 2018): share of labelled test images
whose hottest point lies in a true box of the finding; control: the same boxes under the maps of other patients.
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

from cxr.commands.arguments import parse_arguments
from cxr.commands.context import read_config
from cxr.config.record import read_json
from cxr.images.files import read_image
from cxr.images.geometry import resize
from cxr.preparation.prepare import prepared_files
from cxr.preparation.store import Store, open_store
from cxr.visualization.maps import group_maps

SMALL_PX, STRENGTHS, SWAPS = 32, (1e-4, 1e-3, 1e-2, 1e-1), 20
BOX_GRID_PX, BOX_NAMES = 1024, {"Infiltrate": "Infiltration"}


def linear_baseline(store: Store, images: np.ndarray) -> float:
    """Mean AUROC on the test part of one logistic regression per finding; images: (N, 32, 32)."""
    flat = images.reshape(len(images), -1).astype(float)
    train, val, test = (store.parts == part for part in ("train", "val", "test"))
    flat = StandardScaler().fit(flat[train]).transform(flat)
    scores = []
    for finding in range(len(store.findings)):
        labels = store.labels[:, finding] == 1
        models = [LogisticRegression(C=c, max_iter=200).fit(flat[train], labels[train]) for c in STRENGTHS]
        best = max(models, key=lambda model: roc_auc_score(labels[val], model.decision_function(flat[val])))
        scores.append(roc_auc_score(labels[test], best.decision_function(flat[test])))
    return float(np.mean(scores))


def true_boxes(store: Store) -> dict[tuple[str, str], list[tuple[float, ...]]]:
    """(image_id, finding) -> boxes (x0, y0, x1, y1) as shares of the image."""
    boxes = defaultdict(list)
    with (store.paths[0].parents[2] / "BBox_List_2017.csv").open(encoding="utf-8", newline="") as lines:
        for name, finding, *sides in list(csv.reader(lines))[1:]:
            x, y, w, h = (float(side) / BOX_GRID_PX for side in sides[:4])
            boxes[name, BOX_NAMES.get(finding, finding)].append((x, y, x + w, y + h))
    return boxes


def pointing(folders: list[Path], store: Store, engine: str, image_px: int) -> dict[str, tuple[int, float, float]]:
    """Finding -> (images, share of hits, share of hits under other patients' maps)."""
    rows = np.flatnonzero(store.parts == "test")
    maps, boxes = group_maps(folders, store, rows, engine, lambda done, total: None), true_boxes(store)
    rng, crop_px = np.random.default_rng(0), store.crops.shape[1]
    results = {}
    for finding, name in enumerate(store.findings):
        peaks = [
            np.unravel_index(maps.heat(k, finding, crop_px).argmax(), (crop_px, crop_px)) for k in range(len(rows))
        ]
        hits, swapped = [], []
        for place, row in enumerate(rows):
            around = boxes.get((str(store.image_ids[row]), name))
            if not around:
                continue
            others = np.flatnonzero(store.patient_ids[rows] != store.patient_ids[row])
            points = [peaks[place], *(peaks[k] for k in rng.choice(others, SWAPS))]
            box, side = store.boxes[row], store.boxes[row].x1 - store.boxes[row].x0
            inside = []
            for down, across in points:
                x = (box.x0 + (across + 0.5) / crop_px * side) / image_px
                y = (box.y0 + (down + 0.5) / crop_px * (box.y1 - box.y0)) / image_px
                inside.append(any(x0 <= x <= x1 and y0 <= y <= y1 for x0, y0, x1, y1 in around))
            hits.append(inside[0])
            swapped.append(np.mean(inside[1:]))
        results[name] = (len(hits), float(np.mean(hits)), float(np.mean(swapped)))
    return results


def main() -> None:
    warnings.filterwarnings("ignore")
    arguments, _, options = " ".join(sys.argv[1:]).partition("--")
    groups = arguments.split()
    config = read_config(parse_arguments(["evaluate", groups[0], *options.split()]))
    store = open_store(prepared_files(config.settings, config.params), config.params.findings.names)
    originals = [read_image(path) for path in store.paths]
    whole = np.stack([resize(image, SMALL_PX, SMALL_PX) for image in originals])
    crops = np.stack([resize(store.crops[row], SMALL_PX, SMALL_PX) for row in store.rows])
    print(f"split {store.split['name']} {store.split['hash'][:12]}, test part, mean AUROC of 14 findings")
    print(f"logistic regression, whole images {linear_baseline(store, whole):.3f}, crops ", end="")
    print(f"{linear_baseline(store, crops):.3f}")
    for group in groups:
        folder = config.group_dir(group)
        mean = read_json(folder / "metrics.json")["auroc"]["mean"]
        print(f"\n{group}: {mean['value']:.3f} [{mean['low']:.3f}, {mean['high']:.3f}]")
        folders = [folder / member for member in config.params.group(group)]
        print("| finding | images | in the box | other patients' maps | ratio |\n|---|---|---|---|---|")
        for name, (images, hit, other) in pointing(
            folders, store, config.settings.engine, originals[0].shape[0]
        ).items():
            print(f"| {name} | {images} | {hit:.2f} | {other:.2f} | {hit / max(other, 1e-9):.1f} |")


if __name__ == "__main__":
    main()
