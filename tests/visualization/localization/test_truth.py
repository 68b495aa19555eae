import numpy as np
import pytest

from cxr.config.errors import UserError
from cxr.visualization.localization.truth import read_truth

HEADER = "image_id,finding,x,y,width,height\n"


@pytest.fixture
def read(own_store, tmp_path):
    """A function: part names and lines -> the truth of the test part; the i-th line is of the i-th of these images."""

    def run(*boxes):
        parts = {part: iter(own_store.image_ids[own_store.parts == part]) for part in ("train", "val", "test")}
        lines = [f"{next(parts[part]) if part in parts else part},{rest}" for part, rest in boxes]
        (tmp_path / "boxes.csv").write_text(HEADER + "\n".join(lines) + "\n")
        sizes = np.tile([40, 52], (len(own_store.image_ids), 1))
        return read_truth(tmp_path / "boxes.csv", own_store, sizes, "test")

    return run


def test_boxes_of_test_are_scored_and_the_others_counted(read, own_store):
    truth = read(("test", "Mass,1,2,10,20"), ("train", "Mass,1,2,3,4"), ("test", "Effusion,0,0,52,40"),
                 ("val", "Mass,1,1,1,1"), ("test", "Nodule,1,1,1,1"), ("gone.png", "Mass,1,1,1,1"))  # fmt: skip
    rows = np.flatnonzero(own_store.parts == "test")[:2]
    assert {key: boxes.tolist() for key, boxes in truth.boxes.items()} == {
        (rows[0], 2): [[1, 2, 11, 22]],
        (rows[1], 1): [[0, 0, 52, 40]],
    }
    assert truth.rows.tolist() == rows.tolist()
    assert truth.counts["others"] == 2
    assert truth.counts["train"] == {"boxes": 1, "images": 1}
    assert truth.reason() is None


def test_boxes_beyond_the_image_are_cut_off_or_left_out_and_counted(read):
    truth = read(("test", "Mass,-5,30,10,20"), ("test", "Mass,60,0,5,5"), ("test", "Mass,0,0,52.004,40"))
    assert [boxes.tolist() for boxes in truth.boxes.values()] == [[[0, 30, 5, 40]], [[0, 0, 52, 40]]]
    assert (truth.counts["clipped"], truth.counts["outside"]) == (1, 1)


def test_boxes_on_images_of_training_alone_are_refused_with_their_counts(read):
    reason = read(("train", "Mass,1,1,5,5"), ("train", "Effusion,1,1,5,5"), ("val", "Mass,1,1,5,5")).reason()
    assert "2 on 2 images of train and 1 on 1 images of val" in reason
    assert "refused" in reason


def test_no_boxes_are_a_sentence(read, own_store, tmp_path):
    assert "no boxes" in read().reason()
    assert "no boxes" in read_truth(tmp_path / "none.csv", own_store, np.zeros((0, 2)), "test").reason()


@pytest.mark.parametrize(
    ("text", "match"),
    [(HEADER + "a,Mass,1,1,0,5\n", "line 2: .* is no box"), (HEADER + "a,Mass,1,x,2,5\n", "line 2: .* is no box"),
     ("image_id,finding\na,Mass\n", "has no column x, y"), (HEADER + "a,Mass,1,nan,2,5\n", "line 2: .* is no box")],
)  # fmt: skip
def test_a_damaged_table_is_one_sentence(own_store, tmp_path, text, match):
    (tmp_path / "boxes.csv").write_text(text)
    with pytest.raises(UserError, match=match):
        read_truth(tmp_path / "boxes.csv", own_store, np.full((len(own_store.image_ids), 2), 40), "test")
