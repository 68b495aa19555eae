import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import average_precision_score, brier_score_loss, precision_score, recall_score, roc_auc_score

from cxr.config.errors import UserError
from cxr.config.evaluation import Evaluation
from cxr.evaluation.fitted import fit_on_validation
from cxr.evaluation.metrics import findings_of, measure, read_metrics, write_metrics
from cxr.evaluation.predictions import Predictions

SPLIT = {"name": "patients 70/10/20", "hash": "ab12", "parts": {}}


def with_codes(predictions, k, code, part):
    """A copy in which every image of `part` has one label code for finding k."""
    codes = predictions.label_codes.copy()
    codes[predictions.splits == part, k] = code
    return dataclasses.replace(predictions, label_codes=codes)


def test_values_are_those_of_the_test_part_and_validation_stands_beside(make_predictions):
    predictions = make_predictions()
    metrics = measure(predictions, SPLIT, Evaluation(resamples=200), seed=4)
    assert metrics["split"] == {**SPLIT, "part": "test"}
    assert metrics["intervals"] == {"method": "bootstrap over patients", "resamples": 200, "level": 0.95, "seed": 4}
    assert findings_of(metrics) == predictions.findings
    for part, block in (("test", metrics), ("val", metrics["validation"])):
        rows = predictions.part(part)
        assert (block["images"], block["patients"]) == (60, 20)
        for k, finding in enumerate(predictions.findings):
            entry, codes = block["auroc"][finding], rows.label_codes[:, k]
            known = codes >= 0
            assert entry["value"] == pytest.approx(roc_auc_score(codes[known], rows.probabilities[known, k]), abs=1e-9)
            assert entry["low"] < entry["value"] < entry["high"]
            assert entry["positives"] == (codes == 1).sum()
            assert entry["patients_with"] == len(set(rows.patient_ids[codes == 1]))
            counted = ("positives", "negatives", "unknown", "uncertain")
            assert sum(entry[key] for key in counted) == block["images"]
            assert "reason" not in entry
        mean = block["auroc"]["mean"]
        assert mean["findings"] == 3
        assert mean["value"] == pytest.approx(np.mean([block["auroc"][f]["value"] for f in predictions.findings]))
        assert mean["low"] < mean["value"] < mean["high"]


def test_the_same_seed_gives_the_same_file(tmp_path, make_predictions):
    for name in ("one", "two"):
        write_metrics(tmp_path / f"{name}.json", measure(make_predictions(), SPLIT, Evaluation(resamples=100), seed=4))
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


@pytest.mark.parametrize(("code", "missing"), [(0.0, "positives"), (1.0, "negatives"), (np.nan, "positives")])
def test_a_finding_with_one_class_is_null_and_not_in_the_mean(make_predictions, code, missing):
    metrics = measure(with_codes(make_predictions(), 1, code, "test"), SPLIT, Evaluation(resamples=100))
    entry = metrics["auroc"]["Mass"]
    assert (entry["value"], entry["low"], entry["high"]) == (None, None, None)
    assert entry["reason"] == f"no {missing} in test"
    others = [metrics["auroc"][finding]["value"] for finding in ("Edema", "Hernia")]
    assert metrics["auroc"]["mean"]["value"] == pytest.approx(np.mean(others))
    assert metrics["auroc"]["mean"]["findings"] == 2
    json.dumps(metrics, allow_nan=False)


def test_positives_of_one_patient_have_a_value_but_no_interval(make_predictions):
    predictions = with_codes(make_predictions(), 0, 0.0, "test")
    predictions.label_codes[2 * 3, 0] = 1  # patient 2 is in test
    entry = measure(predictions, SPLIT, Evaluation(resamples=100))["auroc"]["Edema"]
    assert entry["value"] is not None
    assert entry["low"] is None
    assert entry["reason"] == "positives of one patient only in test: no interval"


