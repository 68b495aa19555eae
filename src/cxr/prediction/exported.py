"""A finished group in, a bundle's folder out: every network for every engine, compared with Keras, under checksums."""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from cxr.config.atomic import write_json, write_text
from cxr.config.errors import UserError
from cxr.config.localization import MapCut
from cxr.config.lungs import Cleaning
from cxr.config.params import Crop
from cxr.config.record import hash_of_file, machine_record
from cxr.engines.backend import backend_name
from cxr.evaluation.fitted_files import CALIBRATION, THRESHOLDS
from cxr.images.geometry import resize
from cxr.prediction.bundle import (
    CARD,
    FORMAT,
    LUNGS,
    RECORD,
    SUFFIXES,
    Classifier,
    Difference,
    Network,
    Record,
)
from cxr.prediction.precisions import Validation, offer_precisions

LARGEST_DIFFERENCE = 1e-4
BATCH = 8
NEEDS = {"openvino": "openvino", "onnx": "tf2onnx", "keras": "keras"}

Images = Callable[[int], np.ndarray]
"""Side in pixels -> (n, S, S) float32 grey 0..255: the prepared images on which engines are compared."""


@dataclass(frozen=True)
class Task:
    """What a group is, beside its networks."""

    group: str
    findings: tuple[str, ...]
    crop: Crop
    cleaning: Cleaning
    card: dict[str, list[str]]
    synthetic: bool
    foreign: list[str]
    uncalibrated: str | None
    boxes: MapCut
    boxes_from: str | None = None
    maps_differ: str | None = None


def write_bundle(
    target: Path,
    task: Task,
    group: Path,
    members: Mapping[str, str],
    lungs: Path,
    images: Images,
    validation: Validation,
    overwrite: bool,
    on_progress: Callable[[int, int], None] | None = None,
    engines: Sequence[str] | None = None,
) -> Record:
    """Write the bundle under a temporary name, and rename it when it is complete.

    group: the folder of the group. members: name -> network in the registry. lungs: weights of the lung network.
    engines: all that can be written for when None.
    Raises UserError when the target holds anything else than a bundle to `overwrite`, and when an engine's answers are
    further than LARGEST_DIFFERENCE from those of Keras.
    """
    _check_target(target, overwrite)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=target.parent) as folder:
        part = Path(folder) / target.name
        engines = engines or _engines()
        record = _fill(part, task, group, members, lungs, images, validation, engines, on_progress)
        old = Path(folder) / "old"
        if target.exists():
            target.rename(old)
        part.rename(target)
    return record


def _engines() -> list[str]:
    """What can be written for: Keras exports to the others from TensorFlow only."""
    if backend_name() != "tensorflow":
        return ["keras"]
    return [name for name, package in NEEDS.items() if find_spec(package)]


def _check_target(target: Path, overwrite: bool) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise UserError(f"{target}: is a file; name a folder for the bundle")
    if not any(target.iterdir()):
        return
    if not (target / RECORD).is_file():
        raise UserError(f"{target}: is not empty, and holds no bundle; name a folder of its own")
    if not overwrite:
        raise UserError(f"{target}: holds a bundle; name another folder, or --overwrite to replace it")


def _fill(
    part: Path,
    task: Task,
    group: Path,
    members: Mapping[str, str],
    lungs: Path,
    images: Images,
    validation: Validation,
    engines: Sequence[str],
    on_progress: Callable[[int, int], None] | None,
) -> Record:
    from cxr.classification.member import load_member
    from cxr.engines.saved import load_model
    from cxr.visualization.methods.grad_cam import with_maps
    from cxr.visualization.places import places_of

    tell = on_progress or (lambda done, total: None)
    model = load_model(lungs)
    network = _write_network(part, LUNGS, model, "lungs", images, engines)
    tell(1, len(members) + 1)
    classifiers = []
    for number, (name, kind) in enumerate(members.items(), 2):
        model = with_maps(load_member(group / name, task.findings))
        places = places_of(model)
        saved = _write_network(part, f"members/{name}", model, kind, images, engines)
        classifiers.append(Classifier(**saved.model_dump(), name=name, first=places.first, step=places.step))
        tell(number, len(members) + 1)
    if task.uncalibrated is None:
        for name in (CALIBRATION, THRESHOLDS):
            shutil.copyfile(group / name, part / name)
    write_text(part / CARD, _card_text(task))
    graphs = [(part / one.folder / "f32.xml", one.image_px) for one in classifiers]
    precisions = offer_precisions(graphs, validation) if "openvino" in engines else []
    files = sorted(path for path in part.rglob("*") if path.is_file())
    record = Record(
        format=FORMAT,
        group=task.group,
        findings=list(task.findings),
        crop=task.crop,
        cleaning=task.cleaning,
        lungs=network,
        members=classifiers,
        engines=list(engines),
        precisions=precisions,
        boxes=task.boxes,
        boxes_from=task.boxes_from,
        maps_differ=task.maps_differ,
        uncalibrated=task.uncalibrated,
        card=_card_of(task),
        synthetic=task.synthetic,
        foreign=task.foreign,
        run=machine_record(),
        files={path.relative_to(part).as_posix(): hash_of_file(path) for path in files},
    ).sealed()
    write_json(part / RECORD, record.model_dump(mode="json"))
    return record


