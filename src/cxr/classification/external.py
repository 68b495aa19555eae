"""A group's findings and patients, and another data set in; what of that is asked and may be used out; no Keras."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from cxr.config.datasets import FolderDataset, PhantomDataset
from cxr.config.errors import UserError
from cxr.config.labels import DEFAULT, Findings
from cxr.config.params import Params
from cxr.config.settings import Settings
from cxr.config.split import Split
from cxr.datasets.listed import NIH_ID
from cxr.preparation.store import Store

PATIENTS_OF = ("nih", "chexpert", "dicom")
"""Formats that are an origin by themselves."""


def external_params(params: Params, labelled: Sequence[str]) -> tuple[Params, list[str]]:
    """Return the parameters with every image in test and the findings that another data set labels, and the others.

    labelled: all findings that it labels. A group of findings needs all of its own. Raises UserError where none is
    left, and for a softmax, which asks for the one finding of all that an image has.
    """
    outputs = params.findings.outputs
    lacking = [name for name, members in outputs.items() if not set(members) <= set(labelled)]
    kept = {name: list(members) for name, members in outputs.items() if name not in lacking}
    if not kept:
        raise UserError(f"labels none of {', '.join(outputs)}; it labels {', '.join(labelled)}")
    if params.findings.single and lacking:
        raise UserError(f'does not label {", ".join(lacking)}; with "labels": "single" all findings are needed')
    findings = Findings.model_construct(
        set=[name if members == [name] else {name: members} for name, members in kept.items()],
        labels=params.findings.labels,
        uncertain={k: policy for k, policy in params.findings.uncertain.items() if k == DEFAULT or k in kept},
    )
    return params.model_copy(update={"findings": findings, "split": Split(scheme="test")}), lacking


def patient_keys(store: Store, settings: Settings) -> np.ndarray:
    """(N,) str: `<origin>:<patient>` of each image, the same for a patient in whichever data set of that origin.

    An image named like NIH's (00000001_000) in a data set that names no origin counts as NIH's.
    """
    origins = {settings.name_of(one): _origin(one, settings) for one in settings.datasets}
    if len(origins) > 1:  # merged data sets carry the origin in the patient's name, the source in the image's
        keys = store.patient_ids.astype(object)
        sources = [image.partition(":")[0] for image in store.image_ids]
    else:
        (name, origin), *_ = origins.items()
        keys = np.array([f"{origin}:{patient}" for patient in store.patient_ids], dtype=object)
        sources = [name] * len(keys)
    unnamed = {settings.name_of(one) for one in settings.datasets if _is_unnamed(one)}
    nameless = np.array([source in unnamed for source in sources], dtype=bool)
    for row in np.flatnonzero(nameless):
        if found := re.search(NIH_ID, store.image_ids[row]):
            keys[row] = f"nih:{int(found.group(1))}"
    return keys.astype(str)


def unseen_rows(external: np.ndarray, home: Mapping[str, Store], home_settings: Settings) -> np.ndarray:
    """(n,) int: rows of another data set whose patients are in the train and val part of no fold.

    external: (N,) their `patient_keys`. Validation counts as seen: epochs and thresholds were chosen there.
    """
    seen: set[str] = set()
    for store in home.values():
        seen |= set(patient_keys(store, home_settings)[store.parts != "test"])
    rows = np.flatnonzero(~np.isin(external, list(seen)))
    if len(rows) == 0:
        raise UserError("every patient was in the training or validation part of the group; nothing is left to test")
    return rows


def _origin(dataset: PhantomDataset | FolderDataset, settings: Settings) -> str:
    if isinstance(dataset, PhantomDataset):
        return f"phantom-{dataset.seed}"
    return dataset.origin or (dataset.format if dataset.format in PATIENTS_OF else settings.name_of(dataset))


def _is_unnamed(dataset: PhantomDataset | FolderDataset) -> bool:
    return isinstance(dataset, FolderDataset) and dataset.origin is None and dataset.format not in PATIENTS_OF
