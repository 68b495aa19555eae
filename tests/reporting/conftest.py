"""A run folder as the other rooms leave it, made of random predictions and random overlays."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from cxr.config.evaluation import Evaluation
from cxr.evaluation.fitted import fit_on_validation
from cxr.evaluation.metrics import measure, write_metrics
from cxr.evaluation.predictions import Predictions, write_predictions

PATIENTS = {"val": 20, "test": 40}
IMAGES_PER_PATIENT = 2


def random_predictions(findings, patients, seed=0):
    """Predictions of val and test; the last finding has no positive in test."""
    random = np.random.default_rng(seed)
    splits = np.repeat(np.repeat(list(patients), list(patients.values())), IMAGES_PER_PATIENT)
    codes = (random.random((len(splits), len(findings))) < np.linspace(0.4, 0.05, len(findings))).astype(float)
    codes[splits == "test", -1] = 0
    codes[random.random(codes.shape) < 0.02] = np.nan
    probabilities = 1 / (1 + np.exp(2 - random.normal(size=codes.shape) - np.nan_to_num(codes)))
    return Predictions(
        image_ids=np.array([f"{row:08d}_000.png" for row in range(len(splits))]),
        patient_ids=np.array([f"{row // IMAGES_PER_PATIENT:05d}" for row in range(len(splits))]),
        splits=splits,
        findings=tuple(findings),
        probabilities=probabilities,
        label_codes=codes,
    )


def record_of(predictions, members, **changes):
    """The group's run.json that fits these predictions."""

    def part(name):
        rows = predictions.part(name)
        positives = dict(zip(predictions.findings, (rows.label_codes == 1).sum(axis=0).tolist(), strict=True))
        patients = len(set(rows.patient_ids))
        return {"images": len(rows.image_ids), "patients": patients, "hash": "c0ffee" * 10, "positives": positives}

    return {
        "group": "Ensemble",
        "members": [
            {
                **{"name": name, "network": name, "image_px": 160, "parameters": 12_664_391, "best_epoch": 3},
                **{"epochs": 5, "val_auroc": 0.731, "seconds": 745.2},
            }
            for name in members
        ],
        "findings": list(predictions.findings),
        "data": {
            **{"name": "nih sample", "sources": ["nih", "table"], "images": 400, "patients": 150, "rejected": 3},
            **{"fallbacks": 7, "crop_mode": "crop", "synthetic": False, "lung_dice": {"value": 0.9631, "images": 27}},
        },
        "split": {
            **{"name": "official (subset)", "hash": "ab12cd34" * 8},
            "parts": {name: part(name) for name in ("train", "val", "test")},
        },
        **{"smoke": False, "seed": 2026, "versions": {"cxr": "0.1.0", "keras": "3.15.1"}, "commit": "0123456789ab"},
        **{"created": "2026-01-02T03:04:05+00:00", "hardware": "2 CPU cores, x86_64, Linux"},
        **changes,
    }


def write_history(path, epochs=5):
    """A falling loss and a rising AUROC, as `history.csv`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        (epoch, 0.5 / epoch + 0.2, 0.4 / epoch + 0.3, 0.75 - 0.1 / epoch - 0.01 * max(0, epoch - 3), 1e-3, 61.5)
        for epoch in range(1, epochs + 1)
    ]
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([("epoch", "loss", "val_loss", "val_auroc", "learning_rate", "seconds"), *rows])


def write_overlays(folder, predictions, findings, per_finding=2, size_px=(700, 350)):
    """`index.csv` and random pictures of the highest-scored test images: the worst case for a JPEG's size."""
    folder.mkdir()
    random = np.random.default_rng(0)
    test = predictions.part("test")
    rows = [("image_id", "finding", "probability", "label", "file")]
    for finding in findings:
        k = test.findings.index(finding)
        for row in np.argsort(-test.probabilities[:, k])[:per_finding]:
            code = test.label_codes[row, k]
            file = f"{finding}-{test.image_ids[row]}"
            pixels = random.integers(0, 256, (size_px[1], size_px[0], 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / file, compress_level=0)
            label = "" if np.isnan(code) else int(code)
            rows.append((test.image_ids[row], finding, test.probabilities[row, k], label, file))
    with (folder / "index.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)


@pytest.fixture
def measure_run():
    """A function that fits and measures as `./cxr evaluate` does, and writes what it writes; `more` is of `measure`."""

    def measure_and_write(folder, predictions, split, single=False, **more):
        evaluation = Evaluation(resamples=100)
        fitted = fit_on_validation(predictions, split, evaluation, more.get("folds"), single)
        fitted.write(folder)
        write_metrics(folder / "metrics.json", measure(predictions, split, evaluation, fitted=fitted, **more))

    return measure_and_write


@pytest.fixture
def make_run(tmp_path, measure_run):
    """A function that writes a whole run folder and returns it; keyword arguments replace keys of run.json."""

    def make(
        findings=("Edema", "Mass", "Hernia"),
        members=("densenet169", "xception"),
        overlays=True,
        overlay_px=(70, 35),
        **changes,
    ):
        folder = tmp_path / "Ensemble"
        predictions = random_predictions(findings, PATIENTS)
        record = record_of(predictions, members, **changes)
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps(record))
        write_predictions(folder / "predictions.csv", predictions)
        measure_run(folder, predictions, record["split"])
        for member in members:
            write_history(folder / member / "history.csv")
        if overlays:
            write_overlays(folder / "gradcam", predictions, findings[:2], size_px=overlay_px)
        return folder

    return make
