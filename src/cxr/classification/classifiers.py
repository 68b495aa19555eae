"""A group's parameters in, the classifiers it consists of out: each member once per seed and fold, with their names."""

from collections.abc import Iterable
from dataclasses import dataclass

from cxr.config.params import Params


@dataclass(frozen=True)
class Classifier:
    """One classifier of a group's folder.

    member: what it was trained as. number: which of the member's seeds, from 0; None where it has only one. fold: ""
    where there are no folds.
    """

    member: str
    number: int | None
    fold: str

    @property
    def over_folds(self) -> str:
        """The name it shares with its like on the other folds, e.g. `xception-s1`."""
        return self.member if self.number is None else f"{self.member}-s{self.number}"

    @property
    def name(self) -> str:
        """The name of its folder, e.g. `xception-s1-f0`."""
        return fold_name(self.over_folds, self.fold)


def fold_name(name: str, fold: str) -> str:
    """Return the name of what belongs to one fold, e.g. `tiny-f0`; the name itself where there are no folds."""
    return f"{name}-f{fold}" if fold else name


def group_classifiers(params: Params, group: str, folds: Iterable[str]) -> list[Classifier]:
    """Return the classifiers of a group of PARAMS.json, fold after fold; UserError when there is no such group."""
    members = params.group(group)
    return [
        Classifier(member, number, fold)
        for fold in folds
        for member in members
        for number in (range(params.members[member].seeds) if params.members[member].seeds > 1 else [None])
    ]


def seed_groups(classifiers: Iterable[Classifier]) -> dict[str, list[str]]:
    """Return the members that were trained with several seeds, each with the names of these trainings."""
    found: dict[str, list[str]] = {}
    for one in classifiers:
        if one.number is not None and one.over_folds not in found.setdefault(one.member, []):
            found[one.member].append(one.over_folds)
    return found
