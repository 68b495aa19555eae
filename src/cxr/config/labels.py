"""The `findings` block of PARAMS.json: what is to be found, and what uncertain labels mean."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from cxr.config.findings import ALL_FINDINGS, FINDING_SETS, checked_name
from cxr.config.model import Fraction, Model
from cxr.config.nearest import choices_sentence

DEFAULT = "default"
Smooth = Annotated[list[Fraction], Field(min_length=2, max_length=2)]
Policy = Literal["ignore", "zeros", "ones"] | Smooth
"""Of uncertain labels: not counted, taken for 0, taken for 1, or a target drawn evenly from [a, b] for each image."""


class Findings(Model):
    """What is to be found."""

    set: str | list[str | dict[str, list[str]]] = "nih14"
    """A finding set (`nih14`, `merged6`, `chexpert5`, `chexpert14`, `coarse`), or a list of finding names and of groups
    such as `{"nodule_mass": ["Nodule", "Mass"]}`, present where one of its findings is."""
    labels: Literal["multiple", "single"] = "multiple"
    """`multiple`: every finding is a question of its own (sigmoid). `single`: an image has exactly one of them
    (softmax); images with none or several are left out."""
    uncertain: dict[str, Policy] = Field(default={DEFAULT: "ignore"})
    """What an uncertain label (-1) counts as in training, by finding and for all others by `default`: `ignore`,
    `zeros`, `ones`, or `[a, b]`, a target drawn from there for each image. Metrics always leave them out; with
    `"labels": "single"` such images are left out altogether."""

    @field_validator("set")
    @classmethod
    def _known(
        cls, value: str | list[str | dict[str, list[str]]], info: ValidationInfo
    ) -> str | list[str | dict[str, list[str]]]:
        if isinstance(value, str):
            if value not in FINDING_SETS:
                raise ValueError(choices_sentence("finding set", value, FINDING_SETS))
            return value
        known = (*ALL_FINDINGS, *(info.context or {}).get("findings", ()))
        for name, members in _outputs(value):
            checked_name(name)
            if not members:
                raise ValueError(f'the group "{name}" is empty; name at least one finding')
            for member in members:
                if member not in known:
                    raise ValueError(choices_sentence("finding", member, known))
        names = [name for name, _ in _outputs(value)]
        if not names:
            raise ValueError("the list of findings is empty; name at least one finding")
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name} is named twice")
        return value

    @model_validator(mode="after")
    def _policies_fit(self) -> "Findings":
        for name, policy in self.uncertain.items():
            if name != DEFAULT and name not in self.outputs:
                raise ValueError(f"uncertain: {choices_sentence('finding', name, (DEFAULT, *self.outputs))}")
            if isinstance(policy, list) and policy[0] > policy[1]:
                raise ValueError(f"uncertain.{name}: {policy} is no range; the first number must be the smaller one")
        if self.labels == "single" and len(self.outputs) < 2:
            raise ValueError('"labels": "single" needs at least two findings to choose from')
        return self

    @property
    def outputs(self) -> dict[str, tuple[str, ...]]:
        """What the classifiers answer, in output order: name -> the labelled findings it stands for."""
        return FINDING_SETS[self.set] if isinstance(self.set, str) else dict(_outputs(self.set))

    @property
    def names(self) -> tuple[str, ...]:
        """The outputs' names in order."""
        return tuple(self.outputs)

    @property
    def single(self) -> bool:
        """Whether an image has exactly one of the findings."""
        return self.labels == "single"

    def policy_of(self, name: str) -> str | list[float]:
        """Return what an uncertain label of this output counts as."""
        return self.uncertain.get(name, self.uncertain.get(DEFAULT, "ignore"))


def _outputs(entries: list[str | dict[str, list[str]]]) -> list[tuple[str, tuple[str, ...]]]:
    found: list[tuple[str, tuple[str, ...]]] = []
    for entry in entries:
        if isinstance(entry, str):
            found.append((entry, (entry,)))
        else:
            found += [(name, tuple(members)) for name, members in entry.items()]
    return found
