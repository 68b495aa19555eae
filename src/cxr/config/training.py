"""The `training` block of PARAMS.json, shared by all members and overridable by each."""

from pydantic import BaseModel

from cxr.config.augment import Augment
from cxr.config.model import Model, Positive
from cxr.config.optimizer import Optimizer, Schedule
from cxr.config.sampling import Balance


class Training(Model):
    """How a classifier is trained."""

    epochs: Positive = 9
    """Passes over the training images."""
    batch: Positive = 16
    """Images per step."""
    optimizer: Optimizer = Optimizer()
    """Optimiser."""
    schedule: Schedule = Schedule()
    """Learning-rate schedule."""
    augment: Augment = Augment()
    """Augmentation."""
    balance: Balance = Balance()
    """Which images are trained on how often."""

    def overridden_by(self, other: "Training") -> "Training":
        """Return a copy in which every key that was written down for `other` replaces ours."""
        return _laid_over(self, other)


def _laid_over(base: BaseModel, other: BaseModel) -> BaseModel:
    changes = {}
    for key in other.model_fields_set:
        value = getattr(other, key)
        changes[key] = _laid_over(getattr(base, key), value) if isinstance(value, BaseModel) else value
    return base.model_copy(update=changes)
