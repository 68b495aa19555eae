"""`cxr evaluate GROUP --labels TABLE`: the group's predictions against a second label table; no Keras."""

from pathlib import Path

from cxr.classification.runs import PREDICTIONS
from cxr.config.atomic import write_json, write_text
from cxr.config.errors import UserError
from cxr.config.params import Params
from cxr.config.record import hash_of_file, read_json
from cxr.datasets.label_table import LabelTable, read_label_table
from cxr.evaluation.fitted import read_fitted
from cxr.evaluation.mean_auroc import LEVEL
from cxr.evaluation.metrics import measure, write_metrics
from cxr.evaluation.origin import origin_of
from cxr.evaluation.predictions import Predictions, read_predictions, write_predictions
from cxr.evaluation.relabelled import Relabelled, compare_labels, labels_table, relabel
from cxr.evaluation.split_record import split_of


def evaluate_labels(folder: Path, params: Params, path: Path) -> Path:
    """Measure and compare, with the calibration and thresholds that the group has; return the folder of the results."""
    record, table = read_json(folder / "run.json"), read_label_table(path)
    whole = read_predictions(folder / PREDICTIONS)
    fitted, evaluation, seed = read_fitted(folder), params.evaluation, params.seed
    both = _relabel(whole, table)
    if params.findings.single and both.without:
        raise UserError(f"{path}: lacks {', '.join(both.without)}; an image has exactly one finding, so all are needed")
    folds = {}
    for fold in record.get("folds", []):
        folds[fold] = _relabel(read_predictions(folder / f"predictions-f{fold}.csv"), table).relabelled
    other = both.relabelled
    split = split_of(other, f"{record['split']['name']}, images of {path.name}")
    metrics = measure(other, split, evaluation, seed, folds, fitted)
    compared = compare_labels(both, evaluation.resamples, seed, LEVEL)
    target = folder / "relabelled" / path.stem
    (target / "metrics.json").unlink(missing_ok=True)  # written last: what is there belongs to the files beside it
    write_predictions(target / PREDICTIONS, other)
    write_text(target / "relabelled.csv", labels_table(compared))
    content = {"labels": hash_of_file(path), "without": both.without, "findings": compared}
    write_json(target / "relabelled.json", content | {"origin": origin_of(folder)})
    write_metrics(target / "metrics.json", metrics)
    _say(both, table, compared)
    return target


def _relabel(predictions: Predictions, table: LabelTable) -> Relabelled:
    try:
        return relabel(predictions, table.image_ids, table.findings, table.codes)
    except UserError as error:
        raise UserError(f"{table.path}: {error}") from error


def _say(both: Relabelled, table: LabelTable, compared: dict) -> None:
    images = len(both.relabelled.image_ids)
    print(f"evaluate: {images} predicted images have a label in {table.path.name}, which names {len(table.image_ids)}")
    if both.without:
        print(f"evaluate: not labelled there and left out: {', '.join(both.without)}")
    width = max(len(finding) for finding in compared)
    print(f"evaluate: {'test part':<{width}}  labels changed kappa  original relabelled  difference of AUROC")
    for finding, entry in compared.items():
        kappa, first, second = (_text(entry[key]) for key in ("kappa", "auroc_original", "auroc_relabelled"))
        difference = entry["difference"]
        bounds = f" ({difference['low']:+.3f} to {difference['high']:+.3f})" if difference["low"] is not None else ""
        told = "-" if difference["value"] is None else f"{difference['value']:+.3f}{bounds}"
        counts = f"{entry['labels']:>6} {entry['changed']:>7}"
        print(f"evaluate: {finding:<{width}}  {counts} {kappa:>5}  {first:>8} {second:>10}  {told}")


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
