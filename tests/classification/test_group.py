import dataclasses
import json

import keras
import numpy as np
import pandas as pd
import pytest

from cxr.classification.crops import read_images
from cxr.classification.group import predict_member
from cxr.classification.runs import check_run, member_inputs
from cxr.config.errors import UserError
from cxr.evaluation.predictions import read_predictions

FINDINGS = ("Cardiomegaly", "Effusion", "Mass")
MEMBER_FILES = {
    *("model.keras", "run.json", "history.csv", "val_auroc.csv", "predictions.csv", "tensorboard", "figures"),
}


def marks(folder):
    """Every file with the time it was written."""
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_a_group_leaves_the_agreed_files(trained):
    folder, _, names = trained
    assert names == ["first", "second"]
    assert {path.name for path in folder.iterdir()} == {"first", "second", "predictions.csv", "run.json"}
    for name in names:
        assert {path.name for path in (folder / name).iterdir()} == MEMBER_FILES


@pytest.mark.parametrize("place", ["", "first", "second"])
def test_predictions_are_those_of_val_and_test_with_their_labels(trained, store, place):
    predictions = read_predictions(trained[0] / place / "predictions.csv")
    rows = np.flatnonzero(np.isin(store.parts, ["val", "test"]))
    assert predictions.findings == FINDINGS
    np.testing.assert_array_equal(predictions.image_ids, store.image_ids[rows])
    np.testing.assert_array_equal(predictions.patient_ids, store.patient_ids[rows])
    np.testing.assert_array_equal(predictions.splits, store.parts[rows])
    np.testing.assert_array_equal(predictions.label_codes, store.labels[rows])


def test_the_group_is_the_mean_of_its_members(trained):
    group, first, second = (
        pd.read_csv(trained[0] / place / "predictions.csv")[list(FINDINGS)].to_numpy()
        for place in ("", "first", "second")
    )
    np.testing.assert_allclose(group, (first + second) / 2, rtol=1e-12)
    assert np.abs(first - second).max() > 1e-3


@pytest.mark.parametrize(("name", "image_px"), [("first", 32), ("second", 24)])
def test_a_member_predicts_what_its_saved_model_says(trained, store, name, image_px):
    model = keras.saving.load_model(trained[0] / name / "model.keras", compile=False)
    rows = np.flatnonzero(np.isin(store.parts, ["val", "test"]))
    expected = model.predict(read_images(store, rows, image_px)[..., None], verbose=0)
    written = read_predictions(trained[0] / name / "predictions.csv").probabilities
    np.testing.assert_allclose(written, expected, atol=1e-6)


def test_both_engines_predict_the_same(trained, store, monkeypatch):
    monkeypatch.setattr("cxr.classification.crops.CHUNK_IMAGES", 15)
    rows, told = np.arange(len(store.rows))[::-1], []
    found = [
        predict_member(trained[0] / "second", store, rows, engine, lambda *done: told.append(done))
        for engine in ("keras", "openvino")
    ]
    np.testing.assert_allclose(*found, atol=1e-4)
    assert found[0].shape == (len(rows), 3)
    assert told == [(15, 39), (30, 39), (39, 39)] * 2


def test_the_record_says_what_the_group_is_made_of(trained, store):
    folder, record, _ = trained
    assert json.loads((folder / "run.json").read_text()) == record
    assert [member["name"] for member in record["members"]] == ["first", "second"]
    assert [member["image_px"] for member in record["members"]] == [32, 24]
    assert record["findings"] == list(FINDINGS)
    assert record["split"] == store.split
    assert record["data"]["images"] == len(store.rows)
    assert record["data"]["crop_mode"] == "none"
    assert record["data"]["lung_dice"] is None
    assert record["smoke"] is False


def test_a_second_call_trains_and_writes_nothing(train, make_params, store, copied):
    before = marks(copied)
    record, names = train(make_params(), store, copied)
    assert names == []
    assert record == json.loads((copied / "run.json").read_text())
    assert marks(copied) == before


def test_other_members_stop_until_told_to_overwrite(train, make_params, store, copied):
    params = make_params(groups={"Both": ["second"]})
    before = marks(copied)
    with pytest.raises(UserError, match=r"holds a group of first, second; asked for are second\. .*--overwrite"):
        train(params, store, copied)
    assert marks(copied) == before
    (copied / "metrics.json").write_text("{}")
    record, names = train(params, store, copied, overwrite=True)
    assert names == []
    assert [member["name"] for member in record["members"]] == ["second"]
    assert (copied / "predictions.csv").read_bytes() == (copied / "second" / "predictions.csv").read_bytes()
    assert not (copied / "metrics.json").exists()


