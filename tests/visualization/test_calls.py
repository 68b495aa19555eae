import dataclasses

import numpy as np
import pytest

from cxr.config.errors import UserError
from cxr.config.evaluation import Evaluation
from cxr.evaluation.fitted import fit_on_validation
from cxr.evaluation.predictions import read_predictions
from cxr.visualization.calls import make_calls
from cxr.visualization.choices import choose_all, choose_highest, choose_sample
from cxr.visualization.true_boxes import read_true_boxes


@pytest.fixture(scope="module")
def predictions(trained):
    return read_predictions(trained[0] / "predictions.csv")


@pytest.fixture(scope="module")
def fitted(predictions):
    return fit_on_validation(predictions, {"name": "a", "hash": "b"}, Evaluation())


def test_outcomes_are_those_of_the_calibrated_probability_at_the_threshold(predictions, store, fitted):
    calls, test = make_calls(predictions, store, fitted), predictions.part("test")
    calibrated, thresholds = fitted.apply(test)
    seen = set()
    for image in range(len(test.image_ids)):
        for k in range(len(test.findings)):
            called = calibrated[image, k] >= thresholds[image, k]
            code = test.label_codes[image, k]
            right = "T" if called == (code == 1) else "F"
            known = not np.isnan(thresholds[image, k]) and code in (0, 1)
            expected = right + ("P" if called else "N") if known else ""
            assert calls.outcome(image, k) == expected
            seen.add(expected)
    assert len(seen) > 2
    np.testing.assert_array_equal(calls.shown, calibrated)


def test_without_an_evaluation_probabilities_are_raw_and_nothing_is_called(predictions, store):
    calls = make_calls(predictions, store, None)
    np.testing.assert_array_equal(calls.shown, predictions.part("test").probabilities)
    assert calls.is_called(0, 0) is None
    assert all("not evaluated" in reason for reason in calls.missing)


def test_the_order_of_the_columns_does_not_matter(predictions, store, fitted):
    turned = dataclasses.replace(
        predictions,
        findings=predictions.findings[::-1],
        probabilities=predictions.probabilities[:, ::-1],
        label_codes=predictions.label_codes[:, ::-1],
    )
    found, expected = make_calls(turned, store, fitted), make_calls(predictions, store, fitted)
    np.testing.assert_equal(dataclasses.asdict(found), dataclasses.asdict(expected))
    assert choose_highest(found, 5) == choose_highest(expected, 5)


def test_equal_probabilities_keep_the_order_of_the_file(predictions, store):
    equal = dataclasses.replace(predictions, probabilities=np.full_like(predictions.probabilities, 0.5))
    found = [choice.image for choice in choose_highest(make_calls(equal, store, None), 4)]
    assert found == [0, 1, 2, 3] * 3


def test_predictions_of_other_data_stop(predictions, store):
    ids = predictions.image_ids.copy()
    ids[np.argmax(predictions.splits == "test")] = "gone.png"
    with pytest.raises(UserError, match=r"names image gone\.png, which the prepared data do not have"):
        make_calls(dataclasses.replace(predictions, image_ids=ids), store, None)
    renamed = dataclasses.replace(predictions, findings=("Cardiomegaly", "Effusion", "Hernia"))
    with pytest.raises(
        UserError, match="holds Cardiomegaly, Effusion, Hernia; asked for are Cardiomegaly, Effusion, Mass"
    ):
        make_calls(renamed, store, None)
    with pytest.raises(UserError, match="holds no image of the test part"):
        make_calls(predictions.part("val"), store, None)
    moved = dataclasses.replace(predictions, splits=np.full_like(predictions.splits, "test"))
    with pytest.raises(UserError, match="in test, the prepared data have it in val"):
        make_calls(moved, store, None)


def labelled(calls, rows):
    """The same calls with so many first labels; unknown everywhere else."""
    labels = np.full_like(calls.labels, np.nan)
    labels[: len(rows)] = np.reshape(rows, (-1, labels.shape[1]))
    return dataclasses.replace(calls, labels=labels)


def test_a_sample_has_the_finding_and_no_other_and_is_drawn_by_the_seed(predictions, store):
    calls = make_calls(predictions, store, None)
    rows = [(1, 0, 0), (1, 1, 0), (1, -1, 0), (0, 1, 0), (1, np.nan, 0), (0, 0, 0)]
    calls = labelled(calls, rows)
    assert [(one.image, one.finding) for one in choose_sample(calls, 9, seed=1)] == [(0, 0), (4, 0), (3, 1)]
    drawn = {tuple(one.image for one in choose_sample(calls, 1, seed)) for seed in range(20)}
    assert drawn == {(0, 3), (4, 3)}
    assert choose_sample(calls, 1, seed=7) == choose_sample(calls, 1, seed=7)


def test_images_without_a_label_say_why_in_the_name_of_their_folder(predictions, store):
    calls = labelled(make_calls(predictions, store, None), [(0, 0, 0), (0, 0, 0), (0, -1, 0), (0, 1, 1)])
    none = np.zeros(len(calls.image_ids), bool)
    none[0] = True
    places = [one.file.partition("/")[0] for one in choose_all(calls, none)]
    assert places[:3] == ["No Finding", "None of these", "Not known"]
    assert "Effusion-Mass" in places


def test_the_surest_call_is_the_one_furthest_above_its_threshold(predictions, store):
    calls = labelled(make_calls(predictions, store, None), [])
    shown, thresholds = np.tile([0.9, 0.4, 0.2], (len(calls.raw), 1)), np.tile([0.95, 0.1, np.nan], (len(calls.raw), 1))
    calls = dataclasses.replace(calls, calibrated=shown, thresholds=thresholds)
    none = np.zeros(len(shown), bool)
    assert {one.finding for one in choose_all(calls, none)} == {1}
    nowhere = dataclasses.replace(calls, thresholds=np.full_like(thresholds, np.nan))
    assert {one.finding for one in choose_all(nowhere, none)} == {0}


def test_true_boxes_are_read_as_corners_and_a_broken_line_is_named(tmp_path):
    from cxr.preparation.store import PreparedFiles

    files = PreparedFiles(tmp_path, "split")
    assert read_true_boxes(files.boxes) == {}
    head = "image_id,finding,x,y,width,height\n"
    files.boxes.write_text(head + "a.png,Mass,1.5,2,3,4\na.png,Mass,0,0,1,1\nb.png,Nodule,5,6,7,8\n")
    assert read_true_boxes(files.boxes) == {
        ("a.png", "Mass"): [(1.5, 2, 4.5, 6), (0, 0, 1, 1)],
        ("b.png", "Nodule"): [(5, 6, 12, 14)],
    }
    for sides in ("1,2,x,4", "1,2,0,4", "1,nan,3,4"):
        files.boxes.write_text(f"{head}a.png,Mass,{sides}\n")
        with pytest.raises(UserError, match=r"line 2: .* is no box"):
            read_true_boxes(files.boxes)
