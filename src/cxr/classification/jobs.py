"""A group's parameters and its stores in, what is to be trained out: each classifier with its data and its inputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cxr.classification.classifiers import Classifier, group_classifiers
from cxr.classification.runs import member_inputs
from cxr.config.params import Params
from cxr.preparation.store import Store


@dataclass(frozen=True)
class Job:
    """One classifier, the prepared data of its fold, and everything its result depends on."""

    classifier: Classifier
    store: Store
    inputs: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.classifier.name

    @property
    def fold(self) -> str:
        """Its fold, "" where there is none."""
        return self.classifier.fold


def group_jobs(params: Params, group: str, stores: Mapping[str, Store]) -> list[Job]:
    """Return the jobs of a group, fold after fold; stores: fold -> store."""
    return [
        Job(one, stores[one.fold], member_inputs(params, one.member, stores[one.fold], one.number))
        for one in group_classifiers(params, group, stores)
    ]