def _write_network(part: Path, folder: str, model: Any, kind: str, images: Images, engines: Sequence[str]) -> Network:
    """Save a keras.Model for every engine, and compare the answers of each with those of Keras."""
    place, image_px = part / folder, model.input_shape[1]
    given = images(image_px)[..., None]
    wanted = _run_eagerly(model, given)
    found = []
    for engine in engines:
        path = place / f"f32{SUFFIXES[engine]}"
        found.append(compare_outputs(engine, wanted, _save(model, engine, path)(given)))
        _check_parity(found[-1], folder)
    return Network(folder=folder, network=kind, image_px=image_px, parity=found)


def _save(model: Any, engine: str, path: Path) -> Callable[[np.ndarray], list[np.ndarray]]:
    """Write one file (OpenVINO: two) and return what runs it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if engine == "openvino":
        from cxr.engines.openvino_engine import OpenVinoEngine, export_openvino

        with tempfile.TemporaryDirectory() as folder:
            made = export_openvino(model, Path(folder))
            for file in (made, made.with_suffix(".bin")):
                path.with_suffix(file.suffix).write_bytes(file.read_bytes())  # copyfile names what it reads as full
        return OpenVinoEngine(path, batch=1).run
    if engine == "onnx":
        from cxr.engines.onnx_engine import OnnxEngine, export_onnx

        export_onnx(model, path)
        return OnnxEngine(path).run
    from cxr.engines.saved import load_model

    model.save(path, include_optimizer=False)
    return partial(_run_eagerly, load_model(path))


def _run_eagerly(model: Any, images: np.ndarray) -> list[np.ndarray]:
    """The outputs of a keras.Model, without tracing it first: that takes longer than a few images."""
    from keras.ops import convert_to_numpy

    parts = []
    for start in range(0, len(images), BATCH):
        outputs = model(images[start : start + BATCH], training=False)
        outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
        parts.append([convert_to_numpy(one) for one in outputs])
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


def compare_outputs(engine: str, wanted: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> Difference:
    """Return the largest differences of two networks' outputs: the first as it is, maps as shares of their largest."""
    first = float(np.abs(wanted[0] - found[0]).max())
    maps = None
    if len(wanted) > 1:
        largest = np.maximum(np.abs(wanted[1]).max(axis=(1, 2), keepdims=True), np.finfo(np.float32).tiny)
        maps = float((np.abs(wanted[1] - found[1]) / largest).max())
    return Difference(engine=engine, images=len(wanted[0]), outputs=first, maps=maps)


def _check_parity(found: Difference, folder: str) -> None:
    worst = max(found.outputs, found.maps or 0.0)
    if not worst <= LARGEST_DIFFERENCE:
        raise UserError(
            f"{folder}: {found.engine} differs from Keras by {worst:.1e} on {found.images} prepared images; at most "
            f"{LARGEST_DIFFERENCE:g} is allowed, so no bundle was written"
        )


def resized(crops: np.ndarray) -> Images:
    """(n, S, S) uint8 prepared crops in, the same at any side out."""

    def at(image_px: int) -> np.ndarray:
        return np.stack([resize(crop, image_px, image_px) for crop in crops]).astype(np.float32)

    return at


def _card_of(task: Task) -> dict[str, list[str]]:
    """The group's card, and what holds of the bundle alone."""
    boxes = [f"Boxes: {task.boxes_from}."] if task.boxes_from else []
    said = boxes + ([task.maps_differ] if task.maps_differ else [])
    return task.card | ({"Heatmaps and boxes": said} if said else {})


def _card_text(task: Task) -> str:
    parts = [f"# {task.group}"] + [f"## {heading}\n\n" + "\n".join(said) for heading, said in _card_of(task).items()]
    return "\n\n".join(parts) + "\n"
