"""`augment` of `training` and `segmentation` in PARAMS.json."""

from typing import Annotated

from pydantic import Field

from cxr.config.model import Fraction, Model


class Augment(Model):
    """Random changes of training images; 0 switches one off."""

    rotate_degrees: Annotated[float, Field(ge=0, le=180)] = 8.0
    """Largest rotation to either side."""
    shift_fraction: Fraction = 0.05
    """Largest shift, as a fraction of the size."""
    zoom_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Largest change of scale."""
    contrast_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Largest change of contrast around the image's mean."""
    brightness_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Largest change of brightness, as a fraction of the grey range."""
    flip_probability: Fraction = 0.0
    """Left-right flips; off because side and heart position carry meaning."""
    stretch_fraction: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Largest change of width against height: by a factor between 1 / (1 + this) and 1 + this."""
    gamma_fraction: Annotated[float, Field(ge=0, le=4)] = 0.0
    """Largest change of the display's curve: the exponent lies between 1 / (1 + this) and 1 + this."""
    noise_sd: Annotated[float, Field(ge=0, le=128)] = 0.0
    """Largest standard deviation of added grain, in grey levels of 0 to 255."""
    border_fraction: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """Every second image gets black borders, each up to this fraction of the size wide, as collimators leave them."""
