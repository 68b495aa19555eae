import json

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from cxr.classification import training_data
from cxr.classification.crops import read_images
from cxr.classification.member import load_member, read_run, train_member
from cxr.classification.targets import certain, training_targets
from cxr.config.errors import UserError
from cxr.config.labels import Findings
from cxr.config.member import Member
from cxr.config.training import Training
from cxr.engines.engine import open_engine
from cxr.visualization.methods.grad_cam import with_maps

FINDINGS = ("Cardiomegaly", "Effusion", "Mass")


def answers(folder, store, part, image_px):
    """Labels and probabilities of one part, by the saved model itself."""
    rows = np.flatnonzero(store.parts == part)
    model = keras.saving.load_model(folder / "model.keras", compile=False)
    return certain(store.labels[rows]), model.predict(read_images(store, rows, image_px)[..., None], verbose=0)


def test_the_best_epoch_is_kept_with_the_score_it_had_on_val(trained, store):
    folder = trained[0] / "first"
    run, history = read_run(folder), pd.read_csv(folder / "history.csv")
    labels, found = answers(folder, store, "val", 32)
    scores = []
    for k in range(3):
        known = ~np.isnan(labels[:, k])
        if len(set(labels[known, k])) == 2:
            scores.append(roc_auc_score(labels[known, k], found[known, k]))
    assert scores
    assert run["val_auroc"] == pytest.approx(np.mean(scores), abs=1e-6)
    assert run["best_epoch"] == history["val_auroc"].argmax() + 1
    assert run["val_auroc"] == pytest.approx(history["val_auroc"].max())


def test_the_validation_loss_counts_known_labels_only(trained, store):
    folder = trained[0] / "first"
    labels, found = answers(folder, store, "val", 32)
    known = ~np.isnan(labels)
    expected = log_loss(labels[known], found[known].astype(np.float64)) * known.mean()
    history = pd.read_csv(folder / "history.csv").set_index("epoch")
    assert history.loc[read_run(folder)["best_epoch"], "val_loss"] == pytest.approx(expected, rel=1e-4)


def test_run_json_says_what_ran(trained, store):
    run = read_run(trained[0] / "second")
    model = keras.saving.load_model(trained[0] / "second" / "model.keras")
    assert run["finished"] is True
    assert (run["name"], run["network"], run["image_px"], run["epochs"]) == ("second", "tiny", 24, 2)
    assert run["parameters"] == model.count_params()
    assert run["findings"] == list(FINDINGS)
    assert run["images_per_second"] > 0
    assert run["inputs"]["data"] == {"content": store.record["content"], "zero_blanks": []}
    assert run["versions"]["keras"] == keras.__version__
    assert run["backend"] == keras.config.backend()
    assert run["devices"] == {"used": 1, "found": ["cpu:0"]}
    assert run["peak_memory_gb"] > 0.1
    assert run["seconds"] > 0
    json.dumps(run, allow_nan=False)


def test_a_member_has_its_own_size_and_normalisation(trained, make_params):
    for name, image_px, normalization in [("first", 32, "imagenet"), ("second", 24, "per_image")]:
        model = keras.saving.load_model(trained[0] / name / "model.keras")
        assert model.input_shape == (None, image_px, image_px, 1)
        by_itself = isinstance(model.get_layer("normalize"), keras.layers.LayerNormalization)
        assert by_itself == (normalization == "per_image")


def train_alone(store, folder, epochs=1, seed=3, **training):
    training = Training.model_validate({"epochs": epochs, "batch": 8} | training)
    member = Member(network="tiny", image_px=16)
    findings = Findings(set=list(store.findings))
    return train_member("alone", member, training, findings, store, seed, {}, folder)


def test_a_finding_without_positives_in_val_does_not_count_in_the_score(own_store, tmp_path):
    own_store.labels[np.ix_(own_store.parts == "val", [1])] = 0
    run = train_alone(own_store, tmp_path)
    labels, found = answers(tmp_path, own_store, "val", 16)
    labels, found = labels[:, [0, 2]], found[:, [0, 2]]
    scores = [
        roc_auc_score(truth[~np.isnan(truth)], p[~np.isnan(truth)]) for truth, p in zip(labels.T, found.T, strict=True)
    ]
    assert run["val_auroc"] == pytest.approx(np.mean(scores), abs=1e-6)