def test_a_damaged_record_stops_until_told_to_overwrite(train, make_params, store, copied):
    (copied / "first" / "run.json").write_text("{")
    with pytest.raises(UserError, match=r"first/run\.json: is damaged"):
        train(make_params(), store, copied)
    assert train(make_params(), store, copied, overwrite=True)[1] == ["first"]


def test_damaged_predictions_are_made_again(train, make_params, store, copied):
    whole = copied / "predictions.csv"
    before = whole.read_bytes()
    whole.write_bytes(before[: before.rindex(b"\n", 0, -1) + 1])
    assert train(make_params(), store, copied)[1] == []
    assert whole.read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"training": {"epochs": 2, "batch": 9}}, r"training\.batch: 8 there, 9 now"),
        ({"seed": 4}, "seed: 3 there, 4 now"),
        ({"training": {"epochs": 3, "batch": 8}}, r"training\.epochs: 2 there, 3 now"),
    ],
)
def test_changed_parameters_stop_and_are_named(train, make_params, store, copied, changes, said):
    before = marks(copied)
    with pytest.raises(UserError, match=rf"holds a run with other parameters \(.*{said}") as raised:
        train(make_params(**changes), store, copied)
    assert str(copied / "first") in str(raised.value)
    assert "--overwrite" in str(raised.value)
    assert marks(copied) == before


def test_a_later_member_that_cannot_be_trained_is_said_before_the_first_is(train, make_params, store, tmp_path):
    members = make_params().model_dump(mode="json")["members"]
    members["second"]["training"] = {"batch": 500}
    with pytest.raises(UserError, match=r"^second: training\.batch: 500 is more than the \d+ images"):
        train(make_params(members=members), store, tmp_path / "G")
    assert not (tmp_path / "G").exists()


def test_other_findings_stop(train, make_params, store, copied):
    fewer = dataclasses.replace(store, findings=FINDINGS[:2], labels=store.labels[:, :2])
    with pytest.raises(UserError, match=r"findings.*Mass.* there"):
        train(make_params(findings={"set": list(FINDINGS[:2])}), fewer, copied)


def test_overwrite_trains_the_changed_member_again_and_keeps_the_other(train, make_params, store, copied):
    member = {"network": "tiny", "image_px": 24, "normalization": "per_image", "training": {"epochs": 1}}
    params = make_params(members={"first": {"network": "tiny", "image_px": 32}, "second": member})
    with pytest.raises(UserError, match=r"training\.epochs: 2 there, 1 now"):
        train(params, store, copied)
    before = marks(copied)
    record, names = train(params, store, copied, overwrite=True)
    assert names == ["second"]
    after = marks(copied)
    assert after["first/model.keras"] == before["first/model.keras"]
    assert after["second/model.keras"] != before["second/model.keras"]
    assert [member["epochs"] for member in record["members"]] == [2, 1]
    assert len(pd.read_csv(copied / "second" / "history.csv")) == 1
    assert len(pd.read_csv(copied / "first" / "history.csv")) == 2
    first, second, group = (
        read_predictions(copied / place / "predictions.csv").probabilities for place in ("first", "second", "")
    )
    np.testing.assert_allclose(group, (first + second) / 2, rtol=1e-12)


class Killed(BaseException):
    """Stands for the end of the process."""


def kill_when(title, done_at_least):
    """Progress that dies in the job of this title."""

    def progress(found):
        def tell(done, total):
            if found.startswith(title) and done >= done_at_least:
                raise Killed

        return tell

    return progress


def test_a_killed_group_goes_on_with_the_member_it_was_at(train, make_params, store, trained, tmp_path):
    params, folder = make_params(), tmp_path / "Both"
    with pytest.raises(Killed):
        train(params, store, folder, progress=kill_when("second", 4))  # the first step of its second epoch
    assert not (folder / "run.json").exists()
    first = (folder / "first" / "model.keras").stat().st_mtime_ns
    steps = []

    def progress(title):
        return lambda done, total: steps.append((title.partition(" ")[0], done)) if "training" in title else None

    _, names = train(params, store, folder, progress=progress)
    assert names == ["second"]
    assert (folder / "first" / "model.keras").stat().st_mtime_ns == first
    assert steps[0] == ("second", 4)
    for place in ("", "first", "second"):
        resumed, expected = (read_predictions(f / place / "predictions.csv") for f in (folder, trained[0]))
        np.testing.assert_allclose(resumed.probabilities, expected.probabilities, atol=1e-6)


def test_a_group_killed_while_predicting_trains_nothing_again(train, make_params, store, copied):
    (copied / "predictions.csv").unlink()
    with pytest.raises(Killed):
        train(make_params(), store, copied, progress=kill_when("second: predicting", 0))
    assert not (copied / "run.json").exists()
    _, names = train(make_params(), store, copied)
    assert names == []
    assert len(read_predictions(copied / "predictions.csv").image_ids)
    assert (copied / "run.json").is_file()


