"""What the command line lays over the files: `--set`, `--experiment`; and that nothing written there can crash."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.config.errors import UserError
from cxr.config.settings import LungPairs


def test_set_takes_json_and_takes_anything_else_as_text(load, tmp_path):
    config = load(
        overrides=[
            "training.epochs=5",
            "training.optimizer.learning_rate=1e-4",
            'findings.set=["Edema", "Mass"]',
            "members.large.dropout=0.5",
            "prepared_dir=some=where",
            "segmentation.weights=null.keras",
        ]
    )
    assert config.params.training.epochs == 5
    assert config.params.training.optimizer.learning_rate == 1e-4
    assert config.params.findings.names == ("Edema", "Mass")
    assert config.params.members["large"].dropout == 0.5
    assert config.settings.prepared_dir == tmp_path / "some=where"
    assert config.params.segmentation.weights == "null.keras"


def test_set_reaches_into_lists_and_makes_missing_objects(load):
    config = load(
        overrides=[
            "datasets.0.patients=12",
            "groups.Both.1=small2",
            "members.small2.network=tiny",
            "members.small2.image_px=32",
            "members.small.training.optimizer.learning_rate=0.5",
        ]
    )
    assert config.settings.datasets[0].patients == 12
    assert config.params.groups["Both"] == ["small", "small2"]
    assert config.params.training_of("small").optimizer.learning_rate == 0.5
    assert config.params.training_of("small").epochs == 20


def test_the_last_set_wins_and_a_whole_object_may_be_set(load):
    masks = [{"images": "/a", "masks": "/b", "limit": 4}]
    config = load(overrides=["seed=1", "seed=2", f"lung_masks={json.dumps(masks)}"])
    assert config.params.seed == 2
    assert config.settings.lung_masks == [LungPairs(images="/a", masks="/b", limit=4)]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epochs", "--set training.epochs: needs the form path.to.key=value, for example --set training.ep"),
        ("=3", "--set =3: needs the form path.to.key=value"),
        ("trainig.epochs=3", '--set trainig.epochs=3: unknown key "trainig": did you mean "training"? Allowed: datas'),
        ("datasets.2.patients=3", '--set datasets.2.patients=3: "2" is no index of the list; allowed: 0, 1'),
        ("datasets.-1.patients=3", '"-1" is no index of the list; allowed: 0, 1'),
        ("datasets.²={}", '"²" is no index of the list; allowed: 0, 1'),
        ("datasets.first={}", '"first" is no index of the list'),
        ("datasets.0.patients=many", 'SETTINGS.json with --set: datasets.0.patients: input should be a valid integer; '
         'found "many"'),
        ("training.epocs=3", 'PARAMS.json with --set: training.epocs: unknown key "epocs": did you mean "epochs"?'),
        ("seed.x=3", 'PARAMS.json with --set: seed: input should be a valid integer; found {"x": 3}'),
        ("groups.Small=small", 'PARAMS.json with --set: groups.Small: input should be a valid list; found "small"'),
        ("seed=" + "9" * 5000, 'PARAMS.json with --set: seed: input should be a valid integer; found "9999'),
        ("seed=" + "[" * 100_000, 'PARAMS.json with --set: seed: input should be a valid integer; found "[[[['),
    ],
)  # fmt: skip
def test_a_wrong_set_is_one_sentence(mistakes, override, message):
    [line] = mistakes(overrides=[override])
    assert message in line


@pytest.fixture
def experiments(tmp_path):
    folder = tmp_path / "experiments"
    folder.mkdir()
    content = {"$about": {"paper": "none"}, "training": {"epochs": 7, "augment": {"rotate_degrees": 1.0}}, "seed": 3}
    (folder / "short_run.json").write_text(json.dumps(content))
    (folder / "focal.json").write_text("{}")
    return folder


def test_an_experiment_writes_only_what_differs(load, experiments):
    plain = load().params
    config = load(experiment="short_run", experiments_dir=experiments)
    assert config.experiment == "short_run"
    assert config.params.seed == 3
    assert config.params.training.epochs == 7
    assert config.params.training.augment.rotate_degrees == 1.0
    assert config.params.training.augment.shift_fraction == plain.training.augment.shift_fraction
    assert config.params.training.batch == 24
    assert config.params.members == plain.members


def test_set_wins_over_an_experiment(load, experiments):
    options = {"experiment": "short_run", "experiments_dir": experiments}
    assert load(overrides=["training.epochs=9"], **options).params.training.epochs == 9


@pytest.mark.parametrize("name", ["shortrun", "../experiments/short_run", ""])
def test_an_unknown_experiment_lists_the_known_ones(load, experiments, name):
    if not name:  # as good as none
        assert load(experiment=name, experiments_dir=experiments).params.seed == 2026
        return
    with pytest.raises(UserError, match=r'no such file; unknown experiment ".*": did you mean "short_run"\? Allowed: '
                       "focal, short_run"):  # fmt: skip
        load(experiment=name, experiments_dir=experiments)


def test_without_experiments_that_is_said(mistakes, tmp_path):
    [line] = mistakes(experiment="focal", experiments_dir=tmp_path / "nowhere")
    assert line == 'nowhere/focal.json: no such file; unknown experiment "focal". Allowed: (none yet)'


def test_a_mistake_in_an_experiment_names_it(mistakes, experiments):
    (experiments / "focal.json").write_text('{"training": {"los": 1}}')
    [line] = mistakes(experiment="focal", experiments_dir=experiments)
    assert line.startswith('PARAMS.json with experiment focal: training.los: unknown key "los"')
    (experiments / "focal.json").write_text("[]")
    [line] = mistakes(experiment="focal", experiments_dir=experiments)
    assert line == "experiments/focal.json: holds a list; a JSON object {...} is needed"


TOP_KEYS = {
    "settings": ["$schema", "datasets", "lung_masks", "prepared_dir", "models_dir", "parallel", "engine", "other"],
    "params": [
        *("$schema", "seed", "findings", "split", "segmentation", "crop", "members", "groups", "training"),
        *("evaluation", "heatmaps", "other"),
    ],
}
INNER_KEYS = ["format", "root", "seed", "patients", "name", "images", "masks", "set", "network", "image_px", "training",
              "epochs", "mode", "small", "Both"]  # fmt: skip
WORDS = ["phantom", "nih", "pairs", "nih14", "tiny", "small", "large", "crop", "auto"]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from(WORDS)
KEYS = st.sampled_from(INNER_KEYS) | st.text(max_size=3)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)
PLACES = st.sampled_from([(file, key) for file, keys in TOP_KEYS.items() for key in keys])


@pytest.fixture(scope="module")
def load_anything(tmp_path_factory, make_loader):
    """A function like `load` that returns the Config or the UserError; anything else is a crash."""
    load = make_loader(tmp_path_factory.mktemp("anything"))

    def attempt(**options):
        try:
            return load(**options)
        except UserError as error:
            assert str(error).strip()
            return error

    return attempt


@settings(max_examples=300, deadline=None, derandomize=True)
@given(place=PLACES, value=JSON, smoke=st.booleans())
def test_any_json_at_any_top_level_key_loads_or_is_a_user_error(load_anything, place, value, smoke):
    file, key = place
    load_anything(**{file: {key: value}}, smoke=smoke)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    path=st.lists(
        st.sampled_from([*TOP_KEYS["settings"], *TOP_KEYS["params"], *INNER_KEYS, "0", "1"]) | KEYS, max_size=4
    ),
    value=JSON.map(json.dumps) | st.text(max_size=6),
    smoke=st.booleans(),
)
def test_any_set_loads_or_is_a_user_error(load_anything, path, value, smoke):
    load_anything(overrides=[".".join(path) + "=" + value], smoke=smoke)