def test_without_any_label_in_val_the_loss_chooses_the_epoch(own_store, tmp_path):
    own_store.labels[own_store.parts == "val"] = np.nan
    own_store.labels[np.argmax(own_store.parts == "val"), 0] = 1  # one label: a loss, but no AUROC
    run = train_alone(own_store, tmp_path, epochs=2)
    assert run["val_auroc"] is None
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["val_auroc"].isna().all()
    assert run["best_epoch"] == history["val_loss"].argmin() + 1
    load_member(tmp_path, FINDINGS)


def test_without_any_known_label_there_is_nothing_to_train_on(own_store, tmp_path):
    own_store.labels[own_store.parts == "train"] = np.nan
    with pytest.raises(UserError, match=r"none of the \d+ training images has a known label of Cardiomegaly"):
        train_alone(own_store, tmp_path)


def test_labels_that_are_not_known_teach_nothing(own_store, tmp_path):
    train = own_store.parts == "train"
    own_store.labels[np.ix_(train, [2])] = np.nan
    train_alone(own_store, tmp_path / "nan")
    own_store.labels[np.ix_(train, [2])] = -1.0
    train_alone(own_store, tmp_path / "uncertain")
    nan, uncertain = (
        keras.saving.load_model(tmp_path / name / "model.keras").get_layer("findings").get_weights()
        for name in ("nan", "uncertain")
    )
    assert nan[1][2] == 0  # the bias of the third finding never moved
    assert (nan[1][:2] != 0).all()
    for first, second in zip(nan, uncertain, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-6)


def test_another_seed_gives_another_member(store, tmp_path):
    for seed in (3, 4):
        train_alone(store, tmp_path / str(seed), seed=seed)
    first, second = (keras.saving.load_model(tmp_path / seed / "model.keras").get_weights() for seed in "34")
    assert np.abs(first[0] - second[0]).max() > 1e-3


def test_the_areas_of_every_epoch_and_their_curves_are_written(trained, store):
    folder = trained[0] / "first"
    run, areas = read_run(folder), pd.read_csv(folder / "val_auroc.csv")
    assert list(areas.columns) == ["epoch", *FINDINGS]
    assert list(areas["epoch"]) == [1, 2]
    labels, found = answers(folder, store, "val", 32)
    best = areas.set_index("epoch").loc[run["best_epoch"]]
    for k, finding in enumerate(FINDINGS):
        known = ~np.isnan(labels[:, k])
        if len(set(labels[known, k])) == 2:
            assert best[finding] == pytest.approx(roc_auc_score(labels[known, k], found[known, k]), abs=1e-6)
        else:
            assert np.isnan(best[finding])
    picture = plt.imread(folder / "figures" / "val_roc.png")
    assert picture.shape[1] > picture.shape[0] > 400
    assert picture[..., :3].std() > 0.05


def test_a_member_trained_in_mixed_precision_is_one_in_float32(store, tmp_path):
    """It reloads, predicts what it was measured by, and OpenVINO agrees."""
    training = {"epochs": 1, "batch": 8, "precision": "mixed_bfloat16", "optimizer": {"name": "adam", "ema": 0.5}}
    run = train_alone(store, tmp_path, **training)
    labels, found = answers(tmp_path, store, "val", 16)
    areas = [roc_auc_score(y[~np.isnan(y)], p[~np.isnan(y)]) for y, p in zip(labels.T, found.T, strict=True) if y.any()]
    assert run["val_auroc"] == pytest.approx(np.mean(areas), abs=1e-6)
    model = load_member(tmp_path, FINDINGS)
    images = read_images(store, np.arange(9), 16)[..., None]
    exported = open_engine(with_maps(model), "openvino", tmp_path / "openvino").run(images)[0]
    np.testing.assert_allclose(exported, model.predict_on_batch(images), atol=1e-5)


