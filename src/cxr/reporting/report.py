"""The folder of a finished run in, report.html out: one file that needs no other; its figures are saved too."""

from pathlib import Path
from typing import Any

import jinja2

from cxr.config.atomic import write_text
from cxr.evaluation.metrics import findings_of
from cxr.reporting import wording
from cxr.reporting.curve_figures import BAND_RESAMPLES
from cxr.reporting.drawings import draw_figures
from cxr.reporting.elsewhere import read_elsewhere
from cxr.reporting.heatmaps import PER_FINDING, embed_heatmaps, read_heatmaps
from cxr.reporting.localization import embed_examples, few_text, read_localization, rules_text, same_place_text
from cxr.reporting.model_card import model_card
from cxr.reporting.page_numbers import (
    calibration_numbers,
    operating_numbers,
    shift_numbers,
    spread_numbers,
    subgroup_numbers,
)
from cxr.reporting.published import find_published
from cxr.reporting.results_table import write_tables
from cxr.reporting.run_files import RunFiles, read_run

SIZE_LIMIT = 5_000_000
TEXT_ALLOWANCE = 400_000  # bytes kept for tables and words; far more than they need


def write_report(run_dir: Path) -> Path:
    """Write `report.html`, `figures/*.png` and `tables/results.*` of a run folder, and return the report's path.

    Reads run.json, metrics.json, calibration.json, thresholds.json, predictions.csv, <member>/history.csv and
    gradcam/index.csv and localization/ with their pictures; the last three may be missing, and the report then says so.
    Results on other data, under other labels and of comparisons are shown where they are of this run. The file stays
    below SIZE_LIMIT bytes by showing fewer heatmaps. Raises UserError for files that are missing, broken, or of
    different runs.
    """
    run = read_run(run_dir)
    heatmaps = read_heatmaps(run_dir / "gradcam", run.predictions)
    localization = read_localization(run_dir, run.record["split"])
    elsewhere = read_elsewhere(run)
    pictures = draw_figures(run, elsewhere)
    write_tables(run_dir / "tables", run.metrics)
    allowance = SIZE_LIMIT - TEXT_ALLOWANCE - sum(map(len, pictures.values()))
    examples = embed_examples(localization, allowance // 3)
    shown = embed_heatmaps(heatmaps or [], allowance - sum(len(uri) for _, uri in examples))
    report = run_dir / "report.html"
    context = _context(run) | {
        "card": model_card(run.record, run.metrics, {one["name"]: one["metrics"] for one in elsewhere.external}),
        "pictures": pictures,
        "elsewhere": elsewhere,
        "heatmaps": None if heatmaps is None else shown,
        "heatmap_count": len(heatmaps or []),
        "heatmaps_shown": sum(map(len, shown.values())),
        "per_finding": PER_FINDING,
        "localization": localization,
        "example_pictures": examples,
        "rules_text": rules_text,
        "few_text": few_text,
        "same_place_text": same_place_text,
    }
    write_text(report, read_template("report.html.jinja").render(context))
    return report


def _context(run: RunFiles) -> dict[str, Any]:
    """Names and numbers of the sections in `sections/`."""
    record, metrics = run.record, run.metrics
    maps = [one for fit in run.fitted.calibration.fits.values() for one in fit.findings.values()]
    return {
        "wording": wording,
        "run": record,
        "metrics": metrics,
        "findings": list(findings_of(metrics)),
        "headline": wording.headline(metrics),
        "histories": run.histories,
        "band_resamples": min(BAND_RESAMPLES, metrics["intervals"]["resamples"]),
        "single": any(one.kind == "shared_temperature" for one in maps),
        "published": find_published(record, metrics),
        **calibration_numbers(metrics, run.fitted),
        **operating_numbers(metrics, run.fitted),
        **shift_numbers(metrics),
        **spread_numbers(metrics),
        **subgroup_numbers(metrics),
    }


def read_template(name: str) -> jinja2.Template:
    """Return a page's template; names that it is given are escaped, and a name it lacks is an error."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cxr.reporting", ""),
        autoescape=True,  # names of data sets, members and images come from outside
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
