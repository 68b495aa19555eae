"""A small valid pair of configuration files, and a way to change and load them."""

import copy
import json

import pytest

from cxr.config.errors import UserError
from cxr.config.load import load_config
from cxr.config.network import Network

NETWORKS = {
    "tiny": Network("tiny"),
    "densenet169": Network("densenet", imagenet="imagenet", least_px=32),
    "xception": Network("xception", imagenet="minus_one_to_one", least_px=71),
}
SETTINGS = {
    "datasets": [{"format": "phantom", "patients": 500, "seed": 7}, {"format": "nih", "root": "nih"}],
    "lung_masks": [{"format": "phantom", "patients": 60, "seed": 8}],
}
PARAMS = {
    "members": {
        "small": {"network": "tiny", "image_px": 64},
        "large": {"network": "xception", "image_px": 160, "training": {"epochs": 3, "schedule": {"name": "constant"}}},
    },
    "groups": {"Both": ["small", "large"], "Small": ["small"]},
    "training": {"epochs": 20, "batch": 24, "schedule": {"name": "cosine", "warmup_fraction": 0.1}},
}


@pytest.fixture(scope="session")
def make_loader():
    """A function: a folder -> a function that writes the pair there, changed, and loads it.

    Changes are {"settings" or "params": {"path.to.key": value}}; a value DROP takes the key away.
    """

    def make(folder):
        def load(settings=None, params=None, **options):
            for name, content, changes in (("SETTINGS.json", SETTINGS, settings), ("PARAMS.json", PARAMS, params)):
                (folder / name).write_text(json.dumps(changed(content, changes or {})), encoding="utf-8")
            return load_config(folder / "SETTINGS.json", folder / "PARAMS.json", NETWORKS, **options)

        return load

    return make


@pytest.fixture
def load(tmp_path, make_loader):
    return make_loader(tmp_path)


@pytest.fixture
def mistakes(tmp_path, load):
    """A function like `load` that returns the lines of the UserError, without the folder."""

    def collect(*arguments, **options):
        with pytest.raises(UserError) as raised:
            load(*arguments, **options)
        return str(raised.value).replace(f"{tmp_path}/", "").splitlines()

    return collect


DROP = object()


@pytest.fixture(scope="session")
def drop():
    return DROP


def changed(content, changes):
    content = copy.deepcopy(content)
    for path, value in changes.items():
        *above, last = [int(part) if part.isdigit() else part for part in path.split(".")]
        target = content
        for part in above:
            target = target.setdefault(part, {}) if isinstance(target, dict) else target[part]
        if value is DROP:
            del target[last]
        else:
            target[last] = value
    return content
