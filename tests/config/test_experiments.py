"""Every published experiment is valid as it stands, in full and with --smoke, and says what README asks of it."""

import json
from pathlib import Path

import pytest

from cxr.classification.networks.registry import NETWORKS
from cxr.config.load import load_config

ROOT = Path(__file__).parents[2]
EXPERIMENTS = sorted(path.stem for path in (ROOT / "experiments").glob("*.json") if not path.stem.endswith("_settings"))


@pytest.mark.parametrize("name", EXPERIMENTS)
@pytest.mark.parametrize("smoke", [False, True])
def test_an_experiment_is_valid(name, smoke):
    own = ROOT / "experiments" / f"{name}_settings.json"
    settings = own if own.is_file() and not smoke else ROOT / "SETTINGS.json"
    config = load_config(
        settings, ROOT / "PARAMS.json", NETWORKS, name, smoke=smoke, experiments_dir=ROOT / "experiments"
    )
    assert config.group_dir("G").parent.name == name
    if smoke:
        assert all(member.weights is None for member in config.params.members.values())
        assert config.params.split.scheme != "official"


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_is_listed_with_what_it_is(name):
    about = json.loads((ROOT / "experiments" / f"{name}.json").read_text(encoding="utf-8"))
    assert about["$about"]
    assert f"| `{name}` |" in (ROOT / "experiments" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "differences"),
    [
        ("chexnet_log", ("weight decay", "chosen by", "patience")),
        ("lung_crop_ensemble", ("noisy student", "class weights", "augmentations")),
        ("nodule_mass", ("healthy", "dropout", "augmentation", "class weights", "batches")),
        ("resnet_v2_56", ("squares of the kernels", "8 x 8", "momentum", "every fifth")),
        ("attention_xception", ("shuffles", "alpha", "pooled", "stands still", "random")),
    ],
)
def test_an_experiment_names_what_differs_from_the_system_it_repeats(name, differences):
    about = json.loads((ROOT / "experiments" / f"{name}.json").read_text(encoding="utf-8"))["$about"]
    assert "Done right here: " in about and "Different: " in about
    assert [one for one in differences if one not in about] == []


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_member_takes_no_training_of_its_own_from_one_of_the_same_name(name):
    """Laid over PARAMS.json, a member would keep what only the default one of that name has."""
    defaults = json.loads((ROOT / "PARAMS.json").read_text(encoding="utf-8"))["members"]
    own = json.loads((ROOT / "experiments" / f"{name}.json").read_text(encoding="utf-8")).get("members", {})
    for member, said in own.items():
        default = defaults.get(member, {})
        assert default.get("training", {}).keys() <= said.get("training", {}).keys(), member
        assert "last_stride" not in default or "last_stride" in said, member
