import numpy as np
import pytest

from cxr.config.errors import UserError
from cxr.evaluation.predictions import Predictions, check_predictions
from cxr.evaluation.studies import by_study


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
