"""CheXpert's and DICOM's layout, and images that are no chest X-rays, read by libraries of their own."""

import numpy as np
import pandas as pd
import pydicom
import pytest
from PIL import Image

from cxr.config.findings import NIH14
from cxr.images.files import read_image
from cxr.phantoms.dataset.folder import write_phantoms
from cxr.phantoms.dataset.negatives import NEGATIVES, render_negative, write_negatives
from cxr.phantoms.phantom import render_phantom
from cxr.phantoms.spec import PhantomSpec

SPEC = PhantomSpec(patients=40, seed=3, image_px=64)
OBSERVATIONS = [
    "No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema",
    "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other", "Fracture",
    "Support Devices",
]  # fmt: skip


@pytest.fixture(scope="module")
def chexpert(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chexpert") / "set"
    write_phantoms(folder, SPEC, layout="chexpert")
    return folder


@pytest.fixture(scope="module")
def tables(chexpert):
    return {part: pd.read_csv(chexpert / "CheXpert-v1.0-small" / f"{part}.csv") for part in ("train", "valid")}


def test_chexperts_columns_and_paths(chexpert, tables):
    for part, table in tables.items():
        assert list(table.columns) == ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *OBSERVATIONS]
        assert table["Path"].str.match(rf"CheXpert-v1.0-small/{part}/patient\d{{5}}/study\d+/view\d_\w+\.jpg$").all()
        assert set(table["Sex"]) <= {"Male", "Female"}
        for path in table["Path"]:
            with Image.open(chexpert / path) as image:
                assert (image.mode, image.size) == ("L", (64, 64))
    patients = [set(table["Path"].str.extract(r"(patient\d+)")[0]) for table in tables.values()]
    assert not patients[0] & patients[1]
    on_disk = {str(path.relative_to(chexpert)) for path in chexpert.rglob("*.jpg")}
    assert on_disk == set(tables["train"]["Path"]) | set(tables["valid"]["Path"])


def test_chexperts_lateral_images_have_no_projection_and_the_labels_of_their_study(tables):
    table = tables["train"]
    lateral = table[table["Frontal/Lateral"] == "Lateral"]
    assert 0.05 < len(lateral) / len(table) < 0.4
    assert lateral["AP/PA"].isna().all()
    assert table.loc[table["Frontal/Lateral"] == "Frontal", "AP/PA"].isin(["AP", "PA"]).all()
    for _, row in lateral.iterrows():
        frontal = table[table["Path"] == row["Path"].replace("view2_lateral", "view1_frontal")].iloc[0]
        assert frontal[OBSERVATIONS].equals(row[OBSERVATIONS])


def test_chexperts_labels_are_those_of_the_phantom(tables):
    seen = set()
    for part, table in tables.items():
        for _, row in table[table["Frontal/Lateral"] == "Frontal"].iterrows():
            patient, study = (int(text) for text in pd.Series(row["Path"]).str.extract(r"t(\d{5})/study(\d+)").iloc[0])
            phantom = render_phantom(SPEC, patient, study - 1)
            assert (row["Age"], row["Sex"][0], row["AP/PA"]) == (phantom.age, phantom.sex, phantom.view)
            for column, finding in (("Pleural Effusion", "Effusion"), ("Edema", "Edema"), ("Pneumonia", "Pneumonia")):
                value, present = row[column], finding in phantom.labels
                assert value in ((1.0, -1.0) if present else (0.0,)) or (np.isnan(value) and not present)
                seen.add((part, str(value)))
            assert (row["No Finding"] == 1.0) == (not phantom.labels)
            assert row["Support Devices"] == 1.0 if phantom.devices else row["Support Devices"] != 1.0
    assert {value for part, value in seen if part == "valid"} == {"0.0", "1.0"}
    assert {value for part, value in seen if part == "train"} == {"0.0", "1.0", "-1.0", "nan"}


def test_dicom_files_hold_the_phantom_and_its_tags(tmp_path):
    spec = PhantomSpec(patients=4, seed=3, image_px=64)
    write_phantoms(tmp_path / "set", spec, layout="dicom")
    table = pd.read_csv(tmp_path / "set" / "labels.csv")
    assert list(table.columns) == ["path", "patient_id", *NIH14]
    kinds, uids = set(), set()
    for _, row in table.iterrows():
        data = pydicom.dcmread(tmp_path / "set" / row["path"])
        patient, followup = int(row["patient_id"][7:]), int(row["path"].split("study")[1].split("/")[0]) - 1
        phantom = render_phantom(spec, patient, followup)
        stored = data.pixel_array.astype(float)
        shown = (4095 - stored if data.PhotometricInterpretation == "MONOCHROME1" else stored) / 4095 * 255
        assert np.abs(shown - phantom.image).max() < 0.1
        assert (data.Modality, data.BodyPartExamined, data.ViewPosition) == ("DX", "CHEST", phantom.view)
        assert (data.PatientID, data.PatientSex, data.PatientAge) == (
            row["patient_id"], phantom.sex, f"{phantom.age:03d}Y",
        )  # fmt: skip
        assert [finding for finding in NIH14 if row[finding]] == list(phantom.labels)
        assert (data.BitsStored, data.Rows, data.Columns) == (12, 64, 64)
        kinds.add(data.PhotometricInterpretation)
        uids.add(data.SOPInstanceUID)
    assert kinds == {"MONOCHROME1", "MONOCHROME2"} and len(uids) == len(table)


def test_sets_of_another_seed_share_no_lateral_image_and_no_uid(tmp_path):
    found = []
    for seed in (3, 4):
        spec = PhantomSpec(patients=12, seed=seed, image_px=64)
        for layout in ("chexpert", "dicom"):
            write_phantoms(tmp_path / f"{layout}{seed}", spec, layout=layout)
        lateral = {path.read_bytes() for path in (tmp_path / f"chexpert{seed}").rglob("view2_lateral.jpg")}
        files = [pydicom.dcmread(path) for path in (tmp_path / f"dicom{seed}").rglob("*.dcm")]
        uids = {uid for data in files for uid in (data.SOPInstanceUID, data.StudyInstanceUID, data.SeriesInstanceUID)}
        assert lateral and len(uids) == 3 * len(files)
        found.append(lateral | uids)
    assert not found[0] & found[1]


@pytest.mark.parametrize("kind", NEGATIVES)
def test_negatives_are_images_that_differ_and_come_back(kind):
    first, again, other = (render_negative(kind, number, 7, 96) for number in (0, 0, 1))
    assert first.shape == (96, 96) and first.dtype == np.uint8 and first.std() > 0
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_negatives_are_written_under_their_kind(tmp_path):
    paths = write_negatives(tmp_path / "wrong", 2, 7, 64)
    assert sorted(path.name for path in paths) == sorted(f"{k}_{n:04d}.png" for k in NEGATIVES for n in range(2))
    assert all(read_image(path).shape == (64, 64) for path in paths)
