"""`training.loss` and `training.sampler`: which keys each has, which go with the findings, who overrides whom."""

import json

import pytest

from cxr.config.labels import Findings
from cxr.config.loss import Asymmetric, Bce, ClassWeights, Focal, Softmax, WeightedBce, WmwAuc, loss_for
from cxr.config.sampler import ClassBalanced, RandomDraw, Shuffled

SINGLE = {"findings": {"set": ["Edema", "Mass", "Hernia"], "labels": "single"}}


def test_without_a_word_the_loss_is_that_of_the_labels(load):
    for params, expected in (({}, Bce), (SINGLE, Softmax)):
        loaded = load(params=params).params
        assert loaded.training.loss is None
        assert isinstance(loss_for(loaded.training_of("small").loss, loaded.findings), expected)
    assert load().params.training.sampler == Shuffled(name="shuffled")


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ({"name": "bce", "label_smoothing": 0.1}, Bce(name="bce", label_smoothing=0.1)),
        ({"name": "class_weights", "weights": {"Hernia": 10}}, ClassWeights(name="class_weights",
                                                                           weights={"Hernia": 10.0})),
        ({"name": "weighted_bce", "weighting": "neg_pos"}, WeightedBce(name="weighted_bce", weighting="neg_pos")),
        ({"name": "focal", "gamma": 3, "alpha": None}, Focal(name="focal", gamma=3.0, alpha=None)),
        ({"name": "asymmetric", "margin": 0.1}, Asymmetric(name="asymmetric", margin=0.1)),
        ({"name": "wmw_auc", "p": 2}, WmwAuc(name="wmw_auc", p=2.0)),
    ],
)  # fmt: skip
def test_every_loss_has_its_own_keys(load, written, typed):
    assert load(params={"training.loss": written}).params.training.loss == typed


ALL_LOSSES = "bce, class_weights, weighted_bce, focal, asymmetric, wmw_auc, softmax"


