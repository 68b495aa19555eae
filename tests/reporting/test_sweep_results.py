import pandas as pd
import pytest
from PIL import Image

from cxr.reporting.sweep_results import sweep_lines, values_text, write_sweep

AXES = ("training.optimizer.learning_rate", "training.optimizer.name")


def row(rate, auroc, reason="", interval=0.02):
    numbers = dict.fromkeys(("auroc", "low", "high", "findings", "parameters", "seconds"))
    if auroc is not None:
        numbers = {"auroc": auroc, "low": auroc - interval, "high": auroc + interval}
        numbers |= {"findings": 3, "parameters": 12_345, "seconds": 61.5}
    return {"point": f"p{rate}", "values": dict(zip(AXES, (rate, "adam"), strict=True)), **numbers, "reason": reason}


ROWS = [row(0.1, None, "the loss became nan"), row(0.001, 0.7), row(0.01, 0.8), row(1.0, None, "no positives in val")]


def test_the_table_has_the_best_first_and_failures_last(tmp_path):
    write_sweep(tmp_path, ROWS)
    table = pd.read_csv(tmp_path / "sweep.csv")
    assert list(table.columns[:3]) == ["point", *AXES]
    assert list(table[AXES[0]]) == [0.01, 0.001, 0.1, 1.0]
    assert list(table[AXES[1]]) == ["adam"] * 4
    assert list(table["auroc"])[:2] == [0.8, 0.7]
    assert list(table["reason"])[2:] == ["the loss became nan", "no positives in val"]
    with Image.open(tmp_path / "sweep.png") as picture:
        assert picture.width > 300


def test_without_any_result_there_is_a_table_and_no_figure(tmp_path):
    write_sweep(tmp_path, ROWS[:1])
    assert len(pd.read_csv(tmp_path / "sweep.csv")) == 1
    assert not (tmp_path / "sweep.png").exists()


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (
            0,
            'learning_rate 0.01, optimizer "adam": mean AUROC on val 0.800 (0.780–0.820), trained in 62 s, '
            "12,345 parameters",
        ),
        (2, 'learning_rate 0.1, optimizer "adam": no result: the loss became nan'),
    ],
)
def test_a_line_says_value_and_result(place, line):
    assert sweep_lines(ROWS)[place] == line


def test_keys_that_end_alike_are_told_apart():
    assert values_text({"training.loss.name": "bce", AXES[1]: "adam"}) == 'loss "bce", optimizer "adam"'
    assert values_text({"members.a.dropout": 0.2, "members.b.dropout": 0.5}) == "a.dropout 0.2, b.dropout 0.5"
    assert values_text({"seed": 1}) == "seed 1"
