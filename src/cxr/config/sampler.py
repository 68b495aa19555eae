"""`training.sampler` of PARAMS.json: in which order, and how often, an epoch shows the training images."""

from typing import Annotated, Literal

from pydantic import Field

from cxr.config.model import Model

EpochImages = Annotated[int, Field(ge=1, le=100_000_000)]
"""Their order lies in memory: more would be no epoch but a mistake."""


class Shuffled(Model):
    """Every image once, then every image again."""

    name: Literal["shuffled"]
    """`shuffled`: every image once in random order before any is shown again."""
    images_per_epoch: EpochImages | None = None
    """Images an epoch shows; all training images when not given. With fewer, the next epoch goes on where it ended."""


class ClassBalanced(Model):
    """A finding, then an image with it."""

    name: Literal["class_balanced"]
    """`class_balanced`: for each place in a batch a finding is drawn evenly, then one of its images, evenly."""
    no_finding_share: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Probability of a place to get, instead, an image with none of the findings that are trained on."""
    images_per_epoch: EpochImages | None = None
    """Images an epoch shows; as many as there are training images when not given."""


class RandomDraw(Model):
    """Any image."""

    name: Literal["random"]
    """`random`: every place in a batch gets any image, also one that was shown before."""
    images_per_epoch: EpochImages | None = None
    """As of `class_balanced`."""


Sampler = Annotated[Shuffled | ClassBalanced | RandomDraw, Field(discriminator="name")]
