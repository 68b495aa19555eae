"""The `training` block of PARAMS.json, shared by all members and overridable by each."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from cxr.config.augment import Augment
from cxr.config.loss import Loss
from cxr.config.model import Model, Positive
from cxr.config.optimizer import Adam, Cosine, Optimizer, Schedule
from cxr.config.sampler import Sampler, Shuffled
from cxr.config.sampling import Balance


class Training(Model):
    """How a classifier is trained."""

    epochs: Positive = 9
    """Passes over the training images."""
    batch: Positive = 16
    """Images per step; no more than there are to train on."""
    loss: Loss | None = None
    """What is minimised; when not given `bce`, with `"labels": "single"` `softmax`. Its keys belong to its `name`."""
    prior_bias: bool = True
    """Let the bias of the last layer begin at the answer that costs least before any image is seen (for `bce` the log
    odds of every finding's share), not at even odds."""
    optimizer: Optimizer = Adam()
    """Optimiser."""
    schedule: Schedule = Cosine()
    """Learning-rate schedule."""
    accumulate: Positive = 1
    """Steps whose gradients are averaged into one update of the weights: as one batch so many times as large, in the
    memory of one. What is left over at the end of an epoch makes an update of its own."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16", "onednn_bfloat16"] = "float32"
    """Of the computation while training, up to the feature map; weights, output and loss are float32, and so is the
    model that is validated and saved. The mixed ones need hardware that is fast in them; `onednn_bfloat16` is of
    TensorFlow on CPUs with AMX or AVX512-BF16 (on others it changes nothing)."""
    freeze_epochs: Annotated[int, Field(ge=0)] = 0
    """Epochs at the start in which only the layers behind the feature map learn; for pretrained weights."""
    early_stopping: Positive | None = None
    """End after so many epochs without a higher mean AUROC on validation; null: after `epochs`."""
    keep_epochs: bool = False
    """Keep the model of every epoch and its ROC figure, in `epochs/`, not only the best."""
    augment: Augment = Augment()
    """Augmentation."""
    balance: Balance = Balance()
    """Which images are trained on how often."""
    sampler: Sampler = Shuffled(name="shuffled")
    """In which order an epoch shows these images. Its keys belong to its `name`."""

    def overridden_by(self, other: "Training") -> "Training":
        """Return a copy in which every key that was written down for `other` replaces ours.

        An object that names another kind (another optimiser, say) replaces the whole object. Raises ValueError for a
        key without a name that our kind does not have.
        """
        return _laid_over(self, other, "training")


def _laid_over(base: BaseModel | None, other: BaseModel, path: str) -> BaseModel:
    if type(other) is not type(base):
        if base is None or "name" in other.model_fields_set:
            return other
        for key in other.model_fields_set - type(base).model_fields.keys():
            raise ValueError(
                f'{path}.{key}: is no key of "{base.name}", which `training` names; write the name with it'
            )
    changes = {}
    for key in other.model_fields_set:
        value, below = getattr(other, key), f"{path}.{key}"
        changes[key] = _laid_over(getattr(base, key), value, below) if isinstance(value, BaseModel) else value
    return base.model_copy(update=changes)
