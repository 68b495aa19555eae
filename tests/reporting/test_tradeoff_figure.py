import numpy as np
import pytest

from cxr.evaluation.confusion import confuse, rates_of
from cxr.reporting.run_files import read_run
from cxr.reporting.tradeoff_figure import tradeoff_figure, tradeoff_tables


@pytest.fixture
def run(make_run):
    return read_run(make_run())


def test_the_tables_cut_calibrated_probabilities(run):
    tables = tradeoff_tables(run.predictions, run.fitted)
    assert list(tables) == ["Edema", "Mass", "Hernia"]
    row = tables["Edema"].iloc[len(tables["Edema"]) // 2]
    test = run.predictions.part("test")
    calibrated = run.fitted.apply(test)[0]
    counts = confuse(test.labels[:, :1], calibrated[:, :1], np.array([row["threshold"]])).counts
    assert row["test_sensitivity"] == rates_of(counts)["sensitivity"][0]
    assert row["test_specificity"] == rates_of(counts)["specificity"][0]


def test_the_threshold_is_marked_and_inside_the_frame(run):
    tables = tradeoff_tables(run.predictions, run.fitted)
    thresholds = {name: one["threshold"] for name, one in run.metrics["operating_point"]["findings"].items()}
    figure = tradeoff_figure(tables, {**thresholds, "Mass": None})
    panel, other = figure.axes[:2]
    assert [panel.get_title(), other.get_title()] == ["Edema", "Mass"]
    assert list(panel.get_lines()[-1].get_xdata()) == [thresholds["Edema"]] * 2
    assert panel.get_xlim()[0] <= thresholds["Edema"] <= panel.get_xlim()[1]
    assert len(panel.get_lines()) == len(other.get_lines()) + 1 == 9


def test_without_validation_there_is_nothing_to_draw(run):
    rows = run.predictions.part("test")
    assert tradeoff_tables(rows, run.fitted) == {}
