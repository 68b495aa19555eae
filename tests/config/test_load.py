"""Both files in, one typed configuration or one UserError with every mistake out."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cxr.classification.networks.registry import NETWORKS
from cxr.config.datasets import NihDataset, PhantomDataset
from cxr.config.errors import UserError
from cxr.config.findings import FINDING_SETS
from cxr.config.load import load_config
from cxr.config.optimizer import Constant
from cxr.config.settings import LungPairs, LungPhantoms

ROOT = Path(__file__).parents[2]


def test_a_valid_pair_loads(load, tmp_path):
    config = load()
    phantom, nih = config.settings.datasets
    assert phantom == PhantomDataset(format="phantom", patients=500, seed=7)
    assert nih == NihDataset(format="nih", root=tmp_path / "nih")
    assert config.settings.lung_masks == [LungPhantoms(format="phantom", patients=60, seed=8)]
    assert list(config.params.members) == ["small", "large"]
    assert config.params.group("Both") == ["small", "large"]
    assert config.params.findings.names == tuple(FINDING_SETS["nih14"])
    assert (config.params.training.epochs, config.params.training.batch) == (20, 24)
    assert not config.smoke
    assert config.experiment is None


def test_the_files_of_the_repository_load():
    params = json.loads((ROOT / "PARAMS.json").read_text())
    config = load_config(ROOT / "SETTINGS.json", ROOT / "PARAMS.json", NETWORKS)
    assert set(config.params.groups) == set(params["groups"])


def test_what_was_read_cannot_be_changed(load):
    with pytest.raises(ValueError, match="frozen"):
        load().params.seed = 3


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (
            {"parallell": {}},
            'SETTINGS.json: parallell: unknown key "parallell": did you mean "parallel"? Allowed: $schema, datasets, '
            "lung_masks, prepared_dir, models_dir, parallel, devices, engine",
        ),
        (
            {"datasets.1.rot": "x"},
            'SETTINGS.json: datasets.1.rot: unknown key "rot": did you mean "root"? Allowed: format, name, '
            "origin, root, limit_patients, csv",
        ),
        (
            {"datasets.0.format": "phantm"},
            'SETTINGS.json: datasets.0: unknown format "phantm": did you mean "phantom"? Allowed: phantom, nih, '
            "chexpert, list, table, folders, dicom",
        ),
        ({"datasets.1": {"root": "x"}}, 'SETTINGS.json: datasets.1: needs the key format to say which kind it is: '
         "phantom, nih, chexpert, list, table, folders, dicom"),
        ({"datasets.1.root": None}, "SETTINGS.json: datasets.1.root: must be a path in quotes; found null"),
        ({"datasets.1": 3}, "SETTINGS.json: datasets.1: must be a JSON object {...}; found 3"),
        ({"datasets": []}, "SETTINGS.json: datasets: list should have at least 1 item after validation, not 0; "
         "found []"),
        ({"datasets.0.patients": 2.0},
         "SETTINGS.json: datasets.0.patients: input should be a valid integer; found 2.0"),
        ({"datasets.0.patients": True},
         "SETTINGS.json: datasets.0.patients: input should be a valid integer; found true"),
        ({"datasets.0.name": "../up"}, 'SETTINGS.json: datasets.0.name: "../up" is no name; use letters, digits, '
         "spaces, . - and _ (a letter, digit or _ first)"),
        ({"engine": "kers"}, 'SETTINGS.json: engine: unknown value "kers": did you mean "keras"? Allowed: auto, '
         "openvino, keras"),
        ({"engine": None}, 'SETTINGS.json: engine: unknown value "null". Allowed: auto, openvino, keras'),
        ({"lung_masks": [{"images": "a", "maks": "b", "masks": "c"}]},
         'SETTINGS.json: lung_masks.0.maks: unknown key "maks": did you mean "masks"? Allowed: format, name, images, '
         "masks, stems, patient_pattern, limit, train_only"),
        ({"lung_masks": [{"format": "pear"}]},
         'SETTINGS.json: lung_masks.0: unknown format "pear": did you mean "pairs"? Allowed: phantom, pairs'),
        ({"lung_masks": [1]}, "SETTINGS.json: lung_masks.0: must be a JSON object {...}; found 1"),
        ({"datasets.0.seed": 8}, "SETTINGS.json: the seeds of lung_masks and of data set 'phantom' are both 8: the "
         "lung network would learn from the patients it is used on; choose another seed"),
        ({"lung_masks": [{"images": "a", "masks": "b"}, {"images": "c", "masks": "d"}]},
         "SETTINGS.json: two sets of lung_masks are called 'pairs': give each its own \"name\""),
        ({"lung_masks": [{"name": "all", "images": "a", "masks": "b"}]}, 'SETTINGS.json: a set of lung_masks is called '
         '"all", which stands for all sets together; rename it'),
        ({"datasets.1": {"format": "phantom", "seed": 9}},
         "SETTINGS.json: two data sets are called 'phantom': give each its own \"name\""),
    ],
)  # fmt: skip
def test_a_mistake_in_the_settings_is_one_sentence(mistakes, settings, line):
    assert mistakes(settings=settings) == [line]


MEMBERS = "small, large"


@pytest.mark.parametrize(
    ("params", "line"),
    [
        ({"training.bach": 3}, 'training.bach: unknown key "bach": did you mean "batch"? Allowed: epochs, batch, '
         "loss, prior_bias, optimizer, schedule, accumulate, precision, freeze_epochs, early_stopping, keep_epochs, "
         "augment, balance, sampler"),
        ({"training.epochs": "12"}, 'training.epochs: input should be a valid integer; found "12"'),
        ({"training.epochs": 0}, "training.epochs: input should be greater than or equal to 1; found 0"),
        ({"training.optimizer.learning_rate": float("nan")},
         "training.optimizer.learning_rate: input should be a finite number; found NaN"),
        ({"segmentation.learning_rate": float("inf")},
         "segmentation.learning_rate: input should be a finite number; found Infinity"),
        ({"training.optimizer.name": "adm"},
         'training.optimizer: unknown optimizer "adm": did you mean "adam"? Allowed: adam, adamw, sgd'),
        ({"members.small": {"network": "tiny"}}, "members.small.image_px: is missing"),
        ({"members.small": "tiny"}, 'members.small: must be a JSON object {...}; found "tiny"'),
        ({"members.small.network": "densenet"}, 'members.small.network: unknown network "densenet": did you mean '
         '"densenet169"? Allowed: tiny, densenet169, xception'),
        ({"members.small.weights": "noisy"},
         'members.small.weights: found "noisy"; allowed: "imagenet", the path of a .keras model, or null'),
        ({"members.small.weights": "chest/weights.pt"},
         'members.small.weights: found "chest/weights.pt"; allowed: "imagenet", the path of a .keras model, or null'),
        ({"members.small.weights": "imagenet"},
         'members.small: network tiny has no ImageNet weights; use "weights": null'),
        ({"members.large.weights": "imagenet"},
         'members.large: xception with ImageNet weights needs "normalization": "minus_one_to_one", not "imagenet"; '
         'to compare normalisations all the same, add "any_normalization": true'),
        ({"members.large.image_px": 70},
         "members.large: image_px 70 is too small for xception; it takes images of at least 71 px"),
        ({"members.small.pooling": "mean"},
         'members.small.pooling: unknown value "mean": did you mean "max"? Allowed: avg, max, lse, pcam'),
        ({"members.small.squeeze_excitation": 0},
         "members.small.squeeze_excitation: input should be greater than or equal to 1; found 0"),
        ({"members.small.training.epoch": 3}, 'members.small.training.epoch: unknown key "epoch": did you mean '
         '"epochs"? Allowed: epochs, batch, loss, prior_bias, optimizer, schedule, accumulate, precision, '
         "freeze_epochs, early_stopping, keep_epochs, augment, balance, sampler"),
        ({"members.large.image_px": 200}, "members.large.image_px 200 is larger than crop.image_px 192: raise "
         "crop.image_px or lower the member's size"),
        ({"members.small.seeds": 0}, "members.small.seeds: input should be greater than or equal to 1; found 0"),
        ({"seed": 2**32 - 2, "members.small.seeds": 3}, "members.small.seeds 3: the last of its seeds is 4294967296; "
         "allowed are seeds below 4294967296"),
        ({"members.a-s1": {"network": "tiny", "image_px": 64}},
         "members.a-s1: names ending in -s and a number belong to seeds; choose another"),
        ({"members.a-f0": {"network": "tiny", "image_px": 64}},
         "members.a-f0: names ending in -f and a number belong to folds; choose another"),
        ({"groups.Both": ["small", "larg"]},
         f'groups.Both: unknown member "larg": did you mean "large"? Allowed: {MEMBERS}'),
        ({"groups.Both": ["small", "small"]}, "groups.Both: a member is named twice"),
        ({"groups.Both": []}, "groups.Both: list should have at least 1 item after validation, not 0; found []"),
        ({"members": {}}, 'groups.Both: unknown member "small". Allowed: none'),
        ({"groups.a/b": ["small"]},
         'groups.a/b: "a/b" is no name; use letters, digits, spaces, . - and _ (a letter, digit or _ first)'),
        ({"findings.set": "nih15"},
         'findings.set: unknown finding set "nih15": did you mean "nih14"? Allowed: nih14, merged6, '
         "chexpert5, chexpert14, coarse"),
        ({"findings.set": []}, "findings.set: the list of findings is empty; name at least one finding"),
        ({"findings.set": ["Edema", "Edema"]}, "findings.set: Edema is named twice"),
        ({"split": {"val": 0.5, "test": 0.5}},
         "split: val 0.5 + test 0.5 leave nothing to train on; their sum must be below 1"),
        ({"segmentation.image_px": 100},
         "segmentation: image_px 100 is not a multiple of 16 (2**depth, times first_stride)"),
        ({"segmentation": {"network": "resnet18", "image_px": 48}},
         "segmentation: image_px 48 is not a multiple of 32, as network 'resnet18' needs"),
        ({"segmentation.split": {"val": 0.5, "test": 0.5}},
         "segmentation.split: val 0.5 + test 0.5 leave no pairs to train on; their sum must be below 1"),
        ({"seed": -1}, "seed: input should be greater than or equal to 0; found -1"),
        ({"groups": "x" * 500}, f'groups: must be a JSON object {{...}}; found "{"x" * 79}...'),
    ],
)  # fmt: skip
def test_a_mistake_in_the_parameters_is_one_sentence(mistakes, params, line):
    assert mistakes(params=params) == [f"PARAMS.json: {line}"]


def test_an_unknown_finding_names_the_nearest(mistakes):
    [line] = mistakes(params={"findings.set": ["Mass", "Edma"]})
    assert line.startswith('PARAMS.json: findings.set: unknown finding "Edma": did you mean "Edema"? Allowed: Atelec')


def test_a_value_that_may_have_two_types_is_told_both_in_one_sentence(mistakes):
    assert mistakes(settings={"parallel": {"workers": "many"}}) == [
        'SETTINGS.json: parallel.workers: unknown value "many". Allowed: auto, or a valid integer',
    ]
    assert mistakes(settings={"devices": 0}) == [
        'SETTINGS.json: devices: should be greater than or equal to 1, or "all"; found 0',
    ]
    assert mistakes(settings={"devices": 1.5}) == [
        'SETTINGS.json: devices: should be a valid integer, or "all"; found 1.5',
    ]
    assert mistakes(params={"findings.uncertain": {"Edema": "zeroes"}}) == [
        'PARAMS.json: findings.uncertain.Edema: unknown value "zeroes": did you mean "zeros"? Allowed: ignore, zeros, '
        "ones, or a valid list",
    ]
    assert mistakes(params={"findings.set": [3]}) == [
        "PARAMS.json: findings.set: input should be a valid string; found [3]",
        "PARAMS.json: findings.set.0: should be a valid string, or a JSON object {...}; found 3",
    ]


def test_all_mistakes_of_both_files_are_told_at_once(mistakes, drop):
    lines = mistakes(
        settings={"engine": "kers", "datasets.0.patients": 0, "datasets.1.root": drop},
        params={"crop.mode": "bx", "members.small.image_px": "64", "members.large.network": "xeption", "grups": {}},
    )
    places = [line.split(": ")[:2] for line in lines]
    assert sorted(places) == [
        ["PARAMS.json", "crop.mode"],
        ["PARAMS.json", "grups"],
        ["PARAMS.json", "members.large.network"],
        ["PARAMS.json", "members.small.image_px"],
        ["SETTINGS.json", "datasets.0.patients"],
        ["SETTINGS.json", "datasets.1.root"],
        ["SETTINGS.json", "engine"],
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"seed": 1,\n  "seed": 2}', 'PARAMS.json: key "seed" is written twice in one object; keep one'),
        (b'{"crop": {"mode": "crop", "mode": "none"}}', 'key "mode" is written twice'),
        (b'{"seed": 1,\n  "crop" {}}', "PARAMS.json: not valid JSON: Expecting ':' delimiter at line 2, column 10"),
        (b"", "PARAMS.json: not valid JSON: Expecting value at line 1, column 1"),
        (b"[1, 2]", "PARAMS.json: holds a list; a JSON object {...} is needed"),
        (b"null", "PARAMS.json: holds a NoneType; a JSON object {...} is needed"),
        (
            b'{"seed": "\xe9"}',
            "PARAMS.json: is not UTF-8 text (invalid continuation byte at byte 10); save it as UTF-8",
        ),
        ('{"seed": 1}'.encode("utf-16"), "PARAMS.json: is not UTF-8 text"),
        (b'{"seed": ' + b"9" * 5000 + b"}", "PARAMS.json: Exceeds the limit"),
        (b"[" * 100_000, "PARAMS.json: maximum recursion depth exceeded"),
    ],
)
def test_a_file_that_is_no_json_object_is_one_sentence(load, tmp_path, content, message):
    load()
    (tmp_path / "PARAMS.json").write_bytes(content)
    with pytest.raises(UserError) as raised:
        load_config(tmp_path / "SETTINGS.json", tmp_path / "PARAMS.json", NETWORKS)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_file_and_a_folder_are_named(load, tmp_path):
    load()
    with pytest.raises(UserError, match=r"nowhere\.json: cannot be read \(No such file or directory\)"):
        load_config(tmp_path / "nowhere.json", tmp_path / "PARAMS.json", NETWORKS)
    with pytest.raises(UserError, match=r"cannot be read \(Is a directory\)"):
        load_config(tmp_path / "SETTINGS.json", tmp_path, NETWORKS)


def test_a_byte_order_mark_is_accepted(load, tmp_path):
    expected = load()
    for name in ("SETTINGS.json", "PARAMS.json"):
        path = tmp_path / name
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    found = load_config(tmp_path / "SETTINGS.json", tmp_path / "PARAMS.json", NETWORKS)
    assert found == expected


def test_relative_paths_start_at_the_folder_of_the_settings(load, tmp_path, monkeypatch):
    pairs = {"format": "pairs", "images": "lungs/images", "masks": "/elsewhere/masks"}
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    settings = load({"lung_masks": [pairs], "prepared_dir": "../prepared"}).settings
    assert settings.datasets[1].root == tmp_path / "nih"
    assert settings.lung_masks == [LungPairs(images=tmp_path / "lungs" / "images", masks=Path("/elsewhere/masks"))]
    assert settings.prepared_dir == tmp_path / ".." / "prepared"
    assert settings.models_dir == tmp_path / "models"
    monkeypatch.chdir(tmp_path)
    relative = load_config(Path("SETTINGS.json"), Path("PARAMS.json"), NETWORKS)
    assert relative.settings == settings


def test_results_of_smoke_runs_and_experiments_lie_apart(load, tmp_path):
    experiments = tmp_path / "experiments"
    experiments.mkdir()
    (experiments / "loss.json").write_text("{}")
    models = tmp_path / "models"
    for options, group_dir, lungs_dir in (
        ({}, "Both", "lungs"),
        ({"experiment": "loss"}, "loss/Both", "lungs"),
        ({"smoke": True}, "smoke/Both", "smoke/lungs"),
        ({"smoke": True, "experiment": "loss"}, "smoke/loss/Both", "smoke/lungs"),
    ):
        config = load(**options, experiments_dir=experiments)
        assert config.group_dir("Both") == models / group_dir
        assert config.lungs_dir == models / lungs_dir


def test_a_member_overrides_only_the_training_keys_it_writes(load):
    params = load(params={"training.augment.rotate_degrees": 3.0}).params
    large = params.training_of("large")
    assert (large.epochs, large.batch) == (3, 24)
    assert large.schedule == Constant(name="constant")
    assert large.augment == params.training.augment
    assert large.augment.rotate_degrees == 3.0
    assert params.training_of("small") == params.training


def test_an_unknown_group_names_the_nearest(load):
    with pytest.raises(UserError, match=r'unknown group "small": did you mean "Small"\? Allowed: Both, Small'):
        load().params.group("small")


def test_reading_files_loads_no_framework():
    rooms = ("cxr.config.load", "cxr.images.files", "cxr.datasets.split", "cxr.datasets.sources.nih")
    code = f"import sys, {', '.join(rooms)}; print(*{{'tensorflow', 'keras', 'torch'}} & sys.modules.keys())"
    result = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == ""
