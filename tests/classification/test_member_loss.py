"""A member trained with a loss and a sampler of its own: where weights come from, that it resumes, what is measured."""

import json

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from cxr.classification.crops import read_images
from cxr.classification.member import read_run, train_member
from cxr.classification.targets import certain
from cxr.config.labels import Findings
from cxr.config.member import Member
from cxr.config.training import Training

NAN = np.nan


def train_with(store, folder, on_progress=None, findings=None, epochs=2, **training):
    findings = findings or Findings(set=list(store.findings))
    settings = Training.model_validate({"epochs": epochs, "batch": 8, **training})
    return train_member(
        "alone", Member(network="tiny", image_px=16), settings, findings, store, 3, {}, folder, on_progress
    )


WEIGHTED = {
    "loss": {"name": "weighted_bce", "weighting": "neg_pos", "label_smoothing": 0.1},
    "sampler": {"name": "class_balanced", "no_finding_share": 0.3, "images_per_epoch": 24},
}


def test_a_killed_training_with_weights_and_a_sampler_goes_on_to_the_same_end(store, tmp_path, kill_at):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train_with(store, whole, **WEIGHTED)
    kill_at(4, lambda tell: train_with(store, parts, tell, **WEIGHTED))  # at the first of three steps of epoch 2
    steps = []
    train_with(store, parts, lambda done, total: steps.append((done, total)), **WEIGHTED)
    assert steps == [(4, 6), (5, 6), (6, 6)]
    ours, expected = (pd.read_csv(folder / "history.csv").drop(columns="seconds") for folder in (parts, whole))
    pd.testing.assert_frame_equal(ours, expected, rtol=1e-5)
    ours, expected = (keras.saving.load_model(folder / "model.keras").get_weights() for folder in (parts, whole))
    for one, other in zip(ours, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_weights_are_counted_on_the_train_part_after_the_policy_and_the_balance(own_store, tmp_path, kill_at):
    train = own_store.parts == "train"
    own_store.labels[~train] = 1  # must not matter
    own_store.labels[np.flatnonzero(train)[:3], 0] = -1
    findings = Findings(set=list(own_store.findings), uncertain={"default": "ignore", "Cardiomegaly": "ones"})
    options = {**WEIGHTED, "balance": {"no_finding": 0.0}}
    kill_at(12, lambda tell: train_with(own_store, tmp_path, tell, findings, epochs=9, **options))
    labels = own_store.labels[train & ~own_store.no_finding]
    labels = np.where(labels == -1, [1, NAN, NAN], labels)
    loss = keras.saving.load_model(tmp_path / "last.keras").loss
    np.testing.assert_allclose(loss.positive, (labels == 0).sum(axis=0) / (labels == 1).sum(axis=0), rtol=1e-5)
    assert loss.negative == [1, 1, 1]
    assert loss.label_smoothing == 0.1


@pytest.mark.parametrize("loss", [{"name": "wmw_auc"}, WEIGHTED["loss"]])
def test_the_validation_loss_is_the_plain_cross_entropy_whatever_is_trained(store, tmp_path, loss):
    train_with(store, tmp_path, epochs=1, loss=loss)
    rows = np.flatnonzero(store.parts == "val")
    labels, known = certain(store.labels[rows]), ~np.isnan(store.labels[rows])
    model = keras.saving.load_model(tmp_path / "model.keras")  # with its loss
    found = model.predict(read_images(store, rows, 16)[..., None], verbose=0)
    known &= ~np.isnan(labels)
    expected = log_loss(labels[known], found[known].astype(np.float64)) * known.mean()
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["val_loss"].iloc[0] == pytest.approx(expected, rel=1e-4)
    assert history["loss"].iloc[0] != pytest.approx(expected, rel=1e-3)


def test_what_cannot_be_weighted_or_drawn_is_said_in_run_json(own_store, tmp_path):
    train = own_store.parts == "train"
    own_store.labels[train, 2] = np.where(np.isnan(own_store.labels[train, 2]), NAN, 0)
    run = train_with(own_store, tmp_path, epochs=1, **WEIGHTED)
    assert run["notes"] == [
        "training.loss: Mass keeps weights of 1, for no training image is known to have it",
        "training.sampler: no training image has Mass, which is not drawn",
    ]
    assert json.loads((tmp_path / "run.json").read_text())["notes"] == run["notes"]


def test_the_default_has_nothing_to_say(trained):
    folder, record, _ = trained
    assert [member["notes"] for member in record["members"]] == [[], []]
    assert read_run(folder / "first")["notes"] == []


def test_one_finding_per_image_is_trained_by_softmax_with_a_sampler(own_store, tmp_path):
    one = np.eye(3, dtype=np.float32)[np.arange(len(own_store.labels)) % 3]
    one[::5] = NAN
    own_store.labels[:] = one
    findings = Findings(set=list(own_store.findings), labels="single")
    loss, sampler = {"name": "softmax", "label_smoothing": 0.1}, {"name": "class_balanced", "no_finding_share": 0.0}
    run = train_with(own_store, tmp_path, None, findings, 1, loss=loss, sampler=sampler)
    assert run["notes"] == []
    rows = np.flatnonzero((own_store.parts == "val") & ~np.isnan(own_store.labels[:, 0]))
    found = keras.saving.load_model(tmp_path / "model.keras").predict(read_images(own_store, rows, 16)[..., None],
                                                                     verbose=0)  # fmt: skip
    expected = log_loss(own_store.labels[rows].argmax(axis=1), found, labels=range(3))
    expected *= len(rows) / (own_store.parts == "val").sum()
    assert pd.read_csv(tmp_path / "history.csv")["val_loss"].iloc[0] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("prior_bias", [True, False])
def test_a_training_begins_at_the_share_of_each_finding_or_at_even_odds(store, tmp_path, prior_bias):
    still = {"name": "sgd", "learning_rate": 1e-12}
    train_with(store, tmp_path, epochs=1, prior_bias=prior_bias, optimizer=still)
    head = keras.saving.load_model(tmp_path / "model.keras").get_layer("findings")
    labels = certain(store.labels[store.parts == "train"])
    present = (labels == 1).sum(axis=0) + 0.5
    odds = present / ((labels == 0).sum(axis=0) + 0.5)
    np.testing.assert_allclose(np.asarray(head.bias), np.log(odds) if prior_bias else 0, atol=0.02)
