"""The `training` block of PARAMS.json, shared by all members and overridable by each."""

from pydantic import BaseModel

from cxr.config.augment import Augment
from cxr.config.loss import Loss
from cxr.config.model import Model, Positive
from cxr.config.optimizer import Optimizer, Schedule
from cxr.config.sampler import Sampler, Shuffled
from cxr.config.sampling import Balance


class Training(Model):
    """How a classifier is trained."""

    epochs: Positive = 9
    """Passes over the training images."""
    batch: Positive = 16
    """Images per step."""
    loss: Loss | None = None
    """What is minimised; when not given `bce`, with `"labels": "single"` `softmax`. Its keys belong to its `name`."""
    optimizer: Optimizer = Optimizer()
    """Optimiser."""
    schedule: Schedule = Schedule()
    """Learning-rate schedule."""
    augment: Augment = Augment()
    """Augmentation."""
    balance: Balance = Balance()
    """Which images are trained on how often."""
    sampler: Sampler = Shuffled(name="shuffled")
    """In which order an epoch shows these images. Its keys belong to its `name`."""

    def overridden_by(self, other: "Training") -> "Training":
        """Return a copy in which every key that was written down for `other` replaces ours."""
        return _laid_over(self, other)


def _laid_over(base: BaseModel, other: BaseModel) -> BaseModel:
    changes = {}
    for key in other.model_fields_set:
        value = getattr(other, key)
        ours = getattr(base, key)
        same = isinstance(value, BaseModel) and type(value) is type(ours)  # else another kind: its own keys only
        changes[key] = _laid_over(ours, value) if same else value
    return base.model_copy(update=changes)
