"""`./cxr ablate crop` on a few phantoms with the shipped lung network."""

import json

import pandas as pd
import pytest

from cxr.__main__ import main
from cxr.evaluation.predictions import read_predictions
from cxr.phantoms.dataset.folder import write_phantoms
from cxr.phantoms.spec import PhantomSpec

PARAMS = {
    "seed": 5,
    "findings": {"set": ["Cardiomegaly", "Effusion"]},
    "split": {"scheme": "patients", "val": 0.3, "test": 0.3},
    "segmentation": {"weights": "shipped"},
    "crop": {"mode": "crop", "image_px": 32},
    "members": {"tiny": {"network": "tiny", "image_px": 16}},
    "groups": {"Tiny": ["tiny"]},
    "training": {"epochs": 1, "batch": 8},
    "evaluation": {"resamples": 100},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ablate")
    write_phantoms(folder / "nih", PhantomSpec(patients=20, seed=11, image_px=96), workers=1)
    settings = {"datasets": [{"format": "nih", "root": "nih"}], "prepared_dir": "prepared", "models_dir": "models"}
    settings |= {"parallel": {"backend": "threading", "workers": 1}, "engine": "keras"}
    (folder / "SETTINGS.json").write_text(json.dumps(settings))
    (folder / "PARAMS.json").write_text(json.dumps(PARAMS))
    return folder


def ablate(folder, *more):
    files = ["--settings", str(folder / "SETTINGS.json"), "--params", str(folder / "PARAMS.json")]
    return main(["ablate", "crop", "Tiny", *more, *files])


def test_raw_crop_and_mask_are_trained_alike_and_compared(folder, capsys):
    assert ablate(folder) == 0
    place = folder / "models" / "ablations" / "crop" / "Tiny"
    records = [json.loads((one / "run.json").read_text()) for one in (place / "raw", place / "mask")]
    records.append(json.loads((folder / "models" / "Tiny" / "run.json").read_text()))
    assert len({one["split"]["hash"] for one in records}) == len({one["seed"] for one in records}) == 1
    assert [one["members_inputs"]["tiny"]["crop"]["mode"] for one in records] == ["none", "mask", "crop"]
    for part in ("val", "test"):
        found = json.loads((place / f"{part}.json").read_text())
        assert (found["part"], found["runs"]) == (part, ["raw", "crop", "mask"])
        assert len(pd.read_csv(place / f"{part}.csv")) == 2 * 2 * 3
        control = json.loads((place / "lungs" / f"{part}.json").read_text())
        assert control["runs"] == ["whole crop", "lungs blacked out", "lungs alone"]
    said = capsys.readouterr().out
    assert said.index("ablate: validation, where a choice may be made:") < said.index("ablate: TEST, for the record")
    whole = read_predictions(folder / "models" / "Tiny" / "predictions.csv")
    place_of = {image: row for row, image in enumerate(whole.image_ids)}
    for name in ("lungs-blacked-out", "lungs-alone"):
        changed = read_predictions(place / "lungs" / f"{name}.csv")
        same = whole.rows([place_of[image] for image in changed.image_ids])
        assert (changed.probabilities != same.probabilities).mean() > 0.9
    assert ablate(folder) == 0
    assert capsys.readouterr().out.count("unchanged") >= 3  # nothing is trained twice


def test_what_cannot_be_ablated_is_one_sentence(folder, capsys):
    assert ablate(folder, "--set", "split.scheme=kfold") == 2
    assert "needs one train, val and test part; give another, as --set split.scheme=patients" in capsys.readouterr().err
    assert ablate(folder, "--control", "--set", "seed=9") == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
