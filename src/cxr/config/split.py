"""The `split` block of PARAMS.json: how patients are dealt to train, val and test."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cxr.config.model import Model


class Split(Model):
    """How patients are dealt to train, val and test."""

    scheme: Literal["patients", "official", "lists", "predefined", "kfold", "test"] = "patients"
    """`patients`: drawn at random by patient, stratified by finding. `official`: NIH's own `train_val_list.txt` and
    `test_list.txt`, whole or in part, and nothing else. `lists`: the parts that the data sets' lists or tables name
    (NIH's files, CheXpert's `valid.csv` as test, `lists` and `split` columns). `predefined`: the same, but every image
    must have one of train, val and test. `kfold`: each of `folds` parts is the test part once. `test`: every image
    is in test; nothing can be trained on it."""
    val: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of images (by whole patients) for validation: of all images, or of what is listed as train_val (of train
    where no list names val). With `kfold`, of the images outside the fold."""
    test: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of images (by whole patients) for the test; used by `patients` only."""
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    """Number of folds of `kfold`."""

    @model_validator(mode="after")
    def _leaves_training(self) -> "Split":
        if self.scheme == "patients" and self.val + self.test >= 1:
            raise ValueError(f"val {self.val} + test {self.test} leave nothing to train on; their sum must be below 1")
        return self
