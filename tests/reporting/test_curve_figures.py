import numpy as np
import pytest

from cxr.reporting.curve_figures import BAND_RESAMPLES, curves_of, precision_recall_figure, roc_figure
from cxr.reporting.run_files import read_run
from cxr.reporting.wording import with_interval


@pytest.fixture
def run(make_run):
    return read_run(make_run())


@pytest.mark.parametrize("columns", [2, 4])
def test_roc_has_a_panel_per_finding_titled_with_its_numbers(run, columns):
    figure = roc_figure(curves_of(run.predictions, run.metrics), run.metrics, columns)
    titles = [panel.get_title() for panel in figure.axes]
    assert titles[0] == f"Edema\n{with_interval(run.metrics['auroc']['Edema'])}"
    assert titles[2] == "Hernia\nno positives in test"
    assert len(titles) == 3
    diagonal, curve, mark = figure.axes[0].get_lines()
    assert list(diagonal.get_xdata()) == [0, 1]
    assert (curve.get_xdata()[0], curve.get_ydata()[-1]) == (0, 1)
    at = run.metrics["operating_point"]["findings"]["Edema"]
    assert mark.get_xdata()[0] == pytest.approx(1 - at["specificity"]["value"])
    assert mark.get_ydata()[0] == at["sensitivity"]["value"]
    assert len(figure.axes[0].collections) == 1  # the band
    assert len(figure.axes[2].get_lines()) == 1  # the diagonal only
    assert not figure.axes[2].collections


def test_the_operating_point_lies_on_both_curves(run):
    curves = curves_of(run.predictions, run.metrics)
    _, curve, mark = roc_figure(curves, run.metrics).axes[0].get_lines()
    points = np.column_stack([curve.get_xdata(), curve.get_ydata()])
    assert np.abs(points - [mark.get_xdata()[0], mark.get_ydata()[0]]).sum(axis=1).min() < 1e-12
    prevalence, curve, mark = precision_recall_figure(curves, run.metrics).axes[0].get_lines()
    points = np.column_stack([curve.get_xdata(), curve.get_ydata()])
    assert np.abs(points - [mark.get_xdata()[0], mark.get_ydata()[0]]).sum(axis=1).min() < 1e-12
    entry = run.metrics["auroc"]["Edema"]
    assert prevalence.get_ydata()[0] == entry["positives"] / (entry["positives"] + entry["negatives"])


def test_precision_and_recall_are_titled_with_average_precision(run):
    figure = precision_recall_figure(curves_of(run.predictions, run.metrics), run.metrics, columns=2)
    assert figure.axes[1].get_title() == f"Mass\n{with_interval(run.metrics['average_precision']['Mass'])}"
    assert not figure.axes[2].get_lines()


def test_bands_take_the_first_resamples_of_the_numbers(run, monkeypatch):
    drawn = []
    monkeypatch.setattr("cxr.reporting.curve_figures.draw_curves", lambda *given: drawn.append(given[2]))
    for resamples, count in ((100, 100), (2000, BAND_RESAMPLES)):
        run.metrics["intervals"] |= {"resamples": resamples, "seed": 7}
        curves_of(run.predictions, run.metrics)
        assert (drawn[-1].count, drawn[-1].seed, drawn[-1].patients) == (count, 7, 40)


def test_figures_leave_no_global_state(run):
    import matplotlib.pyplot as plt

    roc_figure(curves_of(run.predictions, run.metrics), run.metrics)
    assert plt.get_fignums() == []
