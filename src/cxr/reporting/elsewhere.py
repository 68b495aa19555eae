"""A finished run in; what evaluate --on, evaluate --labels, compare and ablate crop wrote about it out.

Only what is of this very run, told by hashes; what is of another is named, never shown.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cxr.config.errors import UserError
from cxr.config.record import hash_of_file, read_json
from cxr.evaluation.metrics import read_metrics
from cxr.evaluation.origin import origin_of
from cxr.evaluation.two_samples import both_columns
from cxr.reporting.run_files import RunFiles

ABLATIONS = {
    "val": "Crops, validation",
    "test": "Crops, test",
    "lungs/val": "Lungs hidden, validation",
    "lungs/test": "Lungs hidden, test",
}


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """Every list in the order of its names."""

    external: list[dict[str, Any]] = field(default_factory=list)
    """name, metrics (of the other data), rows (finding -> number -> row of `both_columns`), not_labelled, left_out."""
    relabelled: list[dict[str, Any]] = field(default_factory=list)
    """name, content (relabelled.json), metrics (under the other labels)."""
    comparisons: list[dict[str, Any]] = field(default_factory=list)
    """name, content (compare.json)."""
    ablations: list[dict[str, Any]] = field(default_factory=list)
    """The same, of ABLATIONS."""
    outdated: list[str] = field(default_factory=list)
    """Folders of results that are of another run, or cannot be read."""


def read_elsewhere(run: RunFiles) -> Elsewhere:
    """Look beside and below the run's folder."""
    folder, found = run.folder, Elsewhere()
    origin = origin_of(folder)
    _read_each(
        sorted(folder.glob("external/*/metrics.json")), found.external, found, lambda p: _external(p, run, origin)
    )
    _read_each(
        sorted(folder.glob("relabelled/*/relabelled.json")), found.relabelled, found, lambda p: _relabelled(p, origin)
    )
    beside = folder.parent
    for path in sorted(beside.glob("comparisons/*/compare.json")):
        _read_each([path], found.comparisons, found, lambda p: _comparison(p, folder, p.parent.name))
    for part, title in ABLATIONS.items():
        path = beside / "ablations" / "crop" / folder.name / f"{part}.json"
        _read_each(
            [path] if path.is_file() else [], found.ablations, found, lambda p, t=title: _comparison(p, folder, t)
        )
    return found


class _Outdated(Exception):
    """The results are of another run."""


def _read_each(
    paths: list[Path], kept: list[dict[str, Any]], found: Elsewhere, read: Callable[[Path], dict[str, Any] | None]
) -> None:
    for path in paths:
        try:
            one = read(path)
        except (_Outdated, UserError, KeyError, TypeError):  # also of an earlier form of the file
            found.outdated.append("/".join(path.parts[-3:]))
            continue
        if one is not None:
            kept.append(one)


def _external(path: Path, run: RunFiles, origin: Mapping[str, str]) -> dict[str, Any]:
    metrics = read_metrics(path)
    record = read_json(path.with_name("run.json"))
    if metrics["origin"] != origin or record["predictions_hash"] != hash_of_file(path.with_name("predictions.csv")):
        raise _Outdated
    rows: dict[str, dict[str, Any]] = {}
    for row in both_columns(run.metrics, metrics):
        rows.setdefault(row["finding"], {})[row["number"]] = {
            which: {key: row[f"{which}_{key}"] for key in ("value", "low", "high")} for which in ("own", "external")
        }
    kept = {key: record[key] for key in ("not_labelled", "left_out")}
    return {"name": path.parent.name, "metrics": metrics, "rows": rows} | kept


def _relabelled(path: Path, origin: Mapping[str, str]) -> dict[str, Any]:
    content, metrics = read_json(path), read_metrics(path.with_name("metrics.json"))
    if content["origin"] != origin:
        raise _Outdated
    return {"name": path.parent.name, "content": content, "metrics": metrics}


def _comparison(path: Path, folder: Path, name: str) -> dict[str, Any] | None:
    """None for a comparison without this run."""
    content, mine = read_json(path), (folder / "predictions.csv").resolve()
    if "files" not in content:
        if folder.name in content["runs"] or "ablations" in path.parts:
            raise _Outdated  # of an earlier form, which cannot tell
        return None
    files = {(path.parent / one["path"]).resolve(): one["hash"] for one in content["files"].values()}
    if mine not in files:
        return None
    if any(file.is_file() and hash_of_file(file) != digest for file, digest in files.items()):
        raise _Outdated
    return {"name": name, "content": content}


def compared(found: Elsewhere) -> Iterator[tuple[str, dict[str, Any]]]:
    """Key of its figure, and content, of every comparison that is shown."""
    for kind, entries in (("comparison", found.comparisons), ("ablation", found.ablations)):
        for place, one in enumerate(entries):
            yield f"{kind}-{place}", one["content"]
