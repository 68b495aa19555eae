import csv
import dataclasses

import numpy as np
import pytest

from cxr.config.errors import UserError
from cxr.evaluation.predictions import read_predictions, write_predictions

HEADER = ["image_id", "patient_id", "split", "Edema", "Edema:label"]
ROWS = [["00000001", "007", "test", "0.25", "1"], ["00000002", "008", "val", "0.5", "0"]]


@pytest.fixture
def write_csv(tmp_path):
    def write(header=HEADER, rows=ROWS):
        path = tmp_path / "predictions.csv"
        with path.open("w", newline="") as stream:
            csv.writer(stream).writerows([header, *rows])
        return path

    return write


def changed(row, column, text):
    """The two good rows with one cell replaced."""
    rows = [list(cells) for cells in ROWS]
    rows[row][HEADER.index(column)] = text
    return rows


def test_ids_stay_text_and_labels_become_numbers(write_csv):
    rows = [*ROWS, ["00000003", "008", "val", "1e-3", "-1"], ["00000004", "008", "val", "1", ""]]
    predictions = read_predictions(write_csv(rows=rows))
    assert list(predictions.image_ids) == ["00000001", "00000002", "00000003", "00000004"]
    assert list(predictions.patient_ids) == ["007", "008", "008", "008"]
    assert predictions.findings == ("Edema",)
    np.testing.assert_array_equal(predictions.label_codes[:, 0], [1, 0, -1, np.nan])
    np.testing.assert_array_equal(predictions.labels[:, 0], [1, 0, np.nan, np.nan])
    assert predictions.uncertain_counts == [1]
    assert predictions.unknown_counts == [1]


def test_column_order_does_not_matter(write_csv):
    straight = read_predictions(write_csv())
    turned = read_predictions(write_csv(HEADER[::-1], [row[::-1] for row in ROWS]))
    np.testing.assert_array_equal(straight.probabilities, turned.probabilities)
    np.testing.assert_array_equal(straight.label_codes, turned.label_codes)


def test_labels_may_be_written_as_floats_and_blank_lines_may_end_the_file(write_csv):
    path = write_csv(rows=changed(0, "Edema:label", "1.0"))
    path.write_text("\ufeff" + path.read_text() + "\n\n", encoding="utf-8")
    assert read_predictions(path).labels[0, 0] == 1


def test_what_is_written_reads_back_exactly(tmp_path, make_predictions):
    written = make_predictions()
    random = np.random.default_rng(1).random(written.probabilities.shape)
    random[:2, 0] = np.float32(0.1), 1e-300
    written = dataclasses.replace(written, probabilities=random)
    write_predictions(tmp_path / "predictions.csv", written)
    read = read_predictions(tmp_path / "predictions.csv")
    assert read.findings == written.findings
    for field in ("image_ids", "patient_ids", "splits", "probabilities", "label_codes"):
        np.testing.assert_array_equal(getattr(read, field), getattr(written, field))
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.csv"]


def test_part_keeps_its_rows_only(make_predictions):
    predictions = make_predictions()
    test = predictions.part("test")
    assert set(test.splits) == {"test"}
    np.testing.assert_array_equal(test.image_ids, predictions.image_ids[predictions.splits == "test"])
    assert test.probabilities.shape == test.label_codes.shape == (len(test.image_ids), 3)
    with pytest.raises(ValueError, match="allowed: train, val, test"):
        predictions.part("holdout")


@pytest.mark.parametrize(
    ("column", "text", "message"),
    [
        ("Edema", "1.5", r"line 3, column 'Edema': 1\.5 is no probability in \[0, 1\]"),
        ("Edema", "-0.1", r"line 3, column 'Edema': -0\.1 is no probability"),
        ("Edema", "nan", "line 3, column 'Edema': nan is no probability"),
        ("Edema", "inf", "line 3, column 'Edema': inf is no probability"),
        ("Edema", "", "line 3, column 'Edema': '' is no probability"),
        ("Edema", "high", "line 3, column 'Edema': 'high' is no probability"),
        ("Edema:label", "2", "line 3, column 'Edema:label': found '2'; allowed are 1, 0, -1"),
        ("Edema:label", "nan", "line 3, column 'Edema:label': found 'nan'"),
        ("Edema:label", "yes", "line 3, column 'Edema:label': found 'yes'"),
        ("image_id", "00000001", "line 3: image_id '00000001' appears again"),
        ("image_id", "", "line 3: column 'image_id' is empty"),
        ("patient_id", "", "line 3: column 'patient_id' is empty"),
        ("patient_id", "007", "patient '007' is in test and val .such patients: 1."),
        ("split", "valid", "line 3: split is 'valid'; allowed are train, val, test"),
    ],
)
def test_a_bad_cell_stops(write_csv, column, text, message):
    path = write_csv(rows=changed(1, column, text))
    with pytest.raises(UserError, match=message) as raised:
        read_predictions(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (["image", "patient_id", "split", "Edema", "Edema:label"], "lacks column 'image_id'"),
        (["image_id", "patient_id", "fold", "Edema", "Edema:label"], "lacks column 'split'"),
        (["image_id", "patient_id", "split", "Edema", "Mass"], "'Edema' has no label column; needed is 'Edema:label'"),
        (["image_id", "patient_id", "split", "Edema:label", "Mass:label"], "no probability column; needed is 'Edema'"),
        (["image_id", "patient_id", "split", "split", "Edema"], "'split' appears more than once"),
        (["image_id", "patient_id", "split", "mean", "mean:label"], "that name is kept for the mean"),
    ],
)
def test_a_bad_header_stops(write_csv, header, message):
    with pytest.raises(UserError, match=message):
        read_predictions(write_csv(header=header))


def test_a_file_that_is_no_table_stops(tmp_path, write_csv):
    path = tmp_path / "broken.csv"
    with pytest.raises(UserError, match="cannot be read"):
        read_predictions(path)
    path.write_bytes(b"")
    with pytest.raises(UserError, match="is empty"):
        read_predictions(path)
    path.write_bytes(b"image_id\xff\xfe,\n")
    with pytest.raises(UserError, match="not a CSV file in UTF-8"):
        read_predictions(path)
    with pytest.raises(UserError, match="holds no predictions"):
        read_predictions(write_csv(rows=[]))
    with pytest.raises(UserError, match="holds no finding"):
        read_predictions(write_csv(HEADER[:3], [row[:3] for row in ROWS]))
    with pytest.raises(UserError, match="line 3: has 4 cells; the header has 5"):
        read_predictions(write_csv(rows=[ROWS[0], ROWS[1][:4]]))
    with pytest.raises(UserError, match="line 2: has 6 cells"):
        read_predictions(write_csv(rows=[[*ROWS[0], "x"], ROWS[1]]))


def test_nothing_malformed_is_written(tmp_path, make_predictions):
    predictions = make_predictions()
    path = tmp_path / "predictions.csv"
    with pytest.raises(UserError, match="nan is no probability"):
        write_predictions(path, dataclasses.replace(predictions, probabilities=predictions.probabilities * np.nan))
    with pytest.raises(UserError, match=r"found '7\.0'; allowed are 1, 0, -1"):
        write_predictions(path, dataclasses.replace(predictions, label_codes=np.full_like(predictions.labels, 7)))
    with pytest.raises(UserError, match="a patient may be in one split only"):
        write_predictions(path, dataclasses.replace(predictions, patient_ids=np.roll(predictions.patient_ids, 1)))
    assert list(tmp_path.iterdir()) == []
