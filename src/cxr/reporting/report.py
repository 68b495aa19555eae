"""The folder of a finished run in, report.html out: one file that needs no other; its figures are saved too."""

from pathlib import Path

import jinja2

from cxr.config.atomic import write_text
from cxr.reporting import wording
from cxr.reporting.embedding import figure_uri, save_figure
from cxr.reporting.figures import forest_figure, loss_figure, roc_figure
from cxr.reporting.heatmaps import PER_FINDING, embed_heatmaps, read_heatmaps
from cxr.reporting.run_files import RunFiles, read_run

SIZE_LIMIT = 5_000_000
TEXT_ALLOWANCE = 400_000  # bytes kept for tables and words; far more than they need


def write_report(run_dir: Path) -> Path:
    """Write `report.html` and `figures/*.png` of a run folder, and return the report's path.

    Reads run.json, metrics.json, predictions.csv, <member>/history.csv and gradcam/index.csv with its pictures; the
    last two may be missing, and the report then says so. The file stays below SIZE_LIMIT bytes by showing fewer
    heatmaps. Raises UserError for files that are missing, broken, or of different runs.
    """
    run = read_run(run_dir)
    heatmaps = read_heatmaps(run_dir / "gradcam", run.predictions)
    pictures = _draw_figures(run)
    allowance = SIZE_LIMIT - TEXT_ALLOWANCE - sum(map(len, pictures.values()))
    shown = embed_heatmaps(heatmaps or [], allowance)
    report = run_dir / "report.html"
    context = {
        "wording": wording,
        "run": run.record,
        "metrics": run.metrics,
        "headline": wording.headline(run.metrics),
        "histories": run.histories,
        "pictures": pictures,
        "heatmaps": None if heatmaps is None else shown,
        "heatmap_count": len(heatmaps or []),
        "heatmaps_shown": sum(map(len, shown.values())),
        "per_finding": PER_FINDING,
    }
    write_text(report, read_template("report.html.jinja").render(context))
    return report


def _draw_figures(run: RunFiles) -> dict[str, str]:
    """Save the figures and return name -> PNG data URI; "<name>-narrow" is the same figure for a telephone."""
    best = {member["name"]: member["best_epoch"] for member in run.record["members"]}
    figures = {
        "forest": forest_figure(run.metrics),
        "forest-narrow": forest_figure(run.metrics, with_numbers=False),
        "roc": roc_figure(run.predictions, run.metrics),
        "roc-narrow": roc_figure(run.predictions, run.metrics, columns=2),
    }
    if run.histories:
        figures["training"] = loss_figure(run.histories, best)
        figures["training-narrow"] = loss_figure(run.histories, best, columns=1)
    for name, figure in figures.items():
        if not name.endswith("-narrow"):
            save_figure(run.folder / "figures" / f"{name}.png", figure)
    return {name: figure_uri(figure) for name, figure in figures.items()}


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
