"""Manifests of random patients and folders in NIH's layout."""

import numpy as np
import pandas as pd
import pytest

from cxr.config.datasets import NihDataset
from cxr.datasets.sources.nih import read_nih
from cxr.datasets.table import DESCRIPTION

HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)


@pytest.fixture(scope="session")
def make_manifest():
    """A function: image counts of the patients, positives (N, K) bool, findings, official parts -> a manifest."""

    def make(images_per_patient, positives, findings, listed=""):
        patients = np.repeat(np.arange(len(images_per_patient)), images_per_patient)
        rows = pd.DataFrame("", index=range(len(patients)), columns=DESCRIPTION)
        rows["image_id"] = [f"{row:08d}.png" for row in range(len(patients))]
        rows["patient_id"] = patients.astype(str)
        rows["source"] = "made"
        rows["listed"] = listed
        for k, finding in enumerate(findings):
            rows[finding] = np.where(np.asarray(positives)[:, k], "1", "0")
        return rows

    return make


@pytest.fixture
def nih_folder(tmp_path):
    """A function: rows "image,labels,patient[,age[,follow-up]]" -> a folder in NIH's layout with an empty file each."""

    def make(rows=("a.png,Mass,1",), header=HEADER, end="", images=None):
        folder = tmp_path / "nih"
        inner = folder / "images_001" / "images"
        inner.mkdir(parents=True, exist_ok=True)
        lines = [header + end]
        for row in rows:
            image, labels, patient, age, visit = (row.split(",") + ["50", "0"][row.count(",") - 2 :])[:5]
            lines.append(f"{image},{labels},{visit},{patient},{age},F,PA,2500,2048,0.171,0.171{end}")
        (folder / "Data_Entry_2017.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        for image in images if images is not None else [row.partition(",")[0] for row in rows]:
            (inner / image).touch()
        return folder

    return make


@pytest.fixture(scope="session")
def read():
    """A function: folder and the dataset's keys -> its SourceTable."""
    return lambda folder, **keys: read_nih(NihDataset(format="nih", root=folder, **keys), "nih")
