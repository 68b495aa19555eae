"""`--smoke` makes everything smaller, nothing larger, and hides no mistake in what it shrinks."""

import pytest

from cxr.config.smoke import CROP_PX, LUNG_PAIRS, LUNG_PX, MEMBER_PX, PATIENTS


def test_phantoms_and_nih_shrink(load):
    settings = load(smoke=True).settings
    assert settings.datasets[0].patients == PATIENTS
    assert settings.datasets[1].limit_patients == PATIENTS
    assert settings.lung_masks[0].patients == LUNG_PAIRS


def test_lung_pairs_shrink_and_phantom_lungs_do_so_by_default(load, drop):
    pairs = {"format": "pairs", "images": "a", "masks": "b", "limit": None}
    assert load({"lung_masks": [pairs]}, smoke=True).settings.lung_masks[0].limit == LUNG_PAIRS
    assert load({"lung_masks": drop}, smoke=True).settings.lung_masks[0].patients == LUNG_PAIRS


def test_sizes_epochs_and_resamples_shrink_and_the_rest_stays(load):
    full, small = load().params, load(smoke=True).params
    assert small.crop.image_px == CROP_PX
    assert small.segmentation.image_px == LUNG_PX
    assert {name: member.image_px for name, member in small.members.items()} == {"small": 64, "large": MEMBER_PX}
    assert [small.training_of(name).epochs for name in small.members] == [1, 1]
    assert small.evaluation.resamples < full.evaluation.resamples
    assert small.groups == full.groups
    assert small.training_of("large").schedule == full.training_of("large").schedule
    assert (small.seed, small.findings, small.split) == (full.seed, full.findings, full.split)


def test_no_epoch_is_left_in_which_a_network_is_frozen(load):
    params = load(
        params={"training.freeze_epochs": 3, "members.small.training": {"freeze_epochs": 2}}, smoke=True
    ).params
    assert [params.training_of(name).freeze_epochs for name in params.members] == [0, 0]
    assert load(smoke=True).params.training.freeze_epochs == 0


def test_of_many_seeds_two_are_left(load):
    seeds = {"members.small.seeds": 5, "members.large.seeds": 2}
    members = load(params=seeds, smoke=True).params.members
    assert [member.seeds for member in members.values()] == [2, 2]
    assert load(smoke=True).params.members["small"].seeds == 1


def test_nothing_grows(load):
    settings = {"datasets.0.patients": 5, "datasets.1.limit_patients": 4, "lung_masks.0.patients": 3}
    params = {
        **{"crop.image_px": 80, "members.large.image_px": 72, "members.small.image_px": 32, "training.batch": 2},
        **{"members.small.training": {"batch": 3}, "evaluation.resamples": 100},
        "segmentation": {"image_px": 32, "width": 2, "depth": 2, "epochs": 1, "batch": 4},
    }
    full, small = load(settings, params), load(settings, params, smoke=True)
    assert small.settings == full.settings
    assert small.params.segmentation == full.params.segmentation
    assert small.params.crop == full.params.crop
    assert [member.image_px for member in small.params.members.values()] == [32, 72]
    assert small.params.training.batch == 2
    assert small.params.training_of("small").batch == 3
    assert small.params.evaluation.resamples == 100


def test_set_wins_over_smoke(load):
    config = load(smoke=True, overrides=["datasets.0.patients=7", "training.epochs=2"])
    assert config.settings.datasets[0].patients == 7
    assert config.params.training.epochs == 2


def test_nothing_is_downloaded(load):
    params = {"members.large.weights": "imagenet", "members.large.normalization": "minus_one_to_one"}
    assert load({}, params).params.members["large"].weights == "imagenet"
    assert load({}, params, smoke=True).params.members["large"].weights is None


def test_phantoms_alone_take_their_own_lists_for_nihs(load):
    phantoms = {"datasets": [{"format": "phantom"}]}
    official = {"split": {"scheme": "official", "val": 0.2}}
    assert load(phantoms, official).params.split.scheme == "official"
    small = load(phantoms, official, smoke=True).params.split
    assert (small.scheme, small.val) == ("lists", 0.2)
    assert load({}, official, smoke=True).params.split.scheme == "official"
    assert load(phantoms, official, smoke=True, overrides=["split.scheme=official"]).params.split.scheme == "official"


@pytest.mark.parametrize(
    ("file", "key", "value"),
    [
        ("settings", "datasets", "nih"),
        ("settings", "datasets.0", "nih"),
        ("settings", "datasets.0.patients", "many"),
        ("settings", "datasets.1.limit_patients", 0),
        ("settings", "lung_masks", 3),
        ("settings", "lung_masks.0", 3),
        ("settings", "lung_masks.0.patients", True),
        ("params", "members", ["small"]),
        ("params", "members.small", "tiny"),
        ("params", "members.small", {"network": "tiny"}),
        ("params", "members.small.image_px", "64"),
        ("params", "members.large.training", 3),
        ("params", "members.large.training.epochs", "3"),
        ("params", "crop", 96),
        ("params", "crop.image_px", 96.5),
        ("params", "segmentation", []),
        ("params", "training.epochs", -1),
        ("params", "evaluation.resamples", 20),
        ("params", "heatmaps.images_per_finding", "all"),
    ],
)
def test_mistakes_are_told_as_without_smoke(mistakes, file, key, value):
    assert mistakes(**{file: {key: value}}, smoke=True) == mistakes(**{file: {key: value}})
