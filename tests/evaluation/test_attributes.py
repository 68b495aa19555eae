import pandas as pd

from cxr.evaluation.attributes import attribute_table


def test_ages_and_follow_ups_become_bands_and_unknown_stays_empty():
    images = pd.DataFrame(
        {
            **{"image_id": list("abcdef"), "patient_id": list("pppqqr"), "sex": ["F", "M", "", "F", "M", "F"]},
            **{"age": ["17", "18", "", "80", "x", "-1"], "view": ["PA"] * 6, "source": ["nih"] * 6},
            "study_id": ["p-3", "p-1", "p-12", "study1", "study1", "nothing"],
        }
    )
    found = attribute_table(images)
    assert list(found) == ["image_id", "sex", "view", "source", "age", "follow_up"]
    assert list(found["age"]) == ["0-17", "18-39", "", "80+", "", ""]
    assert list(found["follow_up"]) == ["1-4", "first", "1-4", "first", "first", ""]


def test_columns_that_the_table_lacks_are_left_out():
    assert list(attribute_table(pd.DataFrame({"image_id": ["a"], "age": [40]}))) == ["image_id", "age"]
