"""Numbers of run.json and metrics.json in, the words that a reader sees out."""

from collections.abc import Mapping
from typing import Any

FEW = 10
SCRIPTED_GROUPS = ("Ensemble", "Efficientnet")


def finding_text(finding: str) -> str:
    """A finding's name without the underscore that NIH's label file needs."""
    return finding.replace("_", " ")


def value_text(value: float | None) -> str:
    """A number to three decimals; a dash where there is none."""
    return "–" if value is None else _minus(f"{value:.3f}")


def share_text(value: float | None) -> str:
    """A share to two decimals; a dash where there is none."""
    return "–" if value is None else f"{value:.2f}"


def interval_text(entry: Mapping[str, Any]) -> str:
    """Low and high of an entry of metrics.json, to three decimals; empty where there is no interval."""
    if entry["low"] is None:
        return ""
    return _minus(f"{entry['low']:.3f}{' to ' if entry['low'] < 0 else '–'}{entry['high']:.3f}")


def with_interval(entry: Mapping[str, Any]) -> str:
    """Value and interval in one: `0.812 (0.790–0.831)`."""
    interval = interval_text(entry)
    return f"{value_text(entry['value'])} ({interval})" if interval else value_text(entry["value"])


def result_text(entry: Mapping[str, Any]) -> str:
    """Value and interval, or the reason why there is none."""
    return with_interval(entry) if entry["value"] is not None else entry["reason"]


def signed_text(entry: Mapping[str, Any]) -> str:
    """A difference with its sign, `+0.021` or `−0.004`; a dash where there is none."""
    return "–" if entry["value"] is None else _minus(f"{entry['value']:+.3f}")


def signed_interval(entry: Mapping[str, Any]) -> str:
    """Low to high of a difference, `−0.010 to +0.031`; empty where there is no interval."""
    return "" if entry["low"] is None else _minus(f"{entry['low']:+.3f} to {entry['high']:+.3f}")


def percent_text(share: float | None) -> str:
    """`4.2 %`, the space unbreakable; a dash where there is none."""
    return "–" if share is None else f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def threshold_text(threshold: float | None) -> str:
    """A threshold to three decimals, small ones to two digits; a dash where there is none or, with folds, several."""
    if threshold is None:
        return "–"
    return f"{threshold:.3f}" if threshold >= 0.01 or threshold == 0 else f"{threshold:.2g}"


def method_text(fitted: Mapping[str, Any]) -> str:
    """How probabilities were calibrated, from "fitted" of metrics.json."""
    return {
        "platt": "Platt’s method, a line on the logit per finding",
        "temperature": "temperature scaling",
        "isotonic": "isotonic regression, a rising staircase per finding",
        "none": "none, calibrated are raw probabilities",
    }[fitted["calibration"]]


def rule_text(fitted: Mapping[str, Any]) -> str:
    """How thresholds were chosen, from "fitted" of metrics.json."""
    rule = fitted["operating_point"]
    return {
        "youden": "the largest sensitivity + specificity (Youden)",
        "max_f1": "the largest F1",
        "sensitivity": f"a sensitivity of at least {rule['value']}",
        "specificity": f"a specificity of at least {rule['value']}",
        "prevalence": "as many predicted positives as there are positives",
    }[rule["name"]]


def spread_text(spread: Mapping[str, Any]) -> str:
    """Mean and standard deviation over seeds: `0.812, SD 0.004`."""
    return value_text(spread["mean"]) + ("" if spread["sd"] is None else f", SD {spread['sd']:.3f}")


def epoch_text(member: Mapping[str, Any]) -> str:
    """Which epoch of how many was kept: `3 of 5`; a dash for a model from elsewhere."""
    return f"{member['best_epoch']} of {member['epochs']}" if member["epochs"] else "–"


def level_text(metrics: Mapping[str, Any]) -> str:
    """The level of the intervals: `95 %`, the space unbreakable."""
    return f"{100 * metrics['intervals']['level']:g}\N{NO-BREAK SPACE}%"


def headline(metrics: Mapping[str, Any]) -> tuple[str, str]:
    """The headline's number, and the rest of its sentence: interval, findings, split, sample, resamples."""
    mean, count = metrics["auroc"]["mean"], len(metrics["auroc"]) - 1
    resamples = metrics["intervals"]["resamples"]
    if mean["value"] is None:
        return "Mean AUROC not available", f"{mean['reason']}; {scope(metrics)}."
    interval = f"{level_text(metrics)} interval {interval_text(mean)}" if mean["low"] is not None else mean["reason"]
    over = f"{count} findings" if mean["findings"] == count else f"{mean['findings']} of {count} findings"
    if count == 1:
        over = "1 finding"
    return (
        f"Mean AUROC {value_text(mean['value'])}",
        f"({interval}) over {over}, {scope(metrics)}, {resamples:,} resamples of patients.",
    )


def scope(metrics: Mapping[str, Any]) -> str:
    """Which part of which split was measured, and how much it is."""
    split = metrics["split"]
    sample = f"{counted(metrics['images'], 'image')}, {counted(metrics['patients'], 'patient')}"
    if metrics.get("folds"):
        return f"every image by the models that did not train on its fold, split ‘{split['name']}’ ({sample})"
    return f"{split['part']} part of split ‘{split['name']}’ ({sample})"


def members_text(record: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """How many networks the group has: `3 members`, `3 members on each of 5 folds`."""
    folds = metrics.get("folds")
    if not folds:
        return counted(len(record["members"]), "member")
    return f"{counted(len(record['members']) // len(folds), 'member')} on each of {len(folds)} folds"


def views_text(record: Mapping[str, Any]) -> str:
    """What members that average several views of an image see: `flip`, `flip or ten_crop`; "" where none does."""
    named = {one["views"] for one in record.get("members_predictions", {}).values()} - {"one"}
    return " or ".join(sorted(named))


def counted(count: int, noun: str) -> str:
    """`1 image`, `25,596 images`, `3 studies`."""
    if count == 1:
        return f"{count:,} {noun}"
    return f"{count:,} {noun[:-1]}ies" if noun.endswith("dy") else f"{count:,} {noun}s"


def sample_text(comparison: Mapping[str, Any]) -> str:
    """Which part of which split a comparison is of, from compare.json: `Test part of split ‘official’`."""
    split = f"split ‘{comparison['split']}’" if comparison["split"] else "a split that no run names"
    return f"{comparison['part'].capitalize()} part of {split}"


def p_text(p: float | None) -> str:
    """A p to three decimals; a dash where there is none."""
    return "–" if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def marks(entry: Mapping[str, Any]) -> list[str]:
    """What makes a finding's number weak: too few positives or negatives, or why it or its interval is missing."""
    found = [entry["reason"]] if "reason" in entry else []
    return found + [f"few {kind}" for kind in ("positives", "negatives") if 0 < entry[kind] < FEW]


def duration_text(seconds: float | None) -> str:
    """`45 s`, `12 min`, `3.5 h`."""
    if seconds is None:
        return "–"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def heatmap_command(record: Mapping[str, Any]) -> str:
    """The command that makes this group's heatmaps."""
    group = record["group"]
    command = f"sh visualization_{group}.sh" if group in SCRIPTED_GROUPS else f"./cxr visualize {group}"
    return f"{command} --smoke" if record["smoke"] else command


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")
