"""The `split` block of PARAMS.json: how patients are dealt to train, val and test."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cxr.config.model import Model


class Split(Model):
    """How patients are dealt to train, val and test."""

    scheme: Literal["patients", "official"] = "patients"
    """`patients`: drawn at random by patient, stratified by finding; `official`: the data set's `train_val_list.txt`
    and `test_list.txt`."""
    val: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of images (by whole patients) for validation: of all images, or of the official train_val part."""
    test: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of images (by whole patients) for the test; not used by `official`."""

    @model_validator(mode="after")
    def _leaves_training(self) -> "Split":
        if self.scheme == "patients" and self.val + self.test >= 1:
            raise ValueError(f"val {self.val} + test {self.test} leave nothing to train on; their sum must be below 1")
        return self
