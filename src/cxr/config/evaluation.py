"""The `evaluation` block of PARAMS.json: intervals, calibration, operating points, subgroups."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cxr.config.model import Model, Positive

Calibrator = Literal["platt", "temperature", "isotonic", "none"]
Rule = Literal["youden", "max_f1", "sensitivity", "specificity", "prevalence"]


class OperatingPoint(Model):
    """How each finding's threshold is chosen, on validation only."""

    name: Rule = "youden"
    """`youden`: the largest sensitivity + specificity. `max_f1`: the largest F1. `sensitivity`, `specificity`: the
    threshold that just reaches `value`. `prevalence`: as many positives predicted as there are."""
    value: Annotated[float, Field(gt=0, lt=1)] | None = None
    """The sensitivity or specificity to reach, 0.9 when not given; of these two rules only."""

    @model_validator(mode="after")
    def _value_is_used(self) -> "OperatingPoint":
        if self.value is not None and self.name not in ("sensitivity", "specificity"):
            raise ValueError(f'value {self.value} has no meaning with "name": "{self.name}"; leave it out')
        return self

    @property
    def target(self) -> float | None:
        """The sensitivity or specificity to reach; None for the other rules."""
        if self.name not in ("sensitivity", "specificity"):
            return None
        return 0.9 if self.value is None else self.value


class Evaluation(Model):
    """How results are measured."""

    resamples: Annotated[int, Field(ge=100, le=100_000)] = 2000
    """Bootstrap resamples of patients behind each 95 % interval."""
    calibration: Calibrator = "platt"
    """How probabilities are calibrated, per finding on validation: `platt` (logistic regression on the logit),
    `temperature` (the logit divided by one number; with `"labels": "single"` one for all findings), `isotonic` (a
    rising staircase; wants many positives), `none`."""
    operating_point: OperatingPoint = OperatingPoint()
    """How each finding's threshold is chosen."""
    bins: Annotated[int, Field(ge=2, le=100)] = 15
    """Bins of equally many images for reliability and ECE; fewer where they would hold less than ten images each."""
    min_positives: Positive = 20
    """Positive (for AUROC also negative) images a subgroup needs before a number of it is given."""
