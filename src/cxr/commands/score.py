"""`cxr score PREDICTIONS.csv --labels TABLE --out DIR`: predictions made elsewhere, measured like ours; no Keras."""

import argparse

from cxr.classification.foreign import Foreign, findings_to_score, label_probabilities
from cxr.commands.context import read_config
from cxr.commands.evaluate import say_metrics
from cxr.config.errors import UserError
from cxr.config.findings import ALL_FINDINGS, FINDING_SETS, match_findings
from cxr.datasets.label_table import LabelTable, read_label_table
from cxr.evaluation.attributes import attribute_table
from cxr.evaluation.fitted import fit_on_validation
from cxr.evaluation.metrics import measure, write_metrics
from cxr.evaluation.predictions import write_predictions
from cxr.evaluation.probability_table import read_probability_table
from cxr.evaluation.studies import studies_of
from cxr.reporting.wording import counted


def run(options: argparse.Namespace) -> None:
    """Join, measure and write metrics.json, its table, calibration, thresholds and predictions.csv."""
    params = read_config(options).params
    table = read_label_table(options.labels)
    findings = findings_to_score(table, _asked(options.findings, table))
    given = read_probability_table(options.predictions, findings)
    if given.ignored:
        print(f"score: columns that spell no finding asked for, ignored: {', '.join(given.ignored)}")
    foreign = label_probabilities(given, table, options.list, options.val_list)
    for note in foreign.notes:
        print(f"score: {note}")
    _say_parts(foreign)
    predictions, split, folder = foreign.predictions, foreign.split, options.out
    fitted = fit_on_validation(predictions, split, params.evaluation)
    attributes, studies = attribute_table(table.described), studies_of(table.described)
    metrics = measure(predictions, split, params.evaluation, params.seed, None, fitted, attributes, studies=studies)
    (folder / "metrics.json").unlink(missing_ok=True)  # written last: what is there belongs to the files beside it
    write_predictions(folder / "predictions.csv", predictions)
    fitted.write(folder)
    write_metrics(folder / "metrics.json", metrics)
    say_metrics("score", metrics)
    print(f"score: written: {folder / 'metrics.json'}, metrics.csv, predictions.csv")


def _asked(text: str | None, table: LabelTable) -> tuple[str, ...] | None:
    """Return the findings of --findings: a set's, or names with commas in any spelling; None where it was not given."""
    if text is None:
        return None
    names = list(FINDING_SETS[text]) if text in FINDING_SETS else [name.strip() for name in text.split(",")]
    spelt = match_findings(names, (*ALL_FINDINGS, *table.findings))
    found = tuple(spelt.get(name, name) for name in names)
    if len(set(found)) < len(found):
        raise UserError(f"--findings {text}: names a finding twice")
    return found


def _say_parts(foreign: Foreign) -> None:
    parts, name = foreign.split["parts"], foreign.split["name"]
    counts = ", ".join(
        f"{part} {counted(parts[part]['images'], 'image')} of {counted(parts[part]['patients'], 'patient')}"
        for part in ("test", "val")
    )
    print(f"score: split {name!r} {foreign.split['hash'][:12]}: {counts}")
    if parts["val"]["images"] == 0:
        print("score: no validation images (--val-list): no calibration, no thresholds, only 0.5 is tried")
