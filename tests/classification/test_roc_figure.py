import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from cxr.classification.roc_figure import write_roc

LABELS = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, np.nan, 0.0]])
FOUND = np.array([[0.9, 0.1, 0.5], [0.2, 0.9, 0.5], [0.3, 0.8, 0.5], [0.1, 0.5, 0.5]])


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """The figure that was written."""
    figures, save = [], Figure.savefig

    def remember(figure, *what, **how):
        figures.append(figure)
        save(figure, *what, **how)

    monkeypatch.setattr(Figure, "savefig", remember)
    write_roc(("Mass", "Pleural_Thickening", "Hernia"), LABELS, FOUND, tmp_path / "below" / "roc.png")
    assert plt.imread(tmp_path / "below" / "roc.png").ndim == 3
    return figures[0].axes[0]


def test_findings_stand_by_their_area_and_those_without_one_last(drawn):
    texts = [text.get_text() for text in drawn.get_legend().get_texts()]
    assert texts == ["Pleural Thickening 1.000", "Mass 0.750", "Hernia (cannot be told)"]


def test_a_curve_has_the_area_that_is_written(drawn):
    mass = next(line for line in drawn.lines if line.get_label().startswith("Mass"))
    false_positive, true_positive = mass.get_xdata(), mass.get_ydata()
    assert np.trapezoid(true_positive, false_positive) == pytest.approx(0.75)
    assert (false_positive[-1], true_positive[-1]) == (1, 1)


def test_no_finding_with_an_area_is_no_mistake(tmp_path):
    write_roc(("Mass",), np.full((3, 1), np.nan), np.zeros((3, 1)), tmp_path / "roc.png")
    assert (tmp_path / "roc.png").is_file()
