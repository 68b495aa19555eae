import json

import pytest

from cxr.config.errors import UserError
from cxr.evaluation.predictions import read_predictions, write_predictions
from cxr.reporting.run_files import read_run


def change_record(folder, change):
    """Rewrite run.json after `change` has worked on its content."""
    record = json.loads((folder / "run.json").read_text())
    change(record)
    (folder / "run.json").write_text(json.dumps(record))


def test_all_files_of_a_run_are_read(make_run):
    run = read_run(make_run())
    assert run.record["group"] == "Ensemble"
    assert run.predictions.findings == ("Edema", "Mass", "Hernia")
    assert set(run.histories) == {"densenet169", "xception"}
    assert list(run.histories["xception"].columns) == ["epoch", "loss", "val_loss", "val_auroc"]


def test_a_member_without_history_is_left_out(make_run):
    folder = make_run()
    (folder / "xception" / "history.csv").unlink()
    assert set(read_run(folder).histories) == {"densenet169"}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda record: record.pop("group"), "group"),
        (lambda record: record["data"].pop("synthetic"), "data.synthetic"),
        (lambda record: record["split"].pop("hash"), "split.hash"),
        (lambda record: record["split"]["parts"].pop("train"), "split.parts.train.images"),
        (lambda record: record["split"]["parts"]["val"].pop("positives"), "split.parts.val.positives"),
        (lambda record: record["members"][1].pop("network"), "members.1.network"),
        (lambda record: record.update(data=None), "data.name"),
    ],
)
def test_a_record_that_lacks_a_key_is_one_sentence(make_run, change, key):
    folder = make_run()
    change_record(folder, change)
    with pytest.raises(UserError, match=f"run.json: lacks '{key}'"):
        read_run(folder)


def test_missing_and_broken_files_are_named(make_run):
    folder = make_run()
    history = folder / "xception" / "history.csv"
    history.write_text("epoch,loss\n1,0.5\n")
    with pytest.raises(UserError, match=r"history\.csv: lacks column 'val_loss'"):
        read_run(folder)
    history.write_text("epoch,loss,val_loss,val_auroc\n1,0.5,high,0.6\n")
    with pytest.raises(UserError, match=r"history\.csv: holds a cell that is no number"):
        read_run(folder)
    history.write_text("")
    with pytest.raises(UserError, match=r"history\.csv: is not a CSV table"):
        read_run(folder)
    (folder / "metrics.json").unlink()
    with pytest.raises(UserError, match=r"metrics\.json: cannot be read .*evaluate the group first"):
        read_run(folder)
    (folder / "run.json").write_text("{")
    with pytest.raises(UserError, match=r"run\.json: is damaged, not valid JSON"):
        read_run(folder)
    (folder / "run.json").unlink()
    with pytest.raises(UserError, match=r"run\.json: no such file; train the group first"):
        read_run(folder)


def test_metrics_of_other_predictions_stop(make_run):
    folder = make_run()
    predictions = read_predictions(folder / "predictions.csv")
    predictions.probabilities[predictions.splits == "test"] **= 2  # the same order, so the same AUROC: no difference
    write_predictions(folder / "predictions.csv", predictions)
    read_run(folder)
    predictions.probabilities[:, 0] = 1 - predictions.probabilities[:, 0]
    write_predictions(folder / "predictions.csv", predictions)
    with pytest.raises(UserError, match=r"was not measured on .*predictions\.csv; evaluate the group again"):
        read_run(folder)


def test_fits_of_another_evaluation_stop(make_run):
    folder = make_run()
    thresholds = json.loads((folder / "thresholds.json").read_text())
    thresholds["fits"][""]["findings"]["Edema"]["threshold"] *= 0.9
    (folder / "thresholds.json").write_text(json.dumps(thresholds))
    with pytest.raises(UserError, match=r"was not measured with .*thresholds\.json; evaluate the group again"):
        read_run(folder)
    (folder / "thresholds.json").unlink()
    with pytest.raises(UserError, match=r"thresholds\.json"):
        read_run(folder)
