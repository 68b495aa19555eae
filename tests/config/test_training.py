import pytest

from cxr.config.findings import NIH14
from cxr.config.loss import Focal
from cxr.config.optimizer import Adam, AdamW, Constant, Cosine, Plateau, Sgd, Step
from cxr.config.sampler import ClassBalanced, Shuffled

HERNA = f'unknown finding "Herna": did you mean "Hernia"? Allowed: {", ".join(NIH14)}'
SGD = {"name": "sgd", "momentum": 0.5, "learning_rate": 0.2}


def test_every_optimiser_and_schedule_has_keys_of_its_own(load):
    for written, expected in (
        ({}, Adam()),
        ({"learning_rate": 0.5, "clip_norm": 1.0}, Adam(learning_rate=0.5, clip_norm=1.0)),
        ({"name": "adamw", "weight_decay": 0.1, "ema": 0.99}, AdamW(name="adamw", weight_decay=0.1, ema=0.99)),
        ({**SGD, "nesterov": True}, Sgd(name="sgd", momentum=0.5, learning_rate=0.2, nesterov=True)),
    ):
        assert load(params={"training.optimizer": written}).params.training.optimizer == expected
    for written, expected in (
        ({}, Cosine()),
        ({"warmup_fraction": 0.2}, Cosine(warmup_fraction=0.2)),
        ({"name": "constant"}, Constant(name="constant")),
        ({"name": "step", "every": 3, "factor": 0.5}, Step(name="step", every=3, factor=0.5)),
        ({"name": "plateau", "patience": 2}, Plateau(name="plateau", patience=2, factor=0.1)),
    ):
        assert load(params={"training.schedule": written}).params.training.schedule == expected


