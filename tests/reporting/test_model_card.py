import pytest

from cxr.reporting.card_limits import limitations
from cxr.reporting.model_card import model_card
from cxr.reporting.run_files import read_run

INPUTS = {
    "member": {"weights": "imagenet"},
    "training": {
        **{"epochs": 12, "batch": 32, "loss": {"name": "focal"}},
        "optimizer": {"name": "adam", "learning_rate": 0.0005},
    },
    "seed": 7,
    "uncertain": {"Edema": "ones", "Mass": "ignore", "Hernia": [0.55, 0.85]},
    "findings": {"labels": "multiple"},
    "crop": {"image_px": 192},
}


@pytest.fixture
def run(make_run):
    return read_run(make_run(members_inputs={"densenet169": INPUTS, "xception": {}}))


def test_the_card_is_filled_from_the_run(run):
    card = model_card(run.record, run.metrics)
    assert list(card) == [
        *("Intended use", "Data", "Labels", "Preprocessing", "Model", "Training", "Evaluation", "Results"),
        "Limitations",
    ]
    assert "Not a medical device" in card["Intended use"][0]
    assert run.record["split"]["hash"] in card["Data"][1]
    policy = "ones (Edema); ignore (Mass); a target drawn from 0.55 to 0.85 (Hernia)"
    assert f"Uncertain labels in training: {policy}." in card["Labels"]
    assert "cropped to a box around the lungs, 192 px square" in card["Preprocessing"][0]
    assert card["Training"][:2] == [
        "densenet169: loss focal, optimiser adam, rate 0.0005, at most 12 epochs of batches of 32, seed 7, first "
        "weights: imagenet.",
        "xception: not trained here.",
    ]
    assert "calibrated per finding by Platt’s method, thresholds chosen by the largest sensitivity" in (
        " ".join(card["Evaluation"])
    )
    assert f"Mean AUROC {run.metrics['auroc']['mean']['value']:.3f}" in card["Results"][0]


def test_what_the_run_does_not_know_is_not_guessed(run):
    del run.record["members_inputs"]
    run.record["data"]["set_upright"] = 3
    card = model_card(run.record, run.metrics)
    assert "How uncertain labels counted in training is not recorded." in card["Labels"]
    assert "How the members were trained is not recorded." in card["Training"]
    assert "3 images lay turned or inverted and were set upright." in card["Preprocessing"]


def test_limitations_are_what_the_run_shows(run):
    said = " ".join(limitations(run.record, run.metrics))
    assert "A subset of the official split" in said
    assert "No AUROC of Hernia" in said
    for absent in ("phantoms", "smoke", "Not trained here", "images of one source", "No usable lungs"):
        assert absent not in said
    run.record["data"] |= {"synthetic": True, "sources": ["nih"], "fallbacks": 40}
    run.record.update(smoke=True, foreign=["xception"])
    run.metrics["auroc"]["Mass"] |= {"positives": 3}
    run.metrics["calibration"]["calibrated"]["Mass"]["band"]["inside"] = False
    run.metrics["calibration"]["calibrated"]["Edema"]["band"]["inside"] = True
    run.metrics["calibration"]["calibrated"]["Hernia"]["band"] = None
    said = " ".join(limitations(run.record, run.metrics))
    for present in (
        *(
            "The images are phantoms",
            "A smoke run",
            "Not trained here: xception",
            "Trained on images of one source (nih)",
        ),
        *("No usable lungs in 10 % of the images", "one patient can change the number: Mass."),
        "where there was one: Mass.",
    ):
        assert present in said
