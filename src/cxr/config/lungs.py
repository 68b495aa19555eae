"""Lungs: the `lung_masks` of SETTINGS.json (what there is to learn from), the `segmentation` of PARAMS.json (how)."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from cxr.config.augment import Augment
from cxr.config.datasets import PathString
from cxr.config.model import Model, Name, Pixels, Positive, Seed


class LungPhantoms(Model):
    """Image and lung-mask pairs of synthetic patients."""

    format: Literal["phantom"]
    """`phantom`: pairs of synthetic patients who are in no phantom data set."""
    name: Name = "phantom"
    """Name in tables, figures and metrics."""
    patients: Positive = 120
    """Number of synthetic patients."""
    seed: Seed = 8
    """Must differ from the seed of every phantom data set, so that no patient serves twice."""
    image_px: Annotated[int, Field(ge=64, le=1024)] = 320
    """Height and width of the images, in pixels."""
    train_only: bool = False
    """Learn from these pairs, but choose no epoch by them and measure nothing on them."""


class LungPairs(Model):
    """Image and lung-mask pairs in two folders, paired by file stem (`x.jpg` with `x.png` or `x_mask.png`)."""

    format: Literal["pairs"] = "pairs"
    """`pairs`: two folders of files."""
    name: Name = "pairs"
    """Name in tables, figures and metrics; where several hospitals share two folders, name each with its `stems`."""
    images: PathString
    """Folder of X-rays: PNG, JPEG or DICOM."""
    masks: PathString
    """Folder of masks: 0 outside, anything else inside the lungs; of JPEGs, at least half of the brightest."""
    stems: str = "*"
    """Only files whose name without ending fits this pattern, such as `MCUCXR_*`."""
    patient_pattern: str | None = None
    """Regular expression whose first group is the patient id in a file stem; when not given each image is a patient."""
    limit: Positive | None = None
    """Use only so many pairs, evenly spread over the sorted names; all when not given."""
    train_only: bool = False
    """Learn from these pairs, but choose no epoch by them and measure nothing on them."""


def _lung_format(value: object) -> str:
    found = value.get("format", "pairs") if isinstance(value, dict) else getattr(value, "format", "pairs")
    return str(found)


LungSet = Annotated[
    Annotated[LungPhantoms, Tag("phantom")] | Annotated[LungPairs, Tag("pairs")], Discriminator(_lung_format)
]


class PairSplit(Model):
    """Which pairs are learnt from, which choose the epoch, which are measured on; always by whole patients."""

    scheme: Literal["patients", "kfold", "sources"] = "patients"
    """`patients`: one network, measured on the `test` share. `kfold`: each of `folds` parts of every source is measured
    on by a network that learnt from the others. `sources`: each of `lung_masks` is measured on by a network that learnt
    from the others (leave one source out). The last two learn the network that is kept from all pairs."""
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    """Number of folds of `kfold`."""
    val: Annotated[float, Field(gt=0, lt=1)] = 0.15
    """Share of pairs that choose the best epoch; of `kfold` and `sources`, of those not measured on."""
    test: Annotated[float, Field(gt=0, lt=1)] = 0.15
    """Share of pairs that `patients` measures on."""

    @model_validator(mode="after")
    def _leaves_some(self) -> "PairSplit":
        if self.val + self.test >= 1:
            raise ValueError(f"val {self.val} + test {self.test} leave no pairs to train on; their sum must be below 1")
        return self


class Cleaning(Model):
    """What is done to a mask after its two largest parts were kept and their holes filled."""

    erode: Annotated[int, Field(ge=0, le=10)] = 0
    """How many times it is eroded by a square of 15 pixels on a grid of 512; drops thin bridges."""
    dilate: Annotated[int, Field(ge=0, le=10)] = 0
    """How many times it is dilated by the same square; more than `erode` takes in a rim."""


class LungAugment(Augment):
    """Random changes of training images; 0 switches one off. Wider than for classifiers: lungs stay lungs."""

    rotate_degrees: Annotated[float, Field(ge=0, le=180)] = 10.0
    """Largest rotation to either side."""
    zoom_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.15
    """Largest change of scale."""
    contrast_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """Largest change of contrast around the image's mean."""
    brightness_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.15
    """Largest change of brightness, as a fraction of the grey range."""


class Segmentation(Model):
    """The lung network."""

    weights: str = "shipped"
    """`shipped`: those that come with this package (models/lungs/shipped). `train`: learn from SETTINGS.json's
    `lung_masks`. Else the path of a finished `unet.keras`, from the folder the command runs in."""
    network: Literal["unet", "efficientnet_lite0", "resnet18", "resnet34", "efficientnetb0"] = "unet"
    """`unet`: plain (Ronneberger et al. 2015). Others: U-Nets with that encoder; `resnet18`, `resnet34` and
    `efficientnetb0` are those of `segmentation_models`."""
    encoder_weights: Literal["imagenet"] | None = None
    """Of encoders: `imagenet` (of `efficientnet_lite0` installed with this package, of others fetched from the
    internet); random when not given."""
    seed: Seed = 1
    """Of its weights, batches and split of pairs; apart from `seed`, so that runs of other seeds share the crops."""
    image_px: Pixels = 128
    """Input height and width; a multiple of 2**`depth` (twice that with `first_stride` 2), of 16 for
    `efficientnet_lite0`, of 32 for other encoders."""
    width: Positive = 16
    """`unet` and `efficientnet_lite0`: filters of the first level, doubled at each level below."""
    width_max: Positive | None = None
    """`unet` and `efficientnet_lite0`: filters at most; no limit when not given."""
    depth: Annotated[int, Field(ge=1, le=6)] = 4
    """`unet`: number of down-samplings."""
    first_stride: Literal[1, 2] = 1
    """`unet`: 2 halves the image before the first level and enlarges the mask after the last: a quarter of the work."""
    epochs: Positive = 10
    """Passes over the training pairs."""
    batch: Positive = 16
    """Pairs per training step."""
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3
    """Peak learning rate of Adam, falling to 0 along a cosine."""
    loss: Literal["bce_dice", "bce", "dice"] = "bce_dice"
    """Binary cross-entropy, soft Dice (Milletari et al. 2016), or their sum."""
    split: PairSplit = PairSplit()
    """Which pairs are learnt from and which are measured on."""
    dilate_target: Annotated[int, Field(ge=0, le=10)] = 0
    """How many times the masks are dilated, before they are learnt, by a square of 15 of their pixels; 2 takes in the
    borders of heart and hila."""
    negative_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of training images that are shown upside down, on their side or inverted, with an empty mask, or are no
    chest X-rays: so that the network finds no lungs in them."""
    augment: LungAugment = LungAugment()
    """Random changes of training images."""
    cleaning: Cleaning = Cleaning()
    """Erosion and dilation of the found mask."""

    @model_validator(mode="after")
    def _fits(self) -> "Segmentation":
        if self.network != "unet":
            least = 16 if self.network == "efficientnet_lite0" else 32
            if self.image_px % least:
                raise ValueError(
                    f"image_px {self.image_px} is not a multiple of {least}, as network {self.network!r} needs"
                )
        elif self.image_px % (2**self.depth * self.first_stride):
            raise ValueError(
                f"image_px {self.image_px} is not a multiple of {2**self.depth * self.first_stride} "
                "(2**depth, times first_stride)"
            )
        return self
