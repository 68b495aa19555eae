"""`training.loss` of PARAMS.json: what training minimises. Every loss has the keys it needs, and no others."""

from typing import Annotated, Literal

from pydantic import Field

from cxr.config.labels import Findings
from cxr.config.model import Model
from cxr.config.nearest import choices_sentence

Smoothing = Annotated[float, Field(ge=0, lt=1)]
Exponent = Annotated[float, Field(ge=0, le=10)]


class Bce(Model):
    """Binary cross-entropy."""

    name: Literal["bce"]
    """`bce`: binary cross-entropy of every known label."""
    label_smoothing: Smoothing = 0.0
    """Known labels 1 and 0 become 1 - this / 2 and this / 2."""


class ClassWeights(Model):
    """Binary cross-entropy with weights by hand."""

    name: Literal["class_weights"]
    """`class_weights`: `bce` in which the presence of a finding weighs what you say."""
    weights: dict[str, Annotated[float, Field(gt=0, le=10_000)]] = Field(min_length=1)
    """Finding -> weight of its presence, e.g. `{"Hernia": 10}`; 1 for findings not named, and for their absence."""
    label_smoothing: Smoothing = 0.0
    """As of `bce`."""


class WeightedBce(Model):
    """Binary cross-entropy with weights from the frequency of each finding."""

    name: Literal["weighted_bce"]
    """`weighted_bce`: `bce` with weights counted from the known labels of the training images."""
    weighting: Literal["frequency", "neg_pos"] = "frequency"
    """`frequency`: presence weighs the share of images without the finding, absence the share with it (CheXNet).
    `neg_pos`: presence weighs images without / images with it, absence 1."""
    label_smoothing: Smoothing = 0.0
    """As of `bce`."""


class Focal(Model):
    """Focal loss."""

    name: Literal["focal"]
    """`focal` (Lin et al. 2017): labels that are answered well already count less."""
    gamma: Exponent = 2.0
    """How much less; 0 is not at all, which with `"alpha": null` is `bce`."""
    alpha: Annotated[float, Field(gt=0, lt=1)] | None = 0.25
    """Weight of presence; absence weighs 1 - this. Null: both weigh 1."""
    label_smoothing: Smoothing = 0.0
    """As of `bce`."""


class Asymmetric(Model):
    """Asymmetric loss."""

    name: Literal["asymmetric"]
    """`asymmetric` (Ben-Baruch et al. 2021): as `focal`, apart for presence and absence, and easy absences dropped."""
    gamma_neg: Exponent = 4.0
    """Exponent of absent findings."""
    gamma_pos: Exponent = 0.0
    """Exponent of present findings."""
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Absent findings whose probability is below this cost nothing."""
    label_smoothing: Smoothing = 0.0
    """As of `bce`."""


class WmwAuc(Model):
    """A stand-in for the AUC."""

    name: Literal["wmw_auc"]
    """`wmw_auc` (Yan et al. 2003): for each finding, pairs of an image with and one without it in the same batch should
    lie apart in the right order. The probabilities are an order and no more."""
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.2
    """How far apart their probabilities should lie; the paper's range is 0.1 to 0.7."""
    p: Annotated[float, Field(gt=1, le=10)] = 3.0
    """Exponent of what is missing; the paper's values are 2 and 3."""


class Softmax(Model):
    """Categorical cross-entropy."""

    name: Literal["softmax"]
    """`softmax`: categorical cross-entropy, the loss of `"labels": "single"` and only there."""
    label_smoothing: Smoothing = 0.0
    """Labels 1 and 0 of K findings become 1 - this + this / K and this / K."""


Loss = Annotated[
    Bce | ClassWeights | WeightedBce | Focal | Asymmetric | WmwAuc | Softmax,
    Field(discriminator="name"),
]


def loss_for(loss: Loss | None, findings: Findings) -> Loss:
    """Return the loss, or the default one where none was chosen; ValueError where it does not fit the findings."""
    if loss is None:
        return Softmax(name="softmax") if findings.single else Bce(name="bce")
    if findings.single and loss.name != "softmax":
        raise ValueError(
            f'name "{loss.name}" asks of every finding by itself, but with findings.labels "single" an image has '
            'exactly one of them: use "softmax", or leave training.loss out'
        )
    if not findings.single and loss.name == "softmax":
        raise ValueError(
            'name "softmax" needs exactly one finding per image: use another loss, or set findings.labels to "single"'
        )
    for name in loss.weights if isinstance(loss, ClassWeights) else ():
        if name not in findings.names:
            raise ValueError(f"weights: {choices_sentence('finding', name, findings.names)}")
    return loss