def test_predictions_that_were_deleted_are_made_again(train, make_params, store, copied):
    content = (copied / "predictions.csv").read_bytes()
    (copied / "predictions.csv").unlink()
    assert train(make_params(), store, copied)[1] == []
    assert (copied / "predictions.csv").read_bytes() == content


def test_a_model_that_was_deleted_is_trained_again(train, make_params, store, copied):
    (copied / "second" / "model.keras").unlink()
    assert train(make_params(), store, copied)[1] == ["second"]


def test_a_corrupt_model_stops_the_prediction(train, make_params, store, copied):
    model = copied / "second" / "model.keras"
    model.write_bytes(model.read_bytes()[: model.stat().st_size // 2])
    (copied / "run.json").unlink()
    with pytest.raises(UserError, match="may be damaged") as raised:
        train(make_params(), store, copied)
    assert str(model) in str(raised.value)
    assert not (copied / "run.json").exists()


def test_what_a_result_depends_on_is_all_in_its_inputs(make_params, store):
    inputs = member_inputs(make_params(), "first", store)
    json.dumps(inputs)
    same = make_params(heatmaps={"opacity": 0.1}, evaluation={"resamples": 300}, groups={"Other": ["first"]})
    assert member_inputs(same, "first", store) == inputs
    for changes in (
        {"seed": 4},
        {"training": {"epochs": 2, "batch": 8, "augment": {"rotate_degrees": 1}}},
        {"members": {"first": {"network": "tiny", "image_px": 32, "dropout": 0.1}}, "groups": {"Both": ["first"]}},
        {"crop": {"mode": "none", "image_px": 33}},
    ):
        assert member_inputs(make_params(**changes), "first", store) != inputs
    for field, key in [("split", "hash"), ("record", "content")]:
        other = dataclasses.replace(store, **{field: getattr(store, field) | {key: "another"}})
        assert member_inputs(make_params(), "first", other) != inputs


def with_views(make_params, views):
    """The group's parameters, its second member with these views."""
    second = {"network": "tiny", "image_px": 24, "normalization": "per_image", "views": views}
    return make_params(members={"first": {"network": "tiny", "image_px": 32}, "second": second})


def test_other_views_are_predicted_again_and_nothing_is_trained(train, make_params, store, copied):
    before = read_predictions(copied / "second" / "predictions.csv")
    kept = {name: mark for name, mark in marks(copied).items() if "predictions" not in name and name != "run.json"}
    (copied / "metrics.json").write_text("{}")
    params = with_views(make_params, "flip")
    record, names = train(params, store, copied)
    assert names == []
    assert not (copied / "metrics.json").exists()
    assert {name: mark for name, mark in marks(copied).items() if name in kept} == kept
    model = keras.saving.load_model(copied / "second" / "model.keras", compile=False)
    images = read_images(store, np.flatnonzero(np.isin(store.parts, ["val", "test"])), 24)[..., None]
    expected = (model.predict(images, verbose=0) + model.predict(images[:, :, ::-1].copy(), verbose=0)) / 2
    second, first, group = (
        read_predictions(copied / place / "predictions.csv").probabilities for place in ("second", "first", "")
    )
    np.testing.assert_allclose(second, expected, atol=1e-6)
    np.testing.assert_allclose(group, (first + second) / 2, rtol=1e-12)
    assert np.abs(second - before.probabilities).max() > 1e-4
    assert record["members_predictions"] == {"first": {"views": "one"}, "second": {"views": "flip"}}
    after = marks(copied)
    assert train(params, store, copied)[0] == record
    assert marks(copied) == after


def test_predictions_of_other_views_are_not_taken_for_those_asked_for(trained, make_params, tmp_path):
    folder, record, _ = trained
    check_run(make_params(), "Both", folder)
    said = r"predictions\.csv: was .* \(second\.views: one there, ten_crop now\); \./cxr train Both predicts again"
    with pytest.raises(UserError, match=said):
        check_run(with_views(make_params, "ten_crop"), "Both", folder)
    old = {key: value for key, value in record.items() if key != "members_predictions"}
    (tmp_path / "run.json").write_text(json.dumps(old))
    check_run(make_params(), "Both", tmp_path)
    with pytest.raises(UserError, match="one there, flip now"):
        check_run(with_views(make_params, "flip"), "Both", tmp_path)


def test_a_run_from_before_there_were_views_is_kept(train, make_params, store, copied):
    record = json.loads((copied / "run.json").read_text())
    del record["members_predictions"]
    (copied / "run.json").write_text(json.dumps(record))
    before = marks(copied)
    assert train(make_params(), store, copied) == (record, [])
    assert marks(copied) == before


def test_views_change_predictions_only(make_params, store):
    assert member_inputs(with_views(make_params, "flip"), "second", store) == member_inputs(
        make_params(), "second", store
    )
