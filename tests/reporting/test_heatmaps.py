import numpy as np
import pytest
from PIL import Image

from cxr.config.errors import UserError
from cxr.evaluation.predictions import read_predictions
from cxr.reporting.embedding import picture_uri
from cxr.reporting.heatmaps import PER_FINDING, embed_heatmaps, read_heatmaps


@pytest.fixture
def run(make_run):
    """gradcam/ of a run, and the run's predictions."""
    folder = make_run()
    return folder / "gradcam", read_predictions(folder / "predictions.csv")


def test_the_index_is_read_in_its_order(run):
    heatmaps = read_heatmaps(*run)
    assert [heatmap.finding for heatmap in heatmaps] == ["Edema", "Edema", "Mass", "Mass"]
    assert heatmaps[0].probability >= heatmaps[1].probability
    assert {heatmap.part for heatmap in heatmaps} == {"test"}
    assert heatmaps[0].label in ("labelled positive", "labelled negative", "label unknown")
    assert heatmaps[0].image_id.startswith("0000")


def test_no_index_is_no_heatmaps(run):
    (run[0] / "index.csv").unlink()
    assert read_heatmaps(*run) is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("probability,", "score,", "lacks column 'probability'"),
        (",Edema,", ",Oedema,", "line 2: 'Oedema' of image '.*' is not in predictions.csv"),
        (",Edema-", ",../Edema-", "line 2: file '../Edema-.*' is not a picture in"),
        (",Edema-", ",gone-", "line 2: file 'gone-.*' is not a picture in"),
        (",Edema,0.", ",Edema,x0.", "line 2: probability 'x0.*' and label"),
    ],
)
def test_a_broken_index_is_one_sentence(run, old, new, message):
    index = run[0] / "index.csv"
    index.write_text(index.read_text().replace(old, new, 1))
    with pytest.raises(UserError, match=message):
        read_heatmaps(*run)


def test_the_best_of_each_finding_comes_first_when_room_is_short(run):
    heatmaps = read_heatmaps(*run)
    everything = embed_heatmaps(heatmaps, allowance=10**6)
    assert [len(chosen) for chosen in everything.values()] == [2, 2]
    sizes = [len(everything[finding][0][1]) for finding in ("Edema", "Mass")]
    little = embed_heatmaps(heatmaps, allowance=sum(sizes))
    assert [[heatmap for heatmap, _ in chosen] for chosen in little.values()] == [[heatmaps[0]], [heatmaps[2]]]
    assert embed_heatmaps(heatmaps, allowance=0) == {"Edema": [], "Mass": []}


def test_no_finding_has_more_than_its_share(run):
    many = [read_heatmaps(*run)[0]] * (PER_FINDING + 3)
    assert len(embed_heatmaps(many, allowance=10**7)["Edema"]) == PER_FINDING


def test_pictures_are_made_narrow_and_broken_ones_named(tmp_path):
    path = tmp_path / "wide.png"
    Image.fromarray(np.zeros((350, 700), np.uint8)).save(path)
    assert picture_uri(path, width_px=480).startswith("data:image/jpeg;base64,")
    assert len(picture_uri(path, width_px=48)) < len(picture_uri(path, width_px=480))
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(UserError, match=r"wide\.png: cannot be read as a picture"):
        picture_uri(path, width_px=480)
