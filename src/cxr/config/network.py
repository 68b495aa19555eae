"""What is known of a network before it is built: its file, what its ImageNet weights expect, its smallest image."""

from typing import NamedTuple


class Network(NamedTuple):
    """One line of the registry of networks."""

    module: str
    """File of `classification/networks/` that builds it, by a function of the name of the network or of the file."""
    imagenet: str | None = None
    """Normalisation of the images its ImageNet weights were trained on; None where it has no such weights, or they know
    none of ours."""
    least_px: int = 16
    """Height and width of the smallest image it takes."""
    own_normalization: bool = False
    """Whether its graph normalises for its ImageNet weights by itself, and so knows no other normalisation."""

    def refusal(
        self, name: str, image_px: int, weights: str | None, normalization: str, anyway: bool = False
    ) -> str | None:
        """Return one sentence that says why a member cannot be built so, or None.

        anyway: whether ImageNet weights may meet a normalisation that they were not trained with.
        """
        if image_px < self.least_px:
            return f"image_px {image_px} is too small for {name}; it takes images of at least {self.least_px} px"
        if weights != "imagenet":
            return None
        if self.imagenet is None:
            return f'network {name} has no ImageNet weights; use "weights": null'
        if self.own_normalization and anyway:
            return (
                f'{name} with ImageNet weights normalises by itself: leave "any_normalization" out, and use '
                f'"normalization": "{self.imagenet}"'
            )
        if normalization == self.imagenet:
            return None
        if self.own_normalization:
            return f'{name} with ImageNet weights needs "normalization": "{self.imagenet}", not "{normalization}"'
        if anyway:
            return None
        return (
            f'{name} with ImageNet weights needs "normalization": "{self.imagenet}", not "{normalization}"; to compare '
            'normalisations all the same, add "any_normalization": true'
        )
