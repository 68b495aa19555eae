"""Label columns as numbers: codes, groups of findings, blanks by source, one finding only, none at all."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr.config.errors import UserError
from cxr.datasets.labels import fill_blanks, group_codes, has_no_finding, keep_single, read_labels
from cxr.datasets.table import DESCRIPTION

CODES = (1.0, 0.0, -1.0, np.nan)
TEXTS = {"1": 1.0, "0": 0.0, "-1": -1.0, "": np.nan}


def manifest(**columns):
    """A manifest of images a, b, ... with these columns."""
    count = len(next(iter(columns.values())))
    table = pd.DataFrame("", index=range(count), columns=DESCRIPTION)
    table["image_id"] = [f"{chr(97 + row)}.png" for row in range(count)]
    table["source"] = "one"
    return table.assign(**columns)


def test_labels_become_codes():
    table = manifest(Mass=["1", "0", ""], Edema=["0", "-1", "1"], Hernia=["", "", "1"])
    labels = read_labels(table, {name: (name,) for name in ("Hernia", "Edema", "Mass")})
    assert labels.dtype == np.float32
    np.testing.assert_array_equal(labels, [[np.nan, 0, 1], [np.nan, -1, 0], [1, 1, np.nan]])


def test_a_finding_that_nobody_labels_stops():
    table = manifest(Mass=["1"], Edema=["0"])
    with pytest.raises(UserError, match=r"findings\.set asks for Pneumonia, Nodule; the data sets label Mass, Edema$"):
        read_labels(table, {"a": ("Mass", "Pneumonia"), "Nodule": ("Nodule",)})


@pytest.mark.parametrize("value", ["2", "yes", "1.0", " 1"])
def test_a_label_that_is_no_code_stops(value):
    table = manifest(Mass=["1", "0"], Edema=["0", value])
    message = rf'manifest: image b\.png, Edema: found "{value}"; allowed are 1, 0, -1 and empty'
    with pytest.raises(UserError, match=message):
        read_labels(table, {"Mass": ("Mass",), "Edema": ("Edema",)})


def test_blanks_are_zero_in_the_sources_and_findings_that_say_so_only():
    table = manifest(Mass=["", "", ""], Edema=["", "", "-1"]).assign(source=["one", "two", "one"])
    outputs = {"Mass": ("Mass",), "Edema": ("Edema",)}
    labels = read_labels(fill_blanks(table, ["one"], {"one": ["Edema"], "two": ["Mass", "Edema"]}), outputs)
    np.testing.assert_array_equal(labels, [[np.nan, 0], [np.nan, np.nan], [np.nan, -1]])


@given(st.lists(st.lists(st.sampled_from(CODES), min_size=1, max_size=4), min_size=1, max_size=1))
def test_a_group_is_present_where_one_is_and_absent_only_where_all_are(rows):
    [codes] = rows
    [found] = group_codes(np.array(codes)[:, None])
    if 1 in codes:
        assert found == 1
    elif all(code == 0 for code in codes):
        assert found == 0
    elif -1 in codes:
        assert found == -1
    else:
        assert np.isnan(found)


def test_groups_are_read_from_their_findings():
    table = manifest(Nodule=["1", "0", "0", ""], Mass=["0", "-1", "0", "0"])
    labels = read_labels(table, {"nodule_mass": ("Nodule", "Mass"), "Mass": ("Mass",)})
    np.testing.assert_array_equal(labels, [[1, 0], [-1, -1], [0, 0], [np.nan, 0]])


def test_only_images_with_exactly_one_finding_are_kept_as_single():
    codes = np.array([[1, 0], [1, 1], [0, 0], [1, np.nan], [0, 1], [1, -1]])
    gone = [np.nan, np.nan]
    np.testing.assert_array_equal(keep_single(codes), [[1, 0], gone, gone, gone, [0, 1], gone])


def test_no_finding_is_what_the_source_says_or_what_all_its_labels_say():
    table = manifest(Mass=["0", "0", "", "1", "0", "-1"], Edema=["0", "", "", "0", "0", "0"])
    assert has_no_finding(table, table).tolist() == [True, True, False, False, True, False]
    said = table.assign(**{"No Finding": ["0", "1", "1", "", "", ""]})
    assert has_no_finding(said, said).tolist() == [False, True, True, False, True, False]


def test_where_blanks_mean_zero_an_image_of_blanks_has_no_finding():
    table = manifest(**{"Mass": ["", "1", "", ""], "Edema": ["", "", "", "-1"], "No Finding": ["", "", "1", ""]})
    filled = fill_blanks(table, ["one"], {"one": ["Mass", "Edema", "No Finding"]})
    assert has_no_finding(table, filled).tolist() == [True, False, True, False]
    assert has_no_finding(table, table).tolist() == [False, False, True, False]
    assert filled["No Finding"].tolist() == ["0", "0", "1", "0"]
