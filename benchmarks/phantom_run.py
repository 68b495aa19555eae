"""Is a run on phantoms worth reading? Groups against a linear baseline, hottest points against the true boxes.

Run from the repository root after the scripts:  .venv/bin/python benchmarks/phantom_run.py Efficientnet Ensemble
Options after `--` are those of a step, for example  -- --set seed=1 --settings other.json

Baseline: logistic regression on 32 x 32 pixels, of the whole images and of the crops, trained on the train part, its
strength chosen on val, mean AUROC of the test part with its interval by patient. Pointing: what `./cxr localize` (the
scripts run it) left in localization.json; its controls are the maps of all other patients, and of the other patients
who have the finding (where the place is the same in everyone, no map can do better than that one).
"""

import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from cxr.commands.arguments import parse_arguments
from cxr.commands.context import read_config
from cxr.config.record import read_json
from cxr.evaluation.mean_auroc import mean_auroc
from cxr.evaluation.predictions import Predictions
from cxr.images.files import read_image
from cxr.images.geometry import resize
from cxr.preparation.prepare import prepared_files
from cxr.preparation.store import Store, open_store

RESAMPLES = 2000
SMALL_PX, STRENGTHS = 32, (1e-4, 1e-3, 1e-2, 1e-1)


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
    predictions = Predictions(
        image_ids=store.image_ids[test],
        patient_ids=store.patient_ids[test],
        splits=store.parts[test],
        findings=store.findings,
        probabilities=np.stack(scores, axis=1),
        label_codes=store.labels[test].astype(np.float64),
    )
    mean = mean_auroc(predictions, "test", RESAMPLES, 0)
    return f"{mean['value']:.3f} [{mean['low']:.3f}, {mean['high']:.3f}]"


def pointing_rows(record: Mapping[str, Any]) -> Iterator[str]:
    """Lines of the table, from localization.json; a finding without boxes has dashes."""
    pointing = record["numbers"]["pointing"]
    for name, counts in record["findings"].items():
        own, others, ratio, alike = (pointing[kind][name] for kind in ("own", "swapped", "ratio", "alike"))
        strict = f"{own['value'] / alike['value']:.1f}" if alike["value"] else "-"
        cells = _cell(own, 2), _cell(others | {"low": None}, 2), _cell(ratio, 1), _cell(alike | {"low": None}, 2)
        yield f"| {name} | {counts['images']} | {' | '.join(cells)} | {strict} |"


def _cell(entry: Mapping[str, Any], digits: int) -> str:
    if entry["value"] is None:
        return "-"
    interval = "" if entry["low"] is None else f" [{entry['low']:.{digits}f}, {entry['high']:.{digits}f}]"
    return f"{entry['value']:.{digits}f}{interval}"


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
        record = read_json(folder / "localization" / "localization.json")
        print("| finding | images | in the box | others' maps | ratio | with the finding | ratio |")
        print("|---|---|---|---|---|---|---|")
        print("\n".join(pointing_rows(record)))


if __name__ == "__main__":
    main()
