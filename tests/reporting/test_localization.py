import json

import numpy as np
import pytest
from PIL import Image

from cxr.config.errors import UserError
from cxr.reporting.localization import HITS, embed_examples, few_text, read_localization, rules_text
from cxr.reporting.report import write_report

GIVEN = {"threshold": 0.5, "min_area": 0.0, "merge": 0.1}


def entry(value=0.4123, low=0.3, high=0.5):
    return {"value": value, "low": low, "high": high, "resamples_left_out": 0, "findings": 2}


def empty():
    return {"value": None, "low": None, "high": None, "resamples_left_out": 0, "reason": "no boxes in test"}


@pytest.fixture
def write(make_run):
    """A function: changes of the record -> the folder of a run that was localised; Hernia has no boxes."""

    def make(**changes):
        folder = make_run(overlays=False)
        run = json.loads((folder / "run.json").read_text())
        names = ("mean", *run["findings"])
        kinds = ("own", "swapped", "alike", "random", "average_box", "other_boxes", "ratio")
        both = {name: empty() if name == "Hernia" else entry() for name in names}
        record = {
            "split": {"name": run["split"]["name"], "hash": run["split"]["hash"], "part": "test"},
            "boxes": {"fit": "given", "rules": [GIVEN]},
            "written": {"images": 80, "boxes": 123},
            "truth": {part: {"boxes": 20, "images": 18} for part in ("train", "val", "test")}
            | {"clipped": 2, "outside": 0, "others": 0},
            "intervals": {"level": 0.95, "resamples": 100},
            "pointing_tolerance": 0.0,
            "reason": None,
            "findings": {"Edema": {"boxes": 15, "images": 14, "patients": 12},
                         "Mass": {"boxes": 5, "images": 4, "patients": 4},
                         "Hernia": {"boxes": 0, "images": 0, "patients": 0}},
            "with_place": ["Mass"],
            "numbers": {number: dict.fromkeys(kinds, both) for number in ("pointing", "energy", *HITS)},
            "randomised": dict.fromkeys(("pointing", "energy"), dict.fromkeys(("own", "swapped", "ratio"), both)),
            "lungs": None,
            "deletion": None,
            "examples": [
                {"kind": kind, "file": f"{kind}-{n}.png", "image_id": "a.png", "finding": "Edema", "energy": 0.7}
                for kind in ("best", "worst") for n in (1, 2)
            ],
            **changes,
        }  # fmt: skip
        place = folder / "localization" / "examples"
        place.mkdir(parents=True)
        for one in record["examples"]:
            noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
            Image.fromarray(noise).save(place / one["file"])
        (place.parent / "localization.json").write_text(json.dumps(record))
        return folder

    return make


@pytest.fixture
def plain_report(monkeypatch):
    """A function: folder -> the text of the section on localisation of its report."""

    names = ("forest", "roc", "precision-recall", "reliability", "tradeoff", "training")
    drawn = dict.fromkeys(names, "data:image/png;base64,")
    monkeypatch.setattr("cxr.reporting.report.draw_figures", lambda run, elsewhere: drawn)

    def read(folder):
        text = write_report(folder).read_text(encoding="utf-8")
        return text[text.index("<h2>Localisation") : text.index("<h2>Published")]

    return read


def test_the_table_names_every_finding_and_what_is_weak(write, plain_report):
    text = plain_report(write())
    for expected in ("123 boxes", "20 true boxes", "40 on images of training and validation are not used", "0.412",
                     "2 were cut off", "Mean of 2", "Most heat in the true box",
                     "Fewer than 10 images with boxes, so that the number says little: Mass 4.",
                     "In much the same place in most patients: Edema."):  # fmt: skip
        assert expected in text
    row = text[text.index("<th>Hernia") :]
    assert "0.412" not in row[: row.index("</tr>")]
    assert text.count("data:image/jpeg") == 4


def test_a_refused_score_is_said_with_its_reason(write, plain_report):
    text = plain_report(
        write(reason="every box lies on train", findings=None, numbers=None, randomised=None, examples=[])
    )
    assert "Not scored: every box lies on train." in text
    assert "<table" not in text


def test_without_the_step_the_report_names_its_command(make_run, plain_report):
    assert "./cxr localize Ensemble" in plain_report(make_run(overlays=False))


def test_a_record_of_another_split_or_without_a_key_is_one_sentence(write):
    folder = write()
    with pytest.raises(UserError, match="another split"):
        read_localization(folder, {"hash": "other"})
    path = folder / "localization" / "localization.json"
    record = json.loads(path.read_text())
    del record["numbers"]
    path.write_text(json.dumps(record))
    with pytest.raises(UserError, match="lacks 'numbers'"):
        read_localization(folder, record["split"])


def test_examples_keep_to_their_allowance_and_come_in_turns(write):
    found = read_localization(folder := write(), json.loads((folder / "run.json").read_text())["split"])
    every = embed_examples(found, 10**6)
    assert [one["file"] for one, _ in every] == ["best-1.png", "best-2.png", "worst-1.png", "worst-2.png"]
    some = embed_examples(found, sum(len(uri) for _, uri in every) // 2)
    assert {one["kind"] for one, _ in some} == {"best", "worst"}
    assert len(some) < 4
    assert "Mass 4" in few_text(found)


def test_the_origin_of_the_parameters_is_said():
    assert rules_text({"fit": "given", "rules": [GIVEN]}).startswith("as given (threshold 0.5")
    cross = {"fit": "cross", "rules": [GIVEN | {"pairs": 20}, GIVEN | {"pairs": 21}], "note": "little"}
    assert "20 maps" in rules_text(cross)
    assert "21 maps" in rules_text(cross)
    assert rules_text(cross).endswith("little")
    assert "validation part" in rules_text({"fit": "validation", "rules": [GIVEN | {"pairs": 3}]})
