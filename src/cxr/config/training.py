"""The `training` block of PARAMS.json, shared by all members and overridable by each."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from cxr.config.augment import Augment
from cxr.config.loss import Loss
from cxr.config.model import Model, Positive, kinds_of, models_in
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
    prior_bias: bool = False
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

        An object that names another kind (another optimiser, say) replaces the whole object.
        """
        return _laid_over(self, other)


KEYS_BY_NAME = ("loss", "sampler", "optimizer", "schedule")
"""Objects whose keys belong to their `name`: laid over by one of another name, they are replaced."""


def with_names(own: Any, shared: Any) -> Any:
    """Return a member's `training` as written, its objects without a `name` having that of the one they are laid over.

    So their keys are those of that kind. Under a shared name that does not exist, an error of its own, they are left
    out.
    """
    if not isinstance(own, dict):
        return own
    named = dict(own)
    for key in KEYS_BY_NAME:
        if isinstance(own.get(key), dict) and "name" not in own[key]:
            name = _shared_name(shared, key)
            if name in _names_of(key):
                named[key] = {"name": name, **own[key]}
            elif name is not None:
                del named[key]
    return named


def _shared_name(shared: Any, key: str) -> Any:
    """The name that `training` says or has by default; None where it has none."""
    written = shared.get(key) if isinstance(shared, dict) else None
    default = getattr(Training.model_fields[key].default, "name", None)
    return written.get("name", default) if isinstance(written, dict) else default


def _names_of(key: str) -> list[str]:
    return [name for kind in models_in([Training.model_fields[key].annotation]) for name in kinds_of(kind)]


def _laid_over(base: BaseModel | None, other: BaseModel) -> BaseModel:
    if type(other) is not type(base):
        return other
    changes = {}
    for key in other.model_fields_set:
        value = getattr(other, key)
        changes[key] = _laid_over(getattr(base, key), value) if isinstance(value, BaseModel) else value
    return base.model_copy(update=changes)
