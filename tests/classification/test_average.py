"""Finished models from anywhere as one group: what is taken over, what is refused; sources stay as they are."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest

from cxr.classification import average
from cxr.classification.average import average_models
from cxr.classification.execution import Execution
from cxr.classification.found import find_models
from cxr.classification.group import predict_member
from cxr.classification.networks.classifier import build_classifier
from cxr.classification.runs import check_run
from cxr.config.errors import UserError
from cxr.config.member import Member
from cxr.evaluation.predictions import read_predictions
from cxr.training.epochs import save_model
from cxr.visualization.maps import open_maps

ELSEWHERE = ("Mass", "Hernia", "Cardiomegaly", "Edema", "Effusion")


@pytest.fixture
def put_together(make_params, store):
    """A function: folders, target -> average_models with Keras as the engine; the titles of jobs go to `told`."""

    def run(folders, target, overwrite=False, store=store, params=None, told=None):
        def progress(title):
            if told is not None:
                told.append(title)
            return lambda done, total: None

        models, stores = find_models(folders), {"": store}
        params = params or make_params()
        return average_models("New", models, params, stores, target, Execution("keras", progress, overwrite))

    return run


def contents(folder):
    return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.rglob("*") if path.is_file()}


def change_run(folder, **inputs):
    """Change the inputs of a member's run.json, or other keys that start with `run_`."""
    path = folder / "run.json"
    run = json.loads(path.read_text())
    for key, value in inputs.items():
        (run if key.startswith("run_") else run["inputs"])[key.removeprefix("run_")] = value
    path.unlink()
    path.write_text(json.dumps(run))


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A model as a conversion leaves it: five findings in another order, no split, no history."""
    folder = tmp_path_factory.mktemp("converted") / "chest"
    model = build_classifier(Member(network="tiny", image_px=16), len(ELSEWHERE))
    save_model(model, folder / "model.keras")
    run = {"finished": True, "findings": ELSEWHERE, "network": "tiny", "image_px": 16}
    (folder / "run.json").write_text(json.dumps({**run, "parameters": model.count_params(), "inputs": {}}))
    return folder


def test_a_group_averaged_again_is_the_same_without_a_forward_pass(put_together, trained, tmp_path):
    told, before = [], contents(trained[0])
    record, fresh = put_together([trained[0]], tmp_path / "New", told=told)
    assert (fresh, told) == (True, [])
    assert [one["name"] for one in record["members"]] == ["first", "second"]
    assert [one["epochs"] for one in record["members"]] == [2, 2]
    assert record["foreign"] == []
    assert (tmp_path / "New" / "predictions.csv").read_bytes() == (trained[0] / "predictions.csv").read_bytes()
    assert contents(trained[0]) == before
    for name, shared in (("model.keras", True), ("run.json", False)):
        assert (tmp_path / "New" / "first" / name).samefile(trained[0] / "first" / name) == shared
    again, fresh = put_together([trained[0] / "first", trained[0] / "second"], tmp_path / "New")
    assert (fresh, again) == (False, record)


def test_one_member_is_its_own_average_and_a_damaged_prediction_is_made_again(put_together, copied, tmp_path):
    expected = read_predictions(copied / "second" / "predictions.csv")
    path = copied / "second" / "predictions.csv"
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"\n", 0, -1) + 1])
    cut, told = path.read_bytes(), []
    put_together([copied / "second"], tmp_path / "New", told=told)
    assert told == ["second: predicting"]
    found = read_predictions(tmp_path / "New" / "predictions.csv")
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-6)
    assert path.read_bytes() == cut


def test_models_are_copied_where_they_cannot_be_linked(put_together, trained, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no links here")

    monkeypatch.setattr(average.os, "link", refuse)
    put_together([trained[0]], tmp_path / "New")
    for name in ("model.keras", "run.json", "history.csv", "predictions.csv"):
        source, copy = (folder / "first" / name for folder in (trained[0], tmp_path / "New"))
        assert copy.read_bytes() == source.read_bytes()
        assert copy.stat().st_ino != source.stat().st_ino


def test_models_of_one_name_get_names_of_their_own(put_together, trained, copied, tmp_path):
    twin = shutil.copytree(copied, tmp_path / "figures" / "gradcam")
    record, _ = put_together([trained[0] / "first", copied / "first", twin], tmp_path / "New")
    names = ["Both-first", "Both-first-2", "gradcam-first", "second"]
    assert [one["name"] for one in record["members"]] == names
    assert all((tmp_path / "New" / name / "model.keras").is_file() for name in names)


def test_a_model_from_elsewhere_answers_by_name(put_together, elsewhere, trained, store, tmp_path):
    told = []
    record, _ = put_together([elsewhere, trained[0] / "first"], tmp_path / "New", told=told)
    assert told == ["chest: predicting"]
    assert record["foreign"] == ["chest"]
    assert record["members"][0]["epochs"] is None
    rows = np.flatnonzero(np.isin(store.parts, ["val", "test"]))
    answers = predict_member(elsewhere, dataclasses.replace(store, findings=ELSEWHERE), rows, "keras", lambda *_: None)
    columns = [ELSEWHERE.index(name) for name in store.findings]
    found = read_predictions(tmp_path / "New" / "chest" / "predictions.csv").probabilities
    np.testing.assert_allclose(found, answers[:, columns], atol=1e-6)
    made = []
    for one in (store, dataclasses.replace(store, findings=ELSEWHERE)):
        with open_maps([elsewhere], one, "keras") as read:
            made.append(read(rows[:2]).members[0])
    maps, all_maps = made
    np.testing.assert_allclose(maps, all_maps[..., columns], atol=1e-6)


def test_the_steps_check_an_average_by_what_its_members_say(
    put_together, elsewhere, trained, make_params, store, tmp_path
):
    folder = tmp_path / "New"
    put_together([trained[0], elsewhere], folder)
    other_training = make_params(training={"epochs": 9}, groups={"Other": ["first"]})
    _, classifiers = check_run(other_training, "New", folder, {"": store})
    assert [one.name for one in classifiers] == ["first", "second", "chest"]
    for params, said in [
        (make_params(seed=4), "seed: 3 there, 4 now"),
        (make_params(split={"val": 0.2, "test": 0.25}), r"scheme\.val: 0\.25 there, 0\.2 now"),
        (make_params(findings={"set": ["Mass"]}), r"findings\.outputs"),
    ]:
        with pytest.raises(UserError, match=rf"other parameters \(.*{said}.*average with --overwrite"):
            check_run(params, "New", folder)
    moved = dataclasses.replace(store, record=store.record | {"content": "another"})
    with pytest.raises(UserError, match=r"data\.content: \w+ there, another now"):
        check_run(make_params(), "New", folder, {"": moved})


def test_another_average_is_replaced_only_when_told(put_together, trained, tmp_path):
    folder = tmp_path / "New"
    put_together([trained[0]], folder)
    (folder / "metrics.json").write_text("{}")
    before = contents(folder)
    with pytest.raises(UserError, match=r"holds an average of other models .*\(first, second\).*--overwrite"):
        put_together([trained[0] / "second"], folder)
    assert contents(folder) == before
    put_together([trained[0] / "second"], folder, overwrite=True)
    assert sorted(path.name for path in folder.iterdir()) == ["predictions.csv", "run.json", "second"]


def test_an_interrupted_average_goes_on(put_together, copied, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(average, "predict_group", stop)
        put_together([copied], tmp_path / "New")
    assert put_together([copied], tmp_path / "New")[1] is True
    assert (tmp_path / "New" / "predictions.csv").is_file()


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_trained_group_and_foreign_files_are_never_replaced(put_together, trained, copied, tmp_path, overwrite):
    before = contents(copied)
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "one.txt").write_text("")
    for target in (copied, tmp_path / "papers"):
        with pytest.raises(UserError, match="holds something else than an average of finished models"):
            put_together([trained[0]], target, overwrite)
    assert contents(copied) == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"split": {"name": "another", "hash": "feed" * 16}},
         r"was trained on split 'another' \(hash feedfeedfeed\), asked for is .* \(hash {hash}\): it may have"),
        ({"data": {"content": "another", "zero_blanks": []}}, r"prepared data \(content: another there, {content} now"),
        ({"findings": {"outputs": {"Mass": ["Nodule"]}, "labels": "multiple"}}, "its findings mean something else"),
        ({"run_findings": ["Effusion", "Cardiomegaly", "Mass"]},
         "answers Effusion, Cardiomegaly, Mass; asked for are Cardiomegaly, Effusion, Mass, in this order"),
        ({"run_finished": False}, "its training is not finished"),
        ({"run_network": None}, None),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_one_sentence(put_together, copied, store, tmp_path, changes, said):
    change_run(copied / "second", **changes)
    if said is None:
        run = json.loads((copied / "second" / "run.json").read_text())
        del run["network"]
        (copied / "second" / "run.json").write_text(json.dumps(run))
        said = "lacks 'network'"
    said = said.replace("{hash}", store.split["hash"][:12]).replace("{content}", store.record["content"])
    with pytest.raises(UserError, match=said) as raised:
        put_together([copied], tmp_path / "New")
    assert str(copied / "second") in str(raised.value)
    assert not (tmp_path / "New").exists()


def test_folders_without_models_and_models_named_twice_are_one_sentence(copied, tmp_path):
    with pytest.raises(UserError, match=r"holds no run\.json; needed is the folder of a finished member or group"):
        find_models([tmp_path])
    with pytest.raises(UserError, match=r"Both/first: is named 2 times"):
        find_models([copied, copied / "first"])
    (copied / "first" / "model.keras").unlink()
    with pytest.raises(UserError, match=r"first/model\.keras: no such file"):
        find_models([copied])


def test_a_model_from_elsewhere_that_cannot_answer_is_one_sentence(put_together, elsewhere, make_params, tmp_path):
    folder = shutil.copytree(elsewhere, tmp_path / "chest")
    change_run(folder, run_findings=["Mass", "Effusion"])
    with pytest.raises(UserError, match=r"does not answer Cardiomegaly of findings\.set; it answers Mass, Effusion"):
        put_together([folder], tmp_path / "New")
    change_run(folder, run_findings=ELSEWHERE, run_image_px=64)
    with pytest.raises(UserError, match=r"takes images of 64 px, the crops have 32"):
        put_together([folder], tmp_path / "New")


def test_outputs_that_sum_to_one_are_not_picked_from(put_together, elsewhere, tmp_path):
    folder = shutil.copytree(elsewhere, tmp_path / "chest")
    model = build_classifier(Member(network="tiny", image_px=16), len(ELSEWHERE), single=True)
    save_model(keras.Model(model.input, model.output), folder / "model.keras")
    with pytest.raises(UserError, match=r"chest/model\.keras: ends in no dense layer .*cannot be picked"):
        put_together([folder], tmp_path / "New")


def test_members_of_folds_are_averaged_fold_by_fold(make_params, store, copied, elsewhere, tmp_path):
    """Two folds of which each tests what the other validates; `first` was trained on one, `second` on the other."""
    swapped = np.where(store.parts == "val", "test", np.where(store.parts == "test", "val", store.parts))
    stores = {
        "0": dataclasses.replace(store, folds=np.where(store.parts == "test", "0", "")),
        "1": dataclasses.replace(
            store, parts=swapped, folds=np.where(swapped == "test", "1", ""), split=store.split | {"hash": "beef" * 16}
        ),
    }
    change_run(copied / "second", split={"name": store.split["name"], "hash": "beef" * 16})
    models = find_models([copied, elsewhere])

    def run(models):
        return average_models("New", models, make_params(), stores, tmp_path / "New", Execution("keras", quiet))

    def quiet(title):
        return lambda done, total: None

    with pytest.raises(UserError, match=r"1 of fold 0, 2 of fold 1: every fold needs as many"):
        run([model for model in models if model.folder.name != "first"])
    record, _ = run(models)
    assert [one["name"] for one in record["members"]] == ["first-f0", "chest-f0", "second-f1", "chest-f1"]
    whole = read_predictions(tmp_path / "New" / "predictions.csv")
    assert sorted(whole.image_ids) == sorted(store.image_ids[store.parts != "train"])
    for fold, member in (("0", "first"), ("1", "second")):
        pair = [
            read_predictions(tmp_path / "New" / name / "predictions.csv").part("test").probabilities
            for name in (f"{member}-f{fold}", f"chest-f{fold}")
        ]
        rows = np.isin(whole.image_ids, store.image_ids[stores[fold].parts == "test"])
        np.testing.assert_allclose(whole.probabilities[rows], np.mean(pair, axis=0), rtol=1e-12)
