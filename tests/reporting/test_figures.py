import pandas as pd
import pytest

from cxr.reporting.figures import forest_figure, loss_figure
from cxr.reporting.run_files import read_run
from cxr.reporting.wording import with_interval


@pytest.fixture
def run(make_run):
    return read_run(make_run())


def texts(figure):
    """Everything written in a figure's panels."""
    return [text.get_text() for panel in figure.axes for text in (panel.title, *panel.texts, *panel.get_yticklabels())]


def test_forest_is_sorted_and_ends_with_the_mean(run):
    figure = forest_figure(run.metrics)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    values = {name: entry["value"] for name, entry in run.metrics["auroc"].items()}
    assert names[0].startswith(max(("Edema", "Mass"), key=values.get))
    assert names[2] == "Hernia (0 pos.)"
    assert names[3] == "Mean of 2 findings"
    assert with_interval(run.metrics["auroc"]["mean"]) in texts(figure)
    assert not forest_figure(run.metrics, with_numbers=False).axes[0].texts


def test_loss_shows_both_parts_and_the_kept_epoch(run):
    figure = loss_figure(run.histories, {"densenet169": 2})
    assert [panel.get_title() for panel in figure.axes] == [
        f"{member}: {quantity}" for member in ("densenet169", "xception") for quantity in ("Loss", "Mean AUROC")
    ]
    labels = [line.get_label() for line in figure.axes[0].get_lines()]
    assert labels == ["train part", "val part", "best epoch (2)"]
    assert figure.axes[3].get_lines()[-1].get_label() == "best epoch (3)"  # by the history's own AUROC


def test_one_epoch_without_validation_auroc_is_drawn(tmp_path):
    history = pd.DataFrame({"epoch": [1.0], "loss": [0.5], "val_loss": [0.6], "val_auroc": [float("nan")]})
    figure = loss_figure({"tiny": history}, columns=1)
    figure.savefig(tmp_path / "loss.png")
    assert len(figure.axes[0].get_lines()) == 2