def test_an_early_end_is_in_the_record(store, tmp_path):
    run = train_alone(store, tmp_path, epochs=4, batch=8, early_stopping=1, optimizer={"learning_rate": 1e-9})
    assert run["epochs"] == 2
    assert run["best_epoch"] == 1
    assert len(pd.read_csv(tmp_path / "history.csv")) == 2


def test_more_images_per_step_than_there_are_is_one_sentence(store, tmp_path):
    count = (store.parts == "train").sum()
    with pytest.raises(UserError, match=f"training.batch: {count + 1} is more than the {count} images there are to"):
        train_alone(store, tmp_path, batch=int(count) + 1)


def test_an_image_that_spoils_the_loss_is_named(own_store, tmp_path, monkeypatch):
    broken = int(np.flatnonzero(own_store.parts == "train")[3])

    def spoilt(*of):
        targets = training_targets(*of)
        targets[broken] = np.inf
        return targets

    monkeypatch.setattr(training_data, "training_targets", spoilt)
    with pytest.raises(UserError, match=r"the loss became (nan|inf|-inf) at step") as found:
        train_alone(own_store, tmp_path)
    listed = pd.read_csv(tmp_path / "diverged.csv")
    last = listed[listed["step"] == listed["step"].max()]
    assert own_store.image_ids[broken] in list(last["image_id"])
    assert own_store.image_ids[broken] in str(found.value)


def test_what_lies_there_without_a_record_is_not_gone_on_with(store, tmp_path):
    train_alone(store, tmp_path)
    fresh = (tmp_path / "model.keras").stat().st_mtime_ns
    (tmp_path / "run.json").unlink()
    train_alone(store, tmp_path)
    assert (tmp_path / "model.keras").stat().st_mtime_ns > fresh


def test_a_member_that_did_not_finish_is_not_loaded(copied):
    with pytest.raises(UserError, match="holds no finished training run"):
        load_member(copied / "nobody", FINDINGS)
    run = json.loads((copied / "first" / "run.json").read_text())
    (copied / "first" / "run.json").write_text(json.dumps(run | {"finished": False}))
    with pytest.raises(UserError, match="holds no finished training run") as raised:
        load_member(copied / "first", FINDINGS)
    assert str(copied / "first") in str(raised.value)


@pytest.mark.parametrize("findings", [FINDINGS[:2], FINDINGS[::-1], (*FINDINGS[:2], "Hernia")])
def test_a_model_of_other_findings_is_not_loaded(copied, findings):
    with pytest.raises(UserError, match=r"was trained for other findings \(Cardiomegaly, Effusion, Mass\)") as raised:
        load_member(copied / "first", findings)
    assert ", ".join(findings) in str(raised.value)
    assert str(copied / "first" / "model.keras") in str(raised.value)


def test_a_model_and_a_record_of_two_runs_are_not_taken_for_one(copied, store, tmp_path):
    run = json.loads((copied / "first" / "run.json").read_text())
    (copied / "first" / "run.json").write_text(json.dumps(run | {"findings": ["Cardiomegaly", "Mass"]}))
    with pytest.raises(UserError, match=r"gives 3 outputs, but .* names 2 findings"):
        load_member(copied / "first", ("Cardiomegaly", "Mass"))


def test_a_corrupt_model_is_one_sentence(copied):
    model = copied / "first" / "model.keras"
    model.write_bytes(model.read_bytes()[:1000])
    with pytest.raises(UserError, match="may be damaged") as raised:
        load_member(copied / "first", FINDINGS)
    assert str(model) in str(raised.value)


def test_a_broken_record_is_one_sentence(copied):
    assert read_run(copied / "nobody") is None
    (copied / "first" / "run.json").write_text('{"finished": tr')
    with pytest.raises(UserError, match="is damaged, not valid JSON") as raised:
        read_run(copied / "first")
    assert str(copied / "first" / "run.json") in str(raised.value)
