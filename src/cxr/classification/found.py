"""Folders of finished models and the prepared data in, jobs out: each model checked, named, and given its fold."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxr.classification.classifiers import Classifier
from cxr.classification.jobs import Job
from cxr.classification.runs import RUN, data_inputs, is_foreign, read_run, task_inputs
from cxr.config.errors import UserError
from cxr.config.member import Views
from cxr.config.params import RESERVED_MEMBERS, Params
from cxr.config.record import differences
from cxr.preparation.store import Store

MODEL = "model.keras"
NEEDED = ("findings", "network", "image_px", "parameters")


@dataclass(frozen=True)
class FoundModel:
    """One finished model: the folder it lies in, and what its run.json says."""

    folder: Path
    run: dict[str, Any]


def find_models(folders: Sequence[Path]) -> list[FoundModel]:
    """Return the models of member folders, and all those of group folders; UserError for a folder that holds none."""
    found = [model for folder in folders for model in _models_of(folder)]
    for folder, times in Counter(model.folder.resolve() for model in found).items():
        if times > 1:
            raise UserError(f"{folder}: is named {times} times; a model counts once in an average")
    return found


def _models_of(folder: Path) -> list[FoundModel]:
    run = read_run(folder)
    if run is None:
        raise UserError(f"{folder}: holds no {RUN}; needed is the folder of a finished member or group")
    if "members" in run:
        return [model for member in run["members"] for model in _models_of(folder / member["name"])]
    if not run.get("finished"):
        raise UserError(f"{folder}: its training is not finished; the command that began it goes on with it")
    if not (folder / MODEL).is_file():
        raise UserError(f"{folder / MODEL}: no such file, although {RUN} beside it tells of a finished training")
    if missing := [key for key in NEEDED if key not in run]:
        raise UserError(f"{folder / RUN}: lacks '{missing[0]}'; a finished member's has it")
    return [FoundModel(folder, run)]


def average_jobs(
    models: Sequence[FoundModel], params: Params, stores: Mapping[str, Store]
) -> list[tuple[FoundModel, Job]]:
    """Return the models with their jobs, fold after fold; a model from elsewhere belongs to every fold.

    Raises UserError for a model of other findings, data or split than the parameters name, and for folds that would be
    averages of different numbers of models.
    """
    pairs = []
    for fold, store in stores.items():
        shared = task_inputs(params) | data_inputs(store)
        mine = [model for model in models if _belongs(model, fold, params, stores)]
        names = _distinct_names([_bare_name(model, fold) for model in mine], mine)
        for model, name in zip(mine, names, strict=True):
            inputs = model.run.get("inputs", {}) | shared
            pairs.append((model, Job(Classifier(name, None, fold), store, inputs, _views_of(model))))
    counts = {fold: sum(job.fold == fold for _, job in pairs) for fold in stores}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{count} of fold {fold}" for fold, count in counts.items())
        raise UserError(f"the models are {told}: every fold needs as many; name the folders of all folds")
    return pairs


def _views_of(model: FoundModel) -> Views:
    """Return the views its group saw; of a model without a group the image alone."""
    group = read_run(model.folder.parent) or {}
    return group.get("members_predictions", {}).get(model.folder.name, {}).get("views", "one")


def _belongs(model: FoundModel, fold: str, params: Params, stores: Mapping[str, Store]) -> bool:
    """Whether a model is one of this fold; UserError when it is one of no fold."""
    if is_foreign(model.run):
        _check_foreign(model, params, next(iter(stores.values())))
        return True
    _check_task(model, params)
    inputs = model.run["inputs"]
    if inputs["split"]["hash"] not in {store.split["hash"] for store in stores.values()}:
        split = next(iter(stores.values())).split
        raise UserError(
            f"{model.folder}: was trained on split {inputs['split']['name']!r} (hash {inputs['split']['hash'][:12]}), "
            f"asked for is {split['name']!r} (hash {split['hash'][:12]}): it may have been trained on images of the "
            "test part; give the --experiment or --set options it was trained with, or leave it out"
        )
    if changed := differences(inputs["data"], data_inputs(stores[fold])["data"]):
        raise UserError(
            f"{model.folder}: was trained on other prepared data ({'; '.join(changed)}); give the --settings, "
            "--experiment or --set options it was trained with, or leave it out"
        )
    return inputs["split"]["hash"] == stores[fold].split["hash"]


def _check_task(model: FoundModel, params: Params) -> None:
    asked = params.findings
    if tuple(model.run["findings"]) != asked.names:
        raise UserError(
            f"{model.folder}: answers {', '.join(model.run['findings'])}; asked for are {', '.join(asked.names)}, in "
            "this order (findings.set)"
        )
    if changed := differences(
        {"findings": model.run["inputs"]["findings"]}, {"findings": task_inputs(params)["findings"]}
    ):
        raise UserError(f"{model.folder}: its findings mean something else ({'; '.join(changed)})")


def _check_foreign(model: FoundModel, params: Params, store: Store) -> None:
    missing = [name for name in params.findings.names if name not in model.run["findings"]]
    if missing:
        raise UserError(
            f"{model.folder}: does not answer {', '.join(missing)} of findings.set; it answers "
            f"{', '.join(model.run['findings'])}"
        )
    if model.run["image_px"] > store.crops.shape[1]:
        raise UserError(
            f"{model.folder}: takes images of {model.run['image_px']} px, the crops have {store.crops.shape[1]}: "
            f"prepare the data with crop.image_px {model.run['image_px']}"
        )


def _bare_name(model: FoundModel, fold: str) -> str:
    return model.folder.resolve().name.removesuffix(f"-f{fold}") if fold else model.folder.resolve().name


def _distinct_names(names: Sequence[str], models: Sequence[FoundModel]) -> list[str]:
    """Return the names, with that of the folder above before those that are taken or reserved, then with a number."""
    above = [
        f"{model.folder.resolve().parent.name}-{name}" if names.count(name) > 1 or name in RESERVED_MEMBERS else name
        for name, model in zip(names, models, strict=True)
    ]
    found: list[str] = []
    for name in above:
        number = 2
        distinct = name
        while distinct in found:
            distinct, number = f"{name}-{number}", number + 1
        found.append(distinct)
    return found
