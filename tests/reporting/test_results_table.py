import csv

import pytest

from cxr.reporting.results_table import results_csv, results_latex, write_tables
from cxr.reporting.run_files import read_run


@pytest.fixture
def metrics(make_run):
    return read_run(make_run(findings=("Edema", "Pleural_Thickening", "Hernia"))).metrics


def test_csv_has_value_and_interval_of_every_number(metrics):
    head, mean, edema, thickening, hernia = csv.reader(results_csv(metrics).splitlines())
    assert head == (
        ["Finding", "Positives", "Images", "AUROC", "AP", "Sensitivity", "Specificity", "PPV", "NPV", "F1", "MCC"]
    )
    entry = metrics["auroc"]["Edema"]
    assert edema[3] == f"{entry['value']:.3f} ({entry['low']:.3f}-{entry['high']:.3f})"
    assert edema[1:3] == [str(entry["positives"]), str(entry["positives"] + entry["negatives"])]
    assert edema[6].startswith(f"{metrics['operating_point']['findings']['Edema']['specificity']['value']:.3f}")
    assert mean[:3] == ["Mean", "", ""]
    assert mean[10].startswith(f"{metrics['operating_point']['mean']['mcc']['value']:.3f}")
    assert thickening[0] == "Pleural Thickening"
    assert hernia[3] == hernia[5] == ""


def test_a_negative_bound_is_not_run_into_the_dash(metrics):
    metrics["auroc"]["Edema"] |= {"value": -0.01, "low": -0.2, "high": 0.1}
    assert "-0.010 (-0.200 to 0.100)" in results_csv(metrics)
    assert "$-$0.010 ($-$0.200 to 0.100)" in results_latex(metrics)


def test_latex_is_a_whole_tabular_with_escaped_names(metrics):
    metrics["auroc"] = {name.replace("Edema", "50%_&\\^"): entry for name, entry in metrics["auroc"].items()}
    for block in (metrics["average_precision"], metrics["operating_point"]["findings"]):
        block["50%_&\\^"] = block["Edema"]
    lines = results_latex(metrics).splitlines()
    assert metrics["split"]["hash"] in lines[1]
    rows = [line for line in lines if line.endswith(r"\\")]
    assert len(rows) == 5
    assert all(row.replace(r"\&", "").count("&") == 10 for row in rows)
    assert rows[2].startswith(r"50\% \&\textbackslash{}\textasciicircum{} & ")
    entry = metrics["auroc"]["mean"]
    assert f"{entry['value']:.3f} ({entry['low']:.3f}--{entry['high']:.3f})" in rows[1]
    assert lines[-1] == r"\end{tabular}"


def test_both_files_are_written(metrics, tmp_path):
    write_tables(tmp_path / "tables", metrics)
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == ["results.csv", "results.tex"]
