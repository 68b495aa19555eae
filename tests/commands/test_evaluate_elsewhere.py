"""A finished group on other data, and under other labels, through the command itself on a few phantoms."""

import json

import numpy as np
import pandas as pd
import pytest

from cxr.__main__ import main
from cxr.commands.evaluate_on import evaluate_on
from cxr.config.errors import UserError
from cxr.evaluation.fitted import read_fitted
from cxr.evaluation.predictions import read_predictions
from cxr.phantoms.dataset.folder import write_phantoms
from cxr.phantoms.spec import PhantomSpec

FINDINGS = ["Cardiomegaly", "Effusion", "Edema"]
PARAMS = {
    "seed": 5,
    "findings": {"set": FINDINGS},
    "split": {"scheme": "patients", "val": 0.3, "test": 0.3},
    "crop": {"mode": "none", "image_px": 32},
    "members": {"tiny": {"network": "tiny", "image_px": 16}},
    "groups": {"Tiny": ["tiny"]},
    "training": {"epochs": 1, "batch": 16},
    "evaluation": {"resamples": 100},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A trained and evaluated group, and phantoms of other patients that a table describes with two findings."""
    folder = tmp_path_factory.mktemp("elsewhere")
    for name, seed, patients in (("nih", 11, 40), ("there", 12, 15)):
        write_phantoms(folder / name, PhantomSpec(patients=patients, seed=seed, image_px=64), workers=1)
    files = sorted((folder / "there").rglob("images/0*.png"))
    entries = pd.read_csv(next((folder / "there").glob("Data_Entry*.csv")), dtype=str).set_index("Image Index")
    found = entries.loc[[file.name for file in files]]
    labels = {name: found["Finding Labels"].str.contains(name).astype(int).to_numpy() for name in FINDINGS[:2]}
    paths = [str(file.relative_to(folder / "there")) for file in files]
    table = pd.DataFrame({"path": paths, "id": [file.name for file in files], "pid": found["Patient ID"].to_numpy()})
    table.assign(**labels).to_csv(folder / "there" / "table.csv", index=False)
    write_settings(folder, "SETTINGS", {"format": "nih", "root": "nih"})
    (folder / "PARAMS.json").write_text(json.dumps(PARAMS))
    for step in (["prepare"], ["train", "Tiny"], ["evaluate", "Tiny"]):
        assert run(folder, *step) == 0
    return folder


def write_settings(folder, name, dataset):
    settings = {"datasets": [dataset], "prepared_dir": "prepared", "models_dir": "models", "engine": "keras"}
    (folder / f"{name}.json").write_text(json.dumps(settings))
    return str(folder / f"{name}.json")


def table_set(**more):
    columns = {"path": "path", "image_id": "id", "patient_id": "pid", "findings": {f: f for f in FINDINGS[:2]}}
    columns["study_id"] = "pid"  # all images of a patient at once
    return {"format": "table", "root": "there", "csv": "table.csv", "columns": columns, "name": "other", **more}


def run(folder, *step):
    files = ["--settings", str(folder / "SETTINGS.json"), "--params", str(folder / "PARAMS.json")]
    return main([*step, *files])


def test_a_group_is_measured_on_other_data_with_what_it_was_fitted_to(folder, capsys):
    other = write_settings(folder, "OTHER", table_set(origin="elsewhere"))
    group = folder / "models" / "Tiny"
    before = {name: (group / name).read_bytes() for name in ("metrics.json", "calibration.json", "thresholds.json")}
    assert run(folder, "evaluate", "Tiny", "--on", other) == 0
    target = group / "external" / "other"
    predictions = read_predictions(target / "predictions.csv")
    assert (set(predictions.splits), predictions.findings) == ({"test"}, ("Cardiomegaly", "Effusion"))
    assert len(predictions.image_ids) == len(pd.read_csv(folder / "there" / "table.csv"))
    metrics = json.loads((target / "metrics.json").read_text())
    own = json.loads((group / "metrics.json").read_text())
    assert metrics["fitted"]["split"] == {key: own["split"][key] for key in ("name", "hash")}
    cuts = read_fitted(group).thresholds.fits[""].findings
    for finding in predictions.findings:
        assert metrics["operating_point"]["findings"][finding]["threshold"] == cuts[finding].threshold
    table = pd.read_csv(target / "external.csv").set_index(["number", "finding"])
    assert table.loc[("auroc", "Effusion"), "own_value"] == own["auroc"]["Effusion"]["value"]
    assert table.loc[("auroc", "Effusion"), "external_value"] == metrics["auroc"]["Effusion"]["value"]
    assert "every study has one image" in own["studies"]["reason"]
    assert metrics["studies"]["studies"] == len(set(predictions.patient_ids))
    common = np.mean([own["auroc"][finding]["value"] for finding in predictions.findings])
    assert table.loc[("auroc", "mean"), "own_value"] == pytest.approx(common)
    assert before == {name: (group / name).read_bytes() for name in before}
    said = capsys.readouterr().out
    assert "other does not label Edema: left out" in said
    assert "were left out: the group" not in said
    written = (target / "predictions.csv").stat().st_mtime_ns
    assert run(folder, "evaluate", "Tiny", "--on", other) == 0
    assert (target / "predictions.csv").stat().st_mtime_ns == written
    assert run(folder, "report", "Tiny") == 0  # results beside the group's own disturb nothing


def test_predictions_are_those_of_the_model_itself(folder):
    """Each image by itself, through Keras, from the file."""
    import cv2
    import keras

    other = write_settings(folder, "OTHER", table_set(origin="elsewhere"))
    assert run(folder, "evaluate", "Tiny", "--on", other) == 0
    predictions = read_predictions(folder / "models" / "Tiny" / "external" / "other" / "predictions.csv")
    model = keras.models.load_model(folder / "models" / "Tiny" / "tiny" / "model.keras")
    for row in (0, 7):
        (file,) = (folder / "there").rglob(f"images/{predictions.image_ids[row]}")
        image = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        for size in (32, 16):
            image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
        answer = model.predict(image[None, ..., None].astype(np.float32), verbose=0)[0]
        np.testing.assert_allclose(predictions.probabilities[row], answer[:2], atol=1e-5)


def test_patients_that_the_group_knows_are_left_out_and_counted(folder, capsys):
    """The same folder again, as the format it is, and disguised as a table without an origin."""
    same = write_settings(folder, "SAME", {"format": "nih", "root": "nih", "name": "again"})
    assert run(folder, "evaluate", "Tiny", "--on", same) == 0
    own = read_predictions(folder / "models" / "Tiny" / "predictions.csv").part("test")
    found = read_predictions(folder / "models" / "Tiny" / "external" / "again" / "predictions.csv")
    assert set(found.image_ids) == set(own.image_ids)
    np.testing.assert_allclose(
        found.probabilities[np.argsort(found.image_ids)], own.probabilities[np.argsort(own.image_ids)], atol=1e-6
    )
    split = pd.read_csv(next((folder / "prepared").glob("nih-*/splits-*.csv")))
    numbers = {int(image[:8]) for image in split.query("split != 'test'")["image_id"]}
    assert f"of {len(numbers)} patients of again were left out" in capsys.readouterr().out
    disguised = write_settings(folder, "DISGUISED", table_set(name="disguised"))
    assert run(folder, "evaluate", "Tiny", "--on", disguised) == 0
    kept = read_predictions(folder / "models" / "Tiny" / "external" / "disguised" / "predictions.csv").patient_ids
    assert not numbers & {int(patient) for patient in kept}


def test_folds_are_refused_with_what_to_do(tmp_path):
    with pytest.raises(UserError, match=r"has folds.*train it once more with --set split\.scheme=patients"):
        evaluate_on(None, None, tmp_path, {"folds": ["0", "1"]})


def test_what_cannot_be_is_one_sentence(folder, capsys):
    def refused(*more):
        assert run(folder, "evaluate", "Tiny", *more) == 2
        return capsys.readouterr().err

    assert "cannot be read" in refused("--on", str(folder / "none.json"))
    wrong = write_settings(folder, "WRONG", {"format": "nhi", "root": "nih"})
    assert 'did you mean "nih"' in refused("--on", wrong)
    columns = {"path": "path", "patient_id": "pid", "findings": {"Mass": "Effusion"}}
    mass = write_settings(folder, "MASS", table_set(columns=columns, name="mass"))
    assert "MASS.json: labels none of Cardiomegaly, Effusion, Edema; it labels Mass" in refused("--on", mass)
    first = write_settings(folder, "FIRST", table_set(origin="elsewhere", name="twice"))
    assert run(folder, "evaluate", "Tiny", "--on", first) == 0
    second = write_settings(folder, "SECOND", table_set(origin="elsewhere", name="twice", limit_patients=5))
    assert "holds results of other data" in refused("--on", second)
    assert run(folder, "evaluate", "Tiny", "--on", second, "--overwrite") == 0


def test_predictions_are_measured_under_other_labels(folder, capsys):
    predictions = read_predictions(folder / "models" / "Tiny" / "predictions.csv")
    test = predictions.part("test")
    table = pd.DataFrame({"Image": [image[:-4] for image in test.image_ids[:-3]], "pleural effusion": 0})
    table.loc[::2, "pleural effusion"] = 1
    table.to_csv(folder / "radiologists.csv", index=False)
    assert run(folder, "evaluate", "Tiny", "--labels", str(folder / "radiologists.csv")) == 0
    target = folder / "models" / "Tiny" / "relabelled" / "radiologists"
    found = read_predictions(target / "predictions.csv")
    assert found.findings == ("Effusion",)
    np.testing.assert_array_equal(found.image_ids, test.image_ids[:-3])
    metrics = json.loads((target / "metrics.json").read_text())
    assert metrics["auroc"]["Effusion"]["positives"] == (len(test.image_ids) - 3 + 1) // 2
    assert "images of radiologists.csv" in metrics["split"]["name"]
    row = pd.read_csv(target / "relabelled.csv").iloc[0]
    assert row["auroc_relabelled"] == metrics["auroc"]["Effusion"]["value"]
    assert "not labelled there and left out: Cardiomegaly, Edema" in capsys.readouterr().out
    (folder / "none.csv").write_text("Image,Effusion\nx,1\n")
    assert run(folder, "evaluate", "Tiny", "--labels", str(folder / "none.csv")) == 2
    assert "names none of the" in capsys.readouterr().err
