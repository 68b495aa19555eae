import copy

import pytest

from cxr.reporting.reliability_figure import BAND, CALIBRATED, RAW, reliability_figure
from cxr.reporting.run_files import read_run


@pytest.fixture
def metrics(make_run):
    return read_run(make_run()).metrics


def lines(panel):
    """Label -> (x, y) of what is drawn in a panel."""
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in panel.get_lines()}


def test_both_curves_are_those_of_metrics_json(metrics):
    panel = reliability_figure(metrics).axes[0]
    found = lines(panel)
    for kind, label in (("raw", RAW), ("calibrated", CALIBRATED)):
        bins = metrics["calibration"][kind]["Edema"]["bins"]
        assert found[label] == ([row["probability"] for row in bins], [row["rate"] for row in bins])
    eces = [metrics["calibration"][kind]["Edema"]["ece"]["value"] for kind in ("raw", "calibrated")]
    assert panel.get_title() == f"Edema\nECE {eces[0]:.3f} → {eces[1]:.3f}"
    assert BAND in panel.get_legend_handles_labels()[1]
    assert panel.get_ylim()[1] >= max(row["band_high"] for row in bins)


def test_what_was_not_calibrated_is_drawn_once_and_says_so(metrics):
    panel = reliability_figure(metrics, columns=2).axes[2]
    assert RAW not in lines(panel)
    assert panel.get_title().endswith(", not calibrated")


def test_no_labels_and_one_bin_are_drawn(metrics, tmp_path):
    one = copy.deepcopy(metrics)
    for kind in ("raw", "calibrated"):
        one["calibration"][kind]["Edema"]["bins"] = []
        del one["calibration"][kind]["Mass"]["bins"][1:]
    figure = reliability_figure(one)
    figure.savefig(tmp_path / "figure.png")
    assert figure.axes[0].get_title() == "Edema\nno labels"
    assert len(lines(figure.axes[1])[CALIBRATED][0]) == 1
