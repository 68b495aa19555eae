"""A group's parameters and its stores in, what is to be trained out: each classifier with its data and its inputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cxr.classification.classifiers import Classifier, group_classifiers
from cxr.classification.runs import member_inputs, weights_inputs
from cxr.config.member import Views
from cxr.config.params import Params
from cxr.preparation.store import Store


@dataclass(frozen=True)
class Job:
    """One classifier, the prepared data of its fold, everything its training depends on, and how it predicts."""

    classifier: Classifier
    store: Store
    inputs: dict[str, Any]
    views: Views = "one"

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.classifier.name

    @property
    def fold(self) -> str:
        """Its fold, "" where there is none."""
        return self.classifier.fold


def group_jobs(params: Params, group: str, stores: Mapping[str, Store]) -> list[Job]:
    """Return the jobs of a group, fold after fold; stores: fold -> store. UserError when first weights are missing."""
    weights = {member: weights_inputs(params, member) for member in params.group(group)}
    return [
        Job(
            one,
            stores[one.fold],
            member_inputs(params, one.member, stores[one.fold], one.number) | weights[one.member],
            params.members[one.member].views,
        )
        for one in group_classifiers(params, group, stores)
    ]
