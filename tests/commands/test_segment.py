"""`cxr segment train|evaluate|predict` from the command line, on phantoms."""

import json
import shutil

import keras
import pandas as pd
import pytest

from cxr.__main__ import main
from cxr.images.files import read_image, write_png
from cxr.phantoms.dataset.folder import write_phantoms
from cxr.phantoms.spec import PhantomSpec

SEGMENTATION = {
    "weights": "train",
    "image_px": 32,
    "width": 4,
    "depth": 2,
    "epochs": 3,
    "batch": 8,
    "learning_rate": 0.02,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two hospitals' pairs, and settings and parameters that name them."""
    folder = tmp_path_factory.mktemp("segment")
    sets = []
    for seed in (3, 4):
        root = folder / f"hospital{seed}"
        write_phantoms(root, PhantomSpec(patients=8, seed=seed, image_px=64), workers=2)
        sets.append({"name": f"hospital{seed}", "images": str(root / "images_001" / "images"),
                     "masks": str(root / "masks"), "patient_pattern": "^(\\d+)_"})  # fmt: skip
    settings = {
        "datasets": [{"format": "phantom", "patients": 4, "seed": 5, "image_px": 64}],
        **{"lung_masks": sets, "prepared_dir": "prepared", "models_dir": "models"},
        "parallel": {"backend": "threading", "workers": 1},
    }
    params = {"segmentation": SEGMENTATION, "members": {"tiny": {"network": "tiny", "image_px": 32}},
              "groups": {"Tiny": ["tiny"]}, "crop": {"image_px": 32}}  # fmt: skip
    (folder / "SETTINGS.json").write_text(json.dumps(settings))
    (folder / "PARAMS.json").write_text(json.dumps(params))
    return folder


def segment(folder, action, *arguments):
    files = ["--settings", str(folder / "SETTINGS.json"), "--params", str(folder / "PARAMS.json")]
    return main(["segment", action, *arguments, *files])


def test_training_says_for_each_source_how_well_masks_agree(folder, capsys):
    assert segment(folder, "train") == 0
    printed = capsys.readouterr().out
    for name in ("all", "hospital3", "hospital4"):
        assert f"segment: {name}: " in printed
    assert "held-out pairs: Dice 0." in printed
    assert "5th percentile" in printed
    assert "segment: trained: " in printed
    assert segment(folder, "train") == 0
    assert "segment: unchanged: " in capsys.readouterr().out


def test_sources_are_left_out_one_after_the_other(folder, capsys):
    assert segment(folder, "train", "--set", "segmentation.split.scheme=sources", "--set", "segmentation.epochs=1") == 0
    path = capsys.readouterr().out.rpartition("trained: ")[2].strip()
    table = pd.read_csv(path.replace("unet.keras", "masks.csv"))
    assert {*zip(table["source"], table["network"], strict=True)} == {
        ("hospital3", "without-hospital3"), ("hospital4", "without-hospital4"),
    }  # fmt: skip


def test_finished_weights_are_measured_on_all_pairs(folder, capsys):
    segment(folder, "train")
    weights = capsys.readouterr().out.rpartition("unchanged: ")[2].strip()
    given = ["--set", f"segmentation.weights={weights}"]
    assert segment(folder, "evaluate", *given) == 0
    printed = capsys.readouterr().out
    place = printed.rpartition("written: ")[2].strip()
    pairs = sum(len(list((folder / f"hospital{n}" / "masks").iterdir())) for n in (3, 4))
    assert f"segment: all: {pairs} all pairs, by unet.keras of unet-" in printed
    assert len(pd.read_csv(f"{place}/masks.csv")) == pairs
    assert segment(folder, "evaluate", *given) == 0
    assert f"segment: unchanged: {place}" in capsys.readouterr().out
    assert segment(folder, "train", *given) == 0
    printed = capsys.readouterr().out
    assert f"segment: unchanged: {weights}" in printed
    assert (
        f'not used yet: segmentation.weights is "{weights}"; to use it, say --set segmentation.weights=train' in printed
    )


def test_other_images_are_measured_again(folder, tmp_path, capsys):
    segment(folder, "train")
    weights = capsys.readouterr().out.rpartition("unchanged: ")[2].strip()
    sets = json.loads((folder / "SETTINGS.json").read_text())["lung_masks"][:1]
    shutil.copytree(sets[0]["images"], tmp_path / "images")
    given = ["--set", f"segmentation.weights={weights}"]
    given += ["--set", f"lung_masks={json.dumps([sets[0] | {'images': str(tmp_path / 'images')}])}"]
    assert segment(folder, "evaluate", *given) == 0
    assert "segment: written: " in capsys.readouterr().out
    for path in (tmp_path / "images").iterdir():
        write_png(path, 255 - read_image(path))
    assert segment(folder, "evaluate", *given) == 0
    assert "segment: written: " in capsys.readouterr().out
    assert segment(folder, "evaluate", *given, "--set", "lung_masks.0.name=renamed") == 0
    assert "segment: renamed: " in capsys.readouterr().out
    assert segment(folder, "evaluate", *given, "--set", "lung_masks.0.train_only=true") == 2
    assert "every set is train_only; there is nothing to measure on" in capsys.readouterr().err


def test_a_network_of_another_kind_is_not_measured(folder, tmp_path, capsys):
    image = keras.Input((32, 32, 1))
    keras.Model(image, keras.layers.Flatten()(image)).save(tmp_path / "other.keras")
    assert segment(folder, "evaluate", "--set", f"segmentation.weights={tmp_path / 'other.keras'}") == 2
    assert "is no lung network: it maps (None, 32, 32, 1) to (None, 1024)" in capsys.readouterr().err


def test_masks_of_a_folder_are_written(folder, tmp_path, capsys):
    images = folder / "hospital3" / "images_001" / "images"
    assert segment(folder, "predict", str(images), str(tmp_path / "masks")) == 0
    table = pd.read_csv(tmp_path / "masks" / "masks.csv", keep_default_na=False)
    assert len(table) == len(list(images.iterdir()))
    assert f"segment: {len(table)} masks; 0 files cannot be read" in capsys.readouterr().out
    first = table[table["lung_fraction"] > 0].iloc[0]
    assert read_image(tmp_path / "masks" / first["mask"]).shape == (64, 64)
    assert segment(folder, "predict", str(images), str(tmp_path / "masks")) == 0
    assert f"unchanged: {tmp_path / 'masks' / 'masks.csv'}" in capsys.readouterr().out
    assert segment(folder, "predict", str(images), str(tmp_path / "masks"), "--set", "crop.min_quality=0.9") == 2
    assert "is not empty, and holds no run of the same images and parameters" in capsys.readouterr().err


def test_no_pairs_are_one_sentence(folder, capsys):
    assert segment(folder, "train", "--set", "lung_masks.0.stems=Q*") == 2
    assert "no image and mask share a file stem that fits lung_masks.stems 'Q*'" in capsys.readouterr().err
    assert segment(folder, "train", "--set", "lung_masks.1.images=/nowhere") == 2
    assert "/nowhere: no such folder; it is named by lung_masks.images" in capsys.readouterr().err
