"""`cxr localize` on a group with folds: which predictions it reads."""

from types import SimpleNamespace

import cxr.commands.localize as localize
from cxr.classification.classifiers import fold_name


def test_predictions_of_folds_are_read_under_the_names_that_training_gives_them(tmp_path, monkeypatch):
    read = []
    fitted = SimpleNamespace(apply=lambda part, by_fold: (part, by_fold))
    monkeypatch.setattr(localize, "read_predictions", lambda path: read.append(path) or path.name)
    monkeypatch.setattr(localize, "read_fitted", lambda folder: fitted)
    whole = SimpleNamespace(part=lambda name: name)
    assert localize._operating_points(tmp_path, whole, ["0", "1"]) == (
        "test", {fold: f"{fold_name('predictions', fold)}.csv" for fold in ("0", "1")}
    )  # fmt: skip
    assert [path.parent for path in read] == [tmp_path] * 2
    assert localize._operating_points(tmp_path, whole, [""]) == ("test", None)
