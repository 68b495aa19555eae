"""A member's parameters and a store in, what it is trained on out: which images, in which order, with which loss."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from cxr.classification.crops import training_reader
from cxr.classification.losses.first_answer import first_logits
from cxr.classification.losses.registry import make_loss
from cxr.classification.sampling import epoch_rows
from cxr.classification.targets import training_targets
from cxr.config.errors import UserError
from cxr.config.labels import Findings
from cxr.config.loss import loss_for
from cxr.config.member import Member
from cxr.config.training import Training
from cxr.preparation.store import Store
from cxr.training.batches import Batches, ReadBatch
from cxr.training.sampler import make_order


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Batches of any epoch, as a function of (seed, epoch, step), and the loss that belongs to them."""

    image_ids: np.ndarray
    """(m,) str: of the images that are there to be shown, some perhaps more than once."""
    read: ReadBatch
    order: Callable[[int], np.ndarray]
    """Epoch -> which of the m it shows, one after the other."""
    batch: int
    seed: int
    loss: keras.losses.Loss
    first_logits: np.ndarray | None
    """(K,) of the one answer that suits these images best, where the head is to begin with it."""
    notes: Sequence[str]
    """What of the loss and of the order could not be had with these images."""

    def batches(self, epoch: int) -> Batches:
        """Return the batches of one epoch."""
        return Batches(self.read, len(self.image_ids), self.batch, self.seed, epoch, self.order(epoch))

    @property
    def per_epoch(self) -> int:
        """Images that an epoch shows."""
        return len(self.order(0))


def prepare_data(member: Member, training: Training, findings: Findings, store: Store, seed: int) -> TrainingData:
    """Return what is trained on: of the train part what `training.balance` leaves.

    Raises UserError when none of it has a known label, or it does not fill a batch.
    """
    shown = epoch_rows(store, np.flatnonzero(store.parts == "train"), training.balance, seed)
    targets = training_targets(store.labels, findings, seed)
    if np.isnan(targets[shown]).all():
        raise UserError(
            f"train: none of the {len(shown)} training images has a known label of {', '.join(findings.names)}"
            + ('; with "labels": "single" exactly one must be present and the others absent' if findings.single else "")
        )
    if training.batch > len(shown):
        raise UserError(
            f"training.batch: {training.batch} is more than the {len(shown)} images there are to train on; at most "
            f"{len(shown)} is possible"
        )
    read = training_reader(store, shown, targets, member.image_px, training.augment)
    loss, loss_notes = make_loss(loss_for(training.loss, findings), targets[shown], store.findings)
    order, order_notes = make_order(training.sampler, targets[shown], store.findings, seed)
    first = first_logits(loss, targets[shown][order(0)]) if training.prior_bias else None
    notes = (*loss_notes, *order_notes)
    return TrainingData(store.image_ids[shown], read, order, training.batch, seed, loss, first, notes)
