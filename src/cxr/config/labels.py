"""The `findings` block of PARAMS.json: what is to be found, and what uncertain labels mean."""

from pydantic import field_validator

from cxr.config.findings import ALL_FINDINGS, FINDING_SETS
from cxr.config.model import Model
from cxr.config.nearest import choices_sentence


class Findings(Model):
    """What is to be found."""

    set: str | list[str] = "nih14"
    """A finding set (`nih14`, `merged6`) or a list of finding names."""

    @field_validator("set")
    @classmethod
    def _known(cls, value: str | list[str]) -> str | list[str]:
        if isinstance(value, str):
            if value not in FINDING_SETS:
                raise ValueError(choices_sentence("finding set", value, FINDING_SETS))
            return value
        if not value:
            raise ValueError("the list of findings is empty; name at least one finding")
        for name in value:
            if name not in ALL_FINDINGS:
                raise ValueError(choices_sentence("finding", name, ALL_FINDINGS))
        if len(set(value)) != len(value):
            raise ValueError("a finding is named twice")
        return value

    @property
    def names(self) -> tuple[str, ...]:
        """The findings in output order."""
        return FINDING_SETS[self.set] if isinstance(self.set, str) else tuple(self.set)
