"""metrics.json in, the table of a paper out: value (low-high) per finding, as CSV and as LaTeX."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cxr.config.atomic import write_text
from cxr.evaluation.metrics import findings_of
from cxr.reporting.wording import finding_text, headline

RANKING = {"AUROC": "auroc", "AP": "average_precision"}
RATES = {
    "Sensitivity": "sensitivity",
    "Specificity": "specificity",
    **{"PPV": "ppv", "NPV": "npv", "F1": "f1", "MCC": "mcc"},
}
ESCAPES = {
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"-": "$-$", "\N{EN DASH}": "--"},
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def write_tables(folder: Path, metrics: Mapping[str, Any]) -> None:
    """Write `results.csv` and `results.tex` into `folder`, each atomically."""
    write_text(folder / "results.csv", results_csv(metrics))
    write_text(folder / "results.tex", results_latex(metrics))


def results_rows(metrics: Mapping[str, Any], dash: str = "-") -> list[list[str]]:
    """The head, the mean, then a row per finding; an empty cell where there is no number.

    Rates are of calibrated probabilities at the operating point. Numbers to compute with are in metrics.csv.
    """
    rows = [["Finding", "Positives", "Images", *RANKING, *RATES]]
    operation = metrics["operating_point"]
    for finding in ("mean", *findings_of(metrics)):
        area, mean = metrics["auroc"][finding], finding == "mean"
        rates = operation["mean"] if mean else operation["findings"][finding]
        counts = ["", ""] if mean else [str(area["positives"]), str(area["positives"] + area["negatives"])]
        numbers = [metrics[key][finding] for key in RANKING.values()] + [rates[rate] for rate in RATES.values()]
        name = "Mean" if mean else finding_text(finding)
        rows.append([name, *counts, *(_cell(entry, dash) for entry in numbers)])
    return rows


def results_csv(metrics: Mapping[str, Any]) -> str:
    """Text of results.csv."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(results_rows(metrics))
    return text.getvalue()


def results_latex(metrics: Mapping[str, Any]) -> str:
    """Text of results.tex: a tabular that needs the package booktabs; what was measured stands above as a comment."""
    rows = [[_latex(cell) for cell in row] for row in results_rows(metrics, dash="\N{EN DASH}")]
    title = " ".join(headline(metrics)).replace("\n", " ")
    lines = [
        f"% {title}",
        f"% Split hash {metrics['split']['hash']}; needs \\usepackage{{booktabs}}",
        f"\\begin{{tabular}}{{l{'r' * (len(rows[0]) - 1)}}}",
        "\\toprule",
        " & ".join(rows[0]) + r" \\",
        "\\midrule",
        *(" & ".join(row) + r" \\" for row in rows[1:]),
        "\\bottomrule",
        "\\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _cell(entry: Mapping[str, Any], dash: str) -> str:
    if entry["value"] is None:
        return ""
    value = f"{entry['value']:.3f}"
    if entry["low"] is None:
        return value
    return f"{value} ({entry['low']:.3f}{' to ' if entry['low'] < 0 else dash}{entry['high']:.3f})"


def _latex(text: str) -> str:
    return "".join(ESCAPES.get(sign, sign) for sign in text)