@pytest.mark.parametrize(
    ("params", "line"),
    [
        ({"training.loss": {"name": "focl"}},
         f'training.loss: unknown name "focl": did you mean "focal"? Allowed: {ALL_LOSSES}'),
        ({"training.loss": {"gamma": 2}}, f"training.loss: needs the key name to say which kind it is: {ALL_LOSSES}"),
        ({"training.loss": "focal"}, 'training.loss: must be a JSON object {...}; found "focal"'),
        ({"training.loss": {"name": "focal", "gama": 2}},
         'training.loss.gama: unknown key "gama": did you mean "gamma"? Allowed: name, gamma, alpha, label_smoothing'),
        ({"training.loss": {"name": "wmw_auc", "label_smoothing": 0.1}},
         'training.loss.label_smoothing: unknown key "label_smoothing". Allowed: name, gamma, p'),
        ({"training.loss": {"name": "class_weights"}}, "training.loss.weights: is missing"),
        ({"training.loss": {"name": "bce", "label_smoothing": 1}},
         "training.loss.label_smoothing: input should be less than 1; found 1"),
        ({"training.loss": {"name": "weighted_bce", "weighting": "negpos"}},
         'training.loss.weighting: unknown value "negpos": did you mean "neg_pos"? Allowed: frequency, neg_pos'),
        ({"training.loss": {"name": "class_weights", "weights": {"Hernai": 3}}, "findings.set": ["Hernia", "Mass"]},
         'training.loss: weights: unknown finding "Hernai": did you mean "Hernia"? Allowed: Hernia, Mass'),
        ({"training.loss": {"name": "softmax"}}, 'training.loss: name "softmax" needs exactly one finding per image: '
         'use another loss, or set findings.labels to "single"'),
        ({**SINGLE, "training.loss": {"name": "focal"}}, 'training.loss: name "focal" asks of every finding by itself, '
         'but with findings.labels "single" an image has exactly one of them: use "softmax", or leave training.loss '
         "out"),
        ({"members.small.training": {"loss": {"name": "softmax"}}}, "members.small.training.loss: name \"softmax\" "
         'needs exactly one finding per image: use another loss, or set findings.labels to "single"'),
        ({"members.small.training": {"loss": {"name": "bc"}}},
         f'members.small.training.loss: unknown name "bc": did you mean "bce"? Allowed: {ALL_LOSSES}'),
        ({"training.sampler": {"name": "balanced"}}, 'training.sampler: unknown name "balanced": did you mean '
         '"class_balanced"? Allowed: shuffled, class_balanced, random'),
        ({"training.sampler": {"name": "random", "no_finding_share": 0.1}}, "training.sampler.no_finding_share: "
         'unknown key "no_finding_share". Allowed: name, images_per_epoch'),
        ({"training.sampler": {"name": "class_balanced", "no_finding_share": 1}},
         "training.sampler.no_finding_share: input should be less than 1; found 1"),
        ({"training.sampler": {"name": "random", "images_per_epoch": 0}},
         "training.sampler.images_per_epoch: input should be greater than or equal to 1; found 0"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(mistakes, params, line):
    assert mistakes(params=params) == [f"PARAMS.json: {line}"]


BOTH = {
    "training.loss": {"name": "focal", "gamma": 3, "alpha": 0.6},
    "training.sampler": {"name": "class_balanced", "no_finding_share": 0.5, "images_per_epoch": 40},
}


def of_small(load, loss=None, sampler=None):
    """Loss and sampler of the member `small`, which writes these over those of everybody."""
    own = {key: value for key, value in (("loss", loss), ("sampler", sampler)) if value}
    training = load(params={**BOTH, "members.small.training": own}).params.training_of("small")
    return training.loss, training.sampler


def test_a_member_that_names_the_same_changes_only_what_it_writes(load):
    loss, sampler = of_small(load, {"name": "focal", "gamma": 1}, {"name": "class_balanced", "images_per_epoch": 9})
    assert loss == Focal(name="focal", gamma=1.0, alpha=0.6)
    assert sampler == ClassBalanced(name="class_balanced", no_finding_share=0.5, images_per_epoch=9)


def test_a_member_that_names_another_takes_over_no_key(load):
    loss, sampler = of_small(load, {"name": "asymmetric"}, {"name": "random"})
    assert loss == Asymmetric(name="asymmetric")
    assert sampler == RandomDraw(name="random")


def test_a_member_that_names_none_keeps_those_of_everybody(load):
    assert of_small(load) == (
        Focal(name="focal", gamma=3.0, alpha=0.6),
        ClassBalanced(name="class_balanced", no_finding_share=0.5, images_per_epoch=40),
    )


def test_a_member_may_have_the_default_loss_again(load):
    params = load(params={**BOTH, "members.small.training": {"loss": None}}).params
    assert params.training_of("small").loss is None
    assert params.training_of("large").loss.name == "focal"


@pytest.fixture
def with_experiment(load, tmp_path):
    """A function: a `training` block -> parameters with BOTH in PARAMS.json and that block in an experiment."""

    def lay(training, **options):
        (tmp_path / "experiments").mkdir(exist_ok=True)
        (tmp_path / "experiments" / "one.json").write_text(json.dumps({"training": training}))
        return load(params=BOTH, experiment="one", experiments_dir=tmp_path / "experiments", **options).params.training

    return lay


def test_an_experiment_that_names_another_takes_over_no_key(with_experiment):
    training = with_experiment({"loss": {"name": "bce"}, "sampler": {"name": "shuffled"}})
    assert (training.loss, training.sampler) == (Bce(name="bce"), Shuffled(name="shuffled"))


def test_an_experiment_that_names_the_same_or_nothing_changes_only_what_it_writes(with_experiment):
    training = with_experiment({"loss": {"gamma": 1}, "sampler": {"name": "class_balanced", "no_finding_share": 0.1}})
    assert training.loss == Focal(name="focal", gamma=1.0, alpha=0.6)
    assert training.sampler == ClassBalanced(name="class_balanced", no_finding_share=0.1, images_per_epoch=40)


def test_set_chooses_a_loss_where_the_file_has_none(load):
    sets = ["training.loss.name=focal", "training.loss.gamma=1", "members.small.training.sampler.name=random"]
    params = load(overrides=sets).params
    assert params.training_of("large").loss == Focal(name="focal", gamma=1.0)
    assert params.training_of("small").sampler == RandomDraw(name="random")


def test_a_smoke_run_shows_few_images(load):
    params = {**BOTH, "training.sampler": {"name": "random", "images_per_epoch": 100_000}}
    params["members.small.training"] = {"sampler": {"name": "shuffled", "images_per_epoch": 50}}
    small = load(params=params, smoke=True).params
    assert small.training.sampler == RandomDraw(name="random", images_per_epoch=128)
    assert small.training_of("small").sampler == Shuffled(name="shuffled", images_per_epoch=50)
    assert load(params=BOTH, smoke=True).params.training.loss == load(params=BOTH).params.training.loss


def test_the_default_loss_can_be_written_down_as_well():
    findings = Findings(set=["Edema", "Mass"])
    assert loss_for(Bce(name="bce"), findings) == loss_for(None, findings)
