"""The metrics of a lung network in, lines that say how well it agrees with held-out masks out."""

from typing import Any


def print_agreement(step: str, metrics: dict[str, Any]) -> None:
    """Say for all pairs and for each source how well found masks agree with the true ones."""
    from cxr.segmentation.agreement import agreement_line
    from cxr.segmentation.usable import quality_line

    for note in metrics["notes"]:
        print(f"{step}: {note}")
    sources = metrics["sources"]
    for name, summary in sources.items():
        if name != "all" or len(sources) > 2:  # of one source only, all is that source
            print(f"{step}: {name}: {summary['images']} {metrics['part']}: {agreement_line(summary)}")
    print(f"{step}: {quality_line(metrics['quality'])}")
