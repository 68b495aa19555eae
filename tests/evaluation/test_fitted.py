import dataclasses
import json

import numpy as np
import pytest
from scipy.special import expit

from cxr.config.errors import UserError
from cxr.config.evaluation import Evaluation, OperatingPoint
from cxr.config.record import hash_of_ids
from cxr.evaluation.confusion import confuse, rates_of
from cxr.evaluation.cuts import cut
from cxr.evaluation.fitted import CALIBRATION, THRESHOLDS, fit_on_validation, read_fitted

SPLIT = {"name": "patients 70/10/20", "hash": "ab12", "parts": {}}


@pytest.fixture
def predictions(make_predictions):
    """Enough for every fit; the last finding has too few positives in val."""
    found = make_predictions(patients=240)
    found.label_codes[found.splits == "val", 2] = 0
    found.label_codes[np.flatnonzero(found.splits == "val")[:2], 2] = 1
    return found


@pytest.mark.parametrize("method", ["platt", "temperature", "isotonic", "none"])
def test_what_is_written_reads_back_and_gives_the_same_numbers(tmp_path, predictions, method):
    written = fit_on_validation(predictions, SPLIT, Evaluation(calibration=method))
    written.write(tmp_path)
    read = read_fitted(tmp_path)
    assert read == written
    for one, two in zip(read.apply(predictions), written.apply(predictions), strict=True):
        np.testing.assert_array_equal(one, two)
    assert sorted(path.name for path in tmp_path.iterdir()) == [CALIBRATION, THRESHOLDS]
    content = json.loads((tmp_path / CALIBRATION).read_text())
    assert content["split"] == {"name": SPLIT["name"], "hash": SPLIT["hash"]}
    val = predictions.part("val")
    assert content["fits"][""]["images_hash"] == hash_of_ids(val.image_ids)
    assert content["fits"][""]["findings"]["Hernia"]["positives"] == 2


def test_only_validation_is_looked_at(predictions):
    fitted = fit_on_validation(predictions, SPLIT, Evaluation())
    other = predictions.label_codes.copy()
    other[predictions.splits == "test"] = 1 - other[predictions.splits == "test"]
    assert fit_on_validation(dataclasses.replace(predictions, label_codes=other), SPLIT, Evaluation()) == fitted
    assert fit_on_validation(predictions.part("val"), SPLIT, Evaluation()) == fitted


@pytest.mark.parametrize("method", ["platt", "isotonic", "none"])
def test_thresholds_give_on_validation_what_they_were_chosen_for(tmp_path, predictions, method):
    rule = OperatingPoint(name="youden")
    fit_on_validation(predictions, SPLIT, Evaluation(calibration=method, operating_point=rule)).write(tmp_path)
    val = predictions.part("val")
    calibrated, thresholds = read_fitted(tmp_path).apply(val)
    rates = rates_of(confuse(val.labels, calibrated, thresholds).counts)
    for k in range(3):
        cuts = cut(val.labels[:, k], calibrated[:, k])
        best = (cuts.tp / cuts.positives - cuts.fp / cuts.negatives).max()
        assert rates["sensitivity"][k] + rates["specificity"][k] - 1 == pytest.approx(best)


def test_without_validation_nothing_is_fitted_and_every_finding_says_why(predictions):
    fitted = fit_on_validation(predictions.part("test"), SPLIT, Evaluation())
    calibrated, thresholds = fitted.apply(predictions.part("test"))
    np.testing.assert_array_equal(calibrated, predictions.part("test").probabilities)
    assert np.isnan(thresholds).all()
    assert fitted.missing_thresholds(("Edema",)) == ("no threshold: no labelled images in val",)
    assert "0 positives of 0 patients in val" in fitted.calibration.fits[""].findings["Mass"].reason


def test_every_fold_is_fitted_to_its_own_validation_and_applied_to_its_own_test_part(make_predictions):
    folds = {}
    for fold, bend in (("0", 0.0), ("1", 2.0)):
        one = make_predictions(patients=180, seed=int(fold))
        logits = np.log(np.clip(one.probabilities, 0.01, 0.99) / (1 - np.clip(one.probabilities, 0.01, 0.99)))
        names = np.array([f"{fold}-{image}" for image in one.image_ids])
        folds[fold] = dataclasses.replace(
            one, image_ids=names, patient_ids=np.char.add(fold, one.patient_ids), probabilities=expit(logits + bend)
        )
    tests = [one.part("test") for one in folds.values()]
    whole = tests[0]
    fields = ("image_ids", "patient_ids", "splits", "probabilities", "label_codes")
    whole = dataclasses.replace(whole, **{f: np.concatenate([getattr(one, f) for one in tests]) for f in fields})
    fitted = fit_on_validation(whole, SPLIT, Evaluation(), folds)
    assert list(fitted.calibration.fits) == ["0", "1"]
    order = np.random.default_rng(0).permutation(len(whole.image_ids))
    calibrated, thresholds = fitted.apply(whole.rows(order), folds)
    for fold, one in folds.items():
        alone = fit_on_validation(one, SPLIT, Evaluation())
        rows = np.char.startswith(whole.image_ids[order], fold)
        test = one.part("test")
        by_id = dict(zip(test.image_ids, alone.apply(test)[0], strict=True))
        np.testing.assert_array_equal(calibrated[rows], [by_id[image] for image in whole.image_ids[order][rows]])
        assert (thresholds[rows] == alone.thresholds.fits[""].array(one.findings)).all()
    with pytest.raises(ValueError, match="fits of"):
        fitted.apply(whole)


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        (CALIBRATION, lambda c: c["fits"][""]["findings"]["Edema"].update(slope=-1.0), r"fits.*Edema.*slope"),
        (CALIBRATION, lambda c: c["fits"][""]["findings"]["Edema"].pop("slope"), "platt needs its slope and intercept"),
        (CALIBRATION, lambda c: c["fits"][""]["findings"]["Edema"].update(kind="magic"), "magic"),
        (CALIBRATION, lambda c: c.pop("split"), "split: is missing"),
        (THRESHOLDS, lambda c: c["fits"][""]["findings"]["Edema"].update(threshold=1.5), "threshold"),
        (
            THRESHOLDS,
            lambda c: c["fits"][""]["findings"]["Edema"].update(threshold=None),
            "the reason why",
        ),
        (THRESHOLDS, lambda c: c["fits"][""].update(images_hash="other"), "was not chosen on what"),
        (THRESHOLDS, lambda c: c.update(fits={}), "fits"),
    ],
)
def test_a_broken_file_is_one_sentence(tmp_path, predictions, file, change, message):
    fit_on_validation(predictions, SPLIT, Evaluation()).write(tmp_path)
    content = json.loads((tmp_path / file).read_text())
    change(content)
    (tmp_path / file).write_text(json.dumps(content))
    with pytest.raises(UserError, match=message) as raised:
        read_fitted(tmp_path)
    assert str(tmp_path / file) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_file_and_one_that_is_no_json_are_one_sentence(tmp_path, predictions):
    with pytest.raises(UserError, match="cannot be read"):
        read_fitted(tmp_path)
    fit_on_validation(predictions, SPLIT, Evaluation()).write(tmp_path)
    (tmp_path / THRESHOLDS).write_text("{")
    with pytest.raises(UserError, match=THRESHOLDS):
        read_fitted(tmp_path)