def test_one_patient_has_values_but_no_interval(make_predictions):
    predictions = make_predictions(patients=3, images_per_patient=40)
    metrics = measure(predictions, SPLIT, Evaluation(resamples=100))
    for entry in metrics["auroc"].values():
        assert entry["value"] is not None
        assert (entry["low"], entry["high"]) == (None, None)
        assert entry["reason"] == "one patient in test: no interval"


def test_one_image_has_no_value(make_predictions):
    test = make_predictions().part("test")
    metrics = measure(test.rows([0]), SPLIT, Evaluation(resamples=100))
    assert metrics["auroc"]["mean"]["value"] is None
    assert metrics["auroc"]["mean"]["findings"] == 0
    assert "in test" in metrics["auroc"]["mean"]["reason"]
    json.dumps(metrics, allow_nan=False)


def test_without_validation_its_block_says_so_and_without_test_it_stops(make_predictions):
    predictions = make_predictions()
    metrics = measure(predictions.part("test"), SPLIT, Evaluation(resamples=100))
    assert metrics["validation"]["images"] == 0
    assert metrics["validation"]["auroc"]["Mass"]["reason"] == "no images in val"
    with pytest.raises(UserError, match=r"no image of the test part.*they hold only: train, val"):
        measure(predictions.rows(predictions.splits != "test"), SPLIT)


def test_resamples_that_lost_a_finding_are_counted(make_predictions):
    predictions = with_codes(make_predictions(), 0, 0.0, "test")
    predictions.label_codes[[2 * 3, 5 * 3], 0] = 1  # two patients of test: both missing in about 13 % of resamples
    entry = measure(predictions, SPLIT, Evaluation(resamples=400))["auroc"]["Edema"]
    assert 20 < entry["resamples_left_out"] < 100
    assert entry["low"] is not None


def test_what_is_written_reads_back_and_has_a_table(tmp_path, make_predictions):
    metrics = measure(with_codes(make_predictions(), 1, 0.0, "test"), SPLIT, Evaluation(resamples=100))
    write_metrics(tmp_path / "metrics.json", metrics)
    assert read_metrics(tmp_path / "metrics.json") == metrics
    table = pd.read_csv(tmp_path / "metrics.csv", index_col="finding")
    assert list(table.index) == ["mean", "Edema", "Mass", "Hernia"]
    assert np.isnan(table.loc["Mass", "value"])
    assert table.loc["Hernia", "positives"] == metrics["auroc"]["Hernia"]["positives"]
    independent = metrics["auroc"]["Hernia"]["delong"]
    assert tuple(table.loc["Hernia", ["delong_low", "delong_high"]]) == (independent["low"], independent["high"])
    assert table.loc[["mean", "Mass"], "delong_low"].isna().all()


def test_a_broken_metrics_file_is_one_sentence(tmp_path, make_predictions):
    path = tmp_path / "metrics.json"
    with pytest.raises(UserError, match=r"cannot be read .*evaluate the group first"):
        read_metrics(path)
    metrics = measure(make_predictions(), SPLIT, Evaluation(resamples=100))
    text = json.dumps(metrics)
    first_value = json.dumps(metrics["auroc"]["Edema"]["value"])
    for broken, message in [
        (text[:200], "is not valid JSON"),
        (text.replace(first_value, "NaN"), "NaN is no JSON number"),
        (text.replace(first_value, '"high"'), r"'auroc\.Edema\.value' is 'high'; allowed are numbers and null"),
        (text.replace('"Mass"', '"Massif"', 1), r"lacks 'validation\.auroc\.Massif'"),
        (text.replace('"patients_with"', '"with"'), r"lacks 'auroc\.Edema\.patients_with'"),
        ("[]", "lacks 'split'"),
        (json.dumps({**metrics, "auroc": 3}), r"lacks 'auroc\.mean'"),
    ]:
        path.write_text(broken)
        with pytest.raises(UserError, match=message) as raised:
            read_metrics(path)
        assert str(path) in str(raised.value)


def every_entry(content, path=()):
    """Path and entry of every number with an interval, anywhere below."""
    if isinstance(content, dict):
        if {"value", "low", "high"} <= set(content):
            yield path, content
        for key, below in content.items():
            yield from every_entry(below, (*path, key))


