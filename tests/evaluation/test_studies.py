import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from cxr.config.errors import UserError
from cxr.evaluation.predictions import Predictions, check_predictions
from cxr.evaluation.studies import by_study, measure_studies, studies_of


def make():
    return Predictions(
        image_ids=np.array(list("abcde")),
        patient_ids=np.array(["q", "p", "q", "p", "p"]),
        splits=np.array(["test", "val", "test", "val", "val"]),
        findings=("Edema", "Mass"),
        probabilities=np.array([[0.2, 0.1], [0.4, 0.3], [0.6, 0.5], [0.8, 0.7], [1.0, 0.9]]),
        label_codes=np.array([[0, np.nan], [1, -1], [0, np.nan], [0, 0], [np.nan, 1]]),
    )


def test_probabilities_are_averaged_and_labels_are_the_strongest_of_the_images(tmp_path):
    study_of = dict(zip("abcde", ["1", "1", "1", "1", "2"], strict=True))
    studies = by_study(make(), study_of)
    check_predictions(studies, tmp_path)
    assert list(studies.image_ids) == ["q/1", "p/1", "p/2"]  # patients may number their studies alike
    assert list(studies.splits) == ["test", "val", "val"]
    np.testing.assert_allclose(studies.probabilities, [[0.4, 0.3], [0.6, 0.5], [1.0, 0.9]])
    np.testing.assert_array_equal(studies.label_codes, [[0, np.nan], [1, -1], [np.nan, 1]])


def test_an_image_without_a_study_is_one_sentence():
    with pytest.raises(UserError, match=r"image 'd' has no study \(such images: 2\)"):
        by_study(make(), {"a": "1", "b": "1", "c": "1", "d": ""})


def test_what_a_study_is_worth_agrees_with_scikit_learn(make_predictions):
    test = make_predictions(patients=90).part("test")
    study_of = {image: str(int(image) % 3 // 2) for image in test.image_ids}  # two images, and one, of each patient
    found = measure_studies(test, study_of, 200, 0, 0.95)
    table = pd.DataFrame(test.probabilities, columns=test.findings)
    labels = pd.DataFrame(test.labels, columns=test.findings)
    names = [f"{patient} {study_of[image]}" for patient, image in zip(test.patient_ids, test.image_ids, strict=True)]
    assert (found["images"], found["studies"], found["several_images"]) == (90, 60, 30)
    assert found["auroc"]["mean"]["findings"] == 3
    for finding in test.findings:
        grouped = [one.groupby(names) for one in (labels[finding], table[finding])]
        positive, known, score = grouped[0].max() == 1, grouped[0].count() > 0, grouped[1].mean()
        codes = pd.Series(test.label_codes[:, test.findings.index(finding)]).groupby(names)
        undecided = ~positive & codes.agg(lambda one: (one == -1).any())
        use = known & ~undecided
        given = positive[use], score[use]
        assert found["auroc"][finding]["value"] == pytest.approx(roc_auc_score(*given), abs=1e-12)
        assert found["average_precision"][finding]["value"] == pytest.approx(average_precision_score(*given), abs=1e-12)
        assert found["auroc"][finding]["low"] < found["auroc"][finding]["value"] < found["auroc"][finding]["high"]


def test_why_there_is_no_number_per_study(make_predictions):
    test = make_predictions().part("test")
    one_each = {image: image for image in test.image_ids}

    def reason(study_of):
        return measure_studies(test, study_of, 100, 0, 0.95)["reason"]

    assert reason({}) == "no study is known of any image"
    assert reason(one_each | {test.image_ids[0]: ""}) == "no study is known of 1 of 60 images"
    assert "every study has one image" in reason(one_each)


def test_studies_of_a_table_with_and_without_them():
    table = pd.DataFrame({"image_id": ["a", "b"], "study_id": ["s", None]})
    assert studies_of(table) == {"a": "s", "b": ""}
    assert studies_of(table[["image_id"]]) == {}
