"""`augment` of `training` and `segmentation` in PARAMS.json."""

from typing import Annotated

from pydantic import Field

from cxr.config.model import Fraction, Model


class Augment(Model):
    """Random changes of training images; 0 switches one off, and 1 `crop_scale`."""

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
    shear_degrees: Annotated[float, Field(ge=0, le=45)] = 0.0
    """Largest slant of upright lines to either side."""
    crop_scale: Annotated[float, Field(ge=0.01, le=1)] = 1.0
    """Random resized crop: the least part of the image's area that is shown, enlarged to the whole (1: all of it)."""
    crop_ratio: Annotated[float, Field(ge=1, le=4)] = 1.33
    """Of that crop: largest ratio of width to height, and of height to width."""
    grid_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Grid distortion: largest change of the widths and heights of a grid of 5 x 5 cells."""
    elastic_fraction: Annotated[float, Field(ge=0, le=0.2)] = 0.0
    """Elastic distortion: largest displacement, as a fraction of the size. Above `elastic_smoothness` it may fold the
    image."""
    elastic_smoothness: Annotated[float, Field(ge=0.02, le=1)] = 0.08
    """Of that distortion: standard deviation of the Gaussian that smooths it, as a fraction of the size."""
    optical_fraction: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Barrel and pincushion distortion: how far the middle of an edge moves at most, as a fraction of its distance from
    the centre."""
    blur_fraction: Annotated[float, Field(ge=0, le=0.1)] = 0.0
    """Largest standard deviation of a Gaussian blur, as a fraction of the size: 0.005 is 1.1 pixels of 224."""
    erase_probability: Fraction = 0.0
    """Random erasing: how often a rectangle of the image is filled with noise; masks stay as they are."""
    erase_fraction: Annotated[float, Field(gt=0, le=1)] = 0.2
    """Of that rectangle: largest part of the image's area."""
    mixup_alpha: Annotated[float, Field(ge=0, le=100)] = 0.0
    """MixUp: images of a batch, and their targets, are mixed in pairs by shares from Beta(this, this)."""