@pytest.mark.parametrize(
    ("params", "line"),
    [
        ({"training.optimizer": {"name": "sgd", "weight_decay": 0.1}},
         'training.optimizer.weight_decay: unknown key "weight_decay". Allowed: name, learning_rate, clip_norm, ema, '
         "momentum, nesterov"),
        ({"training.optimizer": {"name": "sgd", "momentum": 0.0, "nesterov": True}},
         "training.optimizer: nesterov does nothing with momentum 0; raise momentum or leave nesterov out"),
        ({"training.optimizer": {"ema": 1.0}}, "training.optimizer.ema: input should be less than 1; found 1.0"),
        ({"training.schedule": {"name": "plato"}},
         'training.schedule: unknown schedule "plato": did you mean "plateau"? Allowed: constant, cosine, step, '
         "plateau"),
        ({"training.schedule": {"name": "constant", "warmup_fraction": 0.1}},
         'training.schedule.warmup_fraction: unknown key "warmup_fraction". Allowed: name'),
        ({"training.schedule": {"name": "step"}, "members.small.training": {"schedule": {"warmup_fraction": 0.1}}},
         'members.small.training.schedule.warmup_fraction: unknown key "warmup_fraction". Allowed: name, every, '
         "factor"),
        ({"training.optimizer": {"name": "sdg"}, "members.small.training": {"optimizer": {"momentum": 0.5}}},
         'training.optimizer: unknown optimizer "sdg": did you mean "sgd"? Allowed: adam, adamw, sgd'),
        ({"training.loss": {"name": "focal"}, "members.small.training": {"loss": {"gama": 1.0}}},
         'members.small.training.loss.gama: unknown key "gama": did you mean "gamma"? Allowed: name, gamma, alpha, '
         "label_smoothing"),
        ({"members.small.training": {"loss": {"gamma": 1.0}}},
         "members.small.training.loss: needs the key name to say which kind it is: bce, class_weights, weighted_bce, "
         "focal, asymmetric, wmw_auc, softmax"),
        ({"training.balance": {"repeat": {"Herna": 2}}}, f'training.balance.repeat: {HERNA}'),
        ({"members.small.training": {"balance": {"repeat": {"Herna": 2}}}},
         f'members.small.training.balance.repeat: {HERNA}'),
        ({"training.sampler": {"name": "random", "images_per_epoch": 10**14}},
         "training.sampler.images_per_epoch: input should be less than or equal to 100000000; found 100000000000000"),
        ({"training.precision": "float16"}, 'training.precision: unknown value "float16": did you mean '
         '"float32"? Allowed: float32, mixed_bfloat16, mixed_float16, onednn_bfloat16'),
        ({"training.accumulate": 0}, "training.accumulate: input should be greater than or equal to 1; found 0"),
        ({"training.freeze_epochs": -1},
         "training.freeze_epochs: input should be greater than or equal to 0; found -1"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_training_is_one_sentence(mistakes, params, line):
    assert mistakes(params=params) == [f"PARAMS.json: {line}"]


def test_a_member_that_names_another_optimiser_takes_over_none_of_the_keys(load):
    training = {"training.optimizer": {**SGD, "clip_norm": 3.0}}
    for own, expected in (
        ({"name": "adamw"}, AdamW(name="adamw")),
        ({"name": "sgd", "momentum": 0.7}, Sgd(name="sgd", learning_rate=0.2, momentum=0.7, clip_norm=3.0)),
        ({"learning_rate": 0.1}, Sgd(name="sgd", learning_rate=0.1, momentum=0.5, clip_norm=3.0)),
        ({"momentum": 0.1}, Sgd(name="sgd", learning_rate=0.2, momentum=0.1, clip_norm=3.0)),
        ({}, Sgd(name="sgd", learning_rate=0.2, momentum=0.5, clip_norm=3.0)),
    ):
        params = load(params=training | {"members.small.training": {"optimizer": own}}).params
        assert params.training_of("small").optimizer == expected


def test_a_member_writes_only_what_differs_of_every_object_with_a_name(load):
    shared = {
        "training.loss": {"name": "focal", "alpha": None},
        "training.sampler": {"name": "class_balanced", "no_finding_share": 0.5},
        "training.schedule": {"name": "plateau", "factor": 0.5},
    }
    own = {"loss": {"gamma": 1.0}, "sampler": {"images_per_epoch": 9}, "schedule": {"patience": 2}}
    training = load(params=shared | {"members.small.training": own}).params.training_of("small")
    assert training.loss == Focal(name="focal", alpha=None, gamma=1.0)
    assert training.sampler == ClassBalanced(name="class_balanced", no_finding_share=0.5, images_per_epoch=9)
    assert training.schedule == Plateau(name="plateau", factor=0.5, patience=2)
    sampler = {"members.small.training": {"sampler": {"images_per_epoch": 9}}}
    assert load(params=sampler).params.training_of("small").sampler == Shuffled(name="shuffled", images_per_epoch=9)


def test_findings_of_groups_can_be_repeated(load):
    params = {"findings": {"set": [{"nodule_mass": ["Nodule", "Mass"]}]}}
    repeat = {"training.balance": {"repeat": {"nodule_mass": 3}}}
    assert load(params=params | repeat).params.training_of("small").balance.repeat == {"nodule_mass": 3}


def test_a_member_may_switch_off_what_training_switches_on(load):
    params = load(
        params={"training.early_stopping": 3, "members.small.training": {"early_stopping": None, "accumulate": 4}}
    ).params
    assert params.training_of("small").early_stopping is None
    assert (params.training_of("small").accumulate, params.training.accumulate) == (4, 1)


def test_set_and_experiments_that_name_another_kind_replace_the_whole_object(load, tmp_path):
    (tmp_path / "flat.json").write_text('{"training": {"schedule": {"name": "step", "every": 2}}}')
    assert load(overrides=["training.schedule.name=constant"]).params.training.schedule == Constant(name="constant")
    both = ["training.optimizer.name=adamw", "training.optimizer.weight_decay=0.5"]
    assert load(overrides=both).params.training.optimizer == AdamW(name="adamw", weight_decay=0.5)
    assert load(overrides=["training.schedule.name=cosine"]).params.training.schedule == Cosine(warmup_fraction=0.1)
    schedule = load(experiment="flat", experiments_dir=tmp_path).params.training.schedule
    assert schedule == Step(name="step", every=2)
