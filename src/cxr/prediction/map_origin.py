"""A group's heatmap parameters and localisation in, how its bundle makes boxes and how its maps differ out.

A bundle's graphs give probabilities and the closed form of Grad-CAM in one pass. What other methods need, gradients and
many passes, no exported graph holds.
"""

from pathlib import Path

from cxr.config.heatmaps import Heatmaps
from cxr.config.localization import MapCut
from cxr.visualization.localization.record import rule_for_new_images

HELD = {"method": "grad_cam", "group": "mean", "target": "findings", "threshold": 0.0, "scale_by_probability": False}
"""Those of `heatmaps` that change a map, as a bundle has them."""


def other_maps(heatmaps: Heatmaps) -> str | None:
    """Say which parameters a bundle does not follow; None where its maps are those of the group."""
    asked = heatmaps.model_dump(include=set(HELD))
    other = [f"heatmaps.{key} {asked[key]!r}" for key in HELD if asked[key] != HELD[key]]
    if not other:
        return None
    return (
        "Heatmaps of this bundle are Grad-CAM of each finding, the mean of all members, uncut: that is what exported "
        f"graphs give. Those of the group were made with {', '.join(other)}, so they differ."
    )


def choose_cut(heatmaps: Heatmaps, group: Path, inputs: str) -> tuple[MapCut, str]:
    """Return how boxes are made, and a sentence on where the parameters come from.

    Those that `./cxr localize` fitted, where it did to maps like the bundle's, else those of PARAMS.json. group: its
    folder; inputs: `localization_inputs` of it.
    """
    given = MapCut(**heatmaps.boxes.model_dump(include=set(MapCut.model_fields)))
    if other_maps(heatmaps):
        rule, said = None, "what ./cxr localize fits is of other heatmaps than a bundle's"
    else:
        rule, said = rule_for_new_images(group, inputs)
    if rule is None:
        return given, f"heatmaps.boxes of PARAMS.json ({said})"
    fitted = given.model_copy(update={"threshold": rule.threshold, "min_area": rule.min_area, "merge": rule.merge})
    return fitted, f"fitted by ./cxr localize to {said}"