def test_every_number_has_an_interval_or_says_why_not(make_predictions):
    predictions = make_predictions(patients=300)
    ids = predictions.image_ids
    attributes = pd.DataFrame({"image_id": ids, "sex": np.where(np.arange(len(ids)) // 3 % 2, "F", "M")})
    other = dataclasses.replace(predictions, probabilities=np.roll(predictions.probabilities, 1, axis=1))
    metrics = measure(
        predictions,
        SPLIT,
        Evaluation(resamples=100),
        attributes=attributes,
        members={"one": [predictions], "two": [other]},
    )
    json.dumps(metrics, allow_nan=False)
    found = dict(every_entry(metrics))
    assert len(found) > 400
    for path, entry in found.items():
        if entry["low"] is None:
            assert entry["reason"], path
        else:
            assert entry["low"] <= entry["high"], path
    firsts = {path[0] for path in found}
    assert firsts == {
        *("auroc", "average_precision", "summary", "calibration", "operating_point", "at_half"),
        *("validation", "shift", "subgroups", "disagreement", "members"),
    }
    assert not [path for path, entry in found.items() if entry["low"] is None and path[0] in ("auroc", "summary")]


def test_scores_of_the_whole_file_equal_scikit_learn(make_predictions):
    predictions = make_predictions(patients=300)
    metrics = measure(predictions, SPLIT, Evaluation(resamples=100))
    test, fitted = predictions.part("test"), fit_on_validation(predictions, SPLIT, Evaluation())
    calibrated, thresholds = fitted.apply(test)
    known = test.label_codes >= 0
    pooled = roc_auc_score(test.label_codes[known], test.probabilities[known])
    assert metrics["summary"]["auroc"]["micro"]["value"] == pytest.approx(pooled, abs=1e-9)
    areas = [metrics["auroc"][finding]["value"] for finding in predictions.findings]
    for kind, function in (("median", np.median), ("min", min), ("max", max), ("mean", np.mean)):
        assert metrics["summary"]["auroc"][kind]["value"] == pytest.approx(function(areas))
    assert metrics["summary"]["auroc"]["min"]["finding"] == predictions.findings[int(np.argmin(areas))]
    called = (calibrated >= thresholds)[known]
    micro = metrics["operating_point"]["micro"]
    assert micro["precision"]["value"] == pytest.approx(precision_score(test.label_codes[known], called), abs=1e-9)
    assert micro["accuracy"]["value"] == pytest.approx(np.mean(test.label_codes[known] == called), abs=1e-9)
    for k, finding in enumerate(predictions.findings):
        y, raw = test.label_codes[known[:, k], k], test.probabilities[known[:, k], k]
        assert metrics["average_precision"][finding]["value"] == pytest.approx(
            average_precision_score(y, raw), abs=1e-9
        )
        for name, p in (("raw", raw), ("calibrated", calibrated[known[:, k], k])):
            brier = metrics["calibration"][name][finding]["brier"]["value"]
            assert brier == pytest.approx(brier_score_loss(y, p), abs=1e-9)
        at = metrics["operating_point"]["findings"][finding]
        assert at["threshold"] == thresholds[0, k]
        assert at["sensitivity"]["value"] == pytest.approx(
            recall_score(y, calibrated[known[:, k], k] >= thresholds[0, k])
        )
        half = metrics["at_half"]["findings"][finding]
        assert half["sensitivity"]["value"] == pytest.approx(recall_score(y, raw >= 0.5))


def test_one_patient_never_has_an_interval(make_predictions):
    test = make_predictions(patients=3, images_per_patient=60)
    for path, entry in every_entry(measure(test, SPLIT, Evaluation(resamples=100))):
        assert entry["low"] is None, path
        assert entry["reason"], path


def test_constant_predictions_are_no_better_than_chance_and_have_no_threshold(make_predictions):
    predictions = make_predictions()
    alike = dataclasses.replace(predictions, probabilities=np.full_like(predictions.probabilities, 0.3))
    metrics = measure(alike, SPLIT, Evaluation(resamples=100))
    json.dumps(metrics, allow_nan=False)
    assert metrics["auroc"]["Edema"]["value"] == 0.5
    at = metrics["operating_point"]["findings"]["Edema"]
    assert at["sensitivity"]["reason"] == "no threshold: all probabilities alike in val"
    assert metrics["average_precision"]["Edema"]["value"] == pytest.approx(
        metrics["operating_point"]["findings"]["Edema"]["prevalence"]["value"]
        or metrics["at_half"]["findings"]["Edema"]["prevalence"]["value"]
    )


def test_the_table_holds_the_operating_point_and_both_calibrations(tmp_path, make_predictions):
    metrics = measure(make_predictions(patients=240), SPLIT, Evaluation(resamples=100))
    write_metrics(tmp_path / "metrics.json", metrics)
    table = pd.read_csv(tmp_path / "metrics.csv", index_col="finding")
    at = metrics["operating_point"]["findings"]["Mass"]
    for column, value in {
        "threshold": at["threshold"],
        "tp": at["tp"],
        "ppv_low": at["ppv"]["low"],
        "ece": metrics["calibration"]["calibrated"]["Mass"]["ece"]["value"],
        "ece_raw_high": metrics["calibration"]["raw"]["Mass"]["ece"]["high"],
        "average_precision": metrics["average_precision"]["Mass"]["value"],
    }.items():
        assert table.loc["Mass", column] == pytest.approx(value), column
    mean = metrics["operating_point"]["mean"]["sensitivity"]["value"]
    assert table.loc["mean", "sensitivity"] == pytest.approx(mean)


def test_a_weighted_loss_is_outside_its_band_before_calibration_and_inside_after():
    """Logits too high by log(8), what weighing positives eightfold makes of a good network."""
    random = np.random.default_rng(4)
    patients, images = 2000, 4000
    owners = np.arange(images) % patients
    logits = random.normal(size=(images, 2)) * 1.2 - 2
    predictions = Predictions(
        image_ids=np.arange(images).astype(str),
        patient_ids=owners.astype(str),
        splits=np.array(["val", "test"])[owners % 2],
        findings=("Edema", "Mass"),
        probabilities=expit(logits + np.log(8)),
        label_codes=(random.random(logits.shape) < expit(logits)).astype(float),
    )
    metrics = measure(predictions, SPLIT, Evaluation(resamples=200))
    for finding in predictions.findings:
        raw, calibrated = (metrics["calibration"][kind][finding] for kind in ("raw", "calibrated"))
        assert not raw["band"]["inside"]
        assert raw["ece"]["value"] > 5 * raw["band"]["limit"]
        assert calibrated["band"]["inside"]
        assert (raw["band"]["fit_noise"], calibrated["band"]["fit_noise"]) == (False, True)
        assert not metrics["validation"]["calibration"]["calibrated"][finding]["band"]["fit_noise"]  # fitted to it
        assert raw["intercept"]["high"] < -1.5
        # Not held to their intervals, which know of the noise of test, not of that of the fit.
        assert calibrated["intercept"]["value"] == pytest.approx(0, abs=0.25)
        assert calibrated["slope"]["value"] == pytest.approx(1, abs=0.2)
        parts = [calibrated[part]["value"] for part in ("reliability", "resolution", "uncertainty", "within_bins")]
        assert calibrated["brier"]["value"] == pytest.approx(parts[0] - parts[1] + parts[2] + parts[3], abs=1e-12)
        assert sum(row["images"] for row in calibrated["bins"]) == images // 2


def test_a_perfect_ranking_is_no_certainty(make_predictions):
    predictions = make_predictions()
    perfect = dataclasses.replace(predictions, probabilities=np.where(predictions.label_codes == 1, 0.9, 0.1))
    metrics = measure(perfect, SPLIT, Evaluation(resamples=100))
    for name in ("mean", "Edema"):
        entry = metrics["auroc"][name]
        assert (entry["value"], entry["low"]) == (1.0, None)
        assert entry["reason"] == "the same in every resample of test: no interval"
