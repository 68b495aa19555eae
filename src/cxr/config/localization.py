"""The `heatmaps.boxes` block of PARAMS.json: how boxes are made from heatmaps, and where their parameters come from."""

from typing import Annotated, Literal

from pydantic import Field

from cxr.config.model import Fraction, Model

BoxesFit = Literal["auto", "given", "validation", "cross"]


class MapCut(Model):
    """How a heatmap becomes boxes."""

    threshold: Annotated[float, Field(gt=0, le=1)] = 0.5
    """What is at least this share of the map's maximum is hot; each piece of it that hangs together becomes a box."""
    min_area: Fraction = 0.0
    """Pieces smaller than this share of the crop make no box; the one with the hottest place always does."""
    merge: Fraction = 0.1
    """Boxes no further apart than this share of the crop's width become one; at 0 only those that overlap or touch."""
    score: Literal["mean", "max"] = "mean"
    """Score of a box: mean or highest heat of the hot places in it."""


class MapBoxes(MapCut):
    """How a heatmap becomes boxes, of which findings, and where the numbers come from."""

    of: Literal["positive", "all"] = "positive"
    """Which boxes are written: of findings at or above their threshold in `thresholds.json` (all where there is no
    threshold), or of every finding in every test image. Scored are always all that have a true box."""
    fit: BoxesFit = "auto"
    """Where `threshold`, `min_area` and `merge` come from when there are true boxes: `given`, from here; `validation`,
    fitted to the boxes of the validation part; `cross`, fitted to the test part's boxes of the other half of the
    patients; `auto`: `given` on phantoms, on which these defaults were fitted, `cross` on other data."""
