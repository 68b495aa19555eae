"""A bundle's folder in, what it holds out, every file checked; `bundle.json` is its table of contents."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from cxr.config.errors import UserError
from cxr.config.explain import explain_errors
from cxr.config.localization import MapCut
from cxr.config.lungs import Cleaning
from cxr.config.model import Model
from cxr.config.params import Crop
from cxr.config.record import file_marks, hash_of_file
from cxr.evaluation.calibration_maps import Calibration
from cxr.evaluation.fitted_files import CALIBRATION, THRESHOLDS, CalibrationFile, ThresholdsFile
from cxr.evaluation.thresholds import Thresholds

RECORD, CARD = "bundle.json", "card.md"
FORMAT = 1
EngineName = Literal["openvino", "onnx", "keras"]
Precision = Literal["f32", "bf16", "int8"]
SUFFIXES: dict[str, str] = {"openvino": ".xml", "onnx": ".onnx", "keras": ".keras"}
LUNGS = "lungs"


class Difference(Model):
    """How far an engine's answers are from those of Keras, on prepared images."""

    engine: EngineName
    """What ran the network."""
    images: int
    """How many were compared."""
    outputs: float
    """Largest absolute difference of a probability (of the lung network: of a pixel's)."""
    maps: float | None = None
    """Largest absolute difference of a map, each map divided by its largest absolute value."""


class Network(Model):
    """One saved network, in `folder` once for every engine."""

    folder: str
    """Below the bundle; holds `f32.xml`, `f32.onnx`, `f32.keras`."""
    network: str
    """Its name in the registry; of the lung network that of its Keras model."""
    image_px: int
    """Height and width of its input, grey 0 to 255."""
    parity: list[Difference]
    """Measured at export."""


class Classifier(Network):
    """One member."""

    name: str
    """In the group."""
    first: float
    """Middle of the field that the first place of its map looks at, in image widths."""
    step: float
    """Distance to the next."""


class Offered(Model):
    """A precision below f32 that the group was measured with."""

    precision: Precision
    """bf16: the f32 files, run so; int8: files of its own, of the members alone."""
    auroc_f32: float | None
    """Mean AUROC on the validation part."""
    auroc: float | None
    """The same with this precision."""
    offered: bool
    """Whether they differ by less than is allowed."""
    reason: str | None = None
    """Why not."""


class Record(Model):
    """bundle.json."""

    format: int
    """1."""
    group: str
    """Its name."""
    findings: list[str] = Field(min_length=1)
    """In the order of the outputs."""
    crop: Crop
    """How images are cut."""
    cleaning: Cleaning
    """Of lung masks."""
    lungs: Network
    """The lung network."""
    members: list[Classifier] = Field(min_length=1)
    """Averaged with equal weight."""
    engines: list[EngineName]
    """Those that there are files for."""
    precisions: list[Offered]
    """Below f32."""
    boxes: MapCut
    """How boxes are made from heatmaps."""
    boxes_from: str | None = None
    """Where their parameters come from."""
    maps_differ: str | None = None
    """How its heatmaps differ from those of the group, where they do."""
    uncalibrated: str | None = None
    """Why there is neither calibration nor thresholds."""
    card: dict[str, list[str]]
    """The model card: heading -> sentences."""
    synthetic: bool
    """Whether the group was trained on phantoms only."""
    foreign: list[str]
    """Members that were not trained here."""
    run: dict[str, Any]
    """Versions, commit, hardware and time of the export."""
    files: dict[str, str]
    """Path below the bundle -> SHA-256."""
    seal: str = ""
    """SHA-256 of everything above."""

    @model_validator(mode="after")
    def _stays_inside(self) -> "Record":
        if out := [name for name in self.files if name.startswith("/") or ".." in name.split("/")]:
            raise ValueError(f"files: {out[0]} lies outside of the bundle")
        return self

    def sealed(self) -> "Record":
        """Return the same under its seal."""
        return self.model_copy(update={"seal": seal_of(self.model_dump(mode="json"))})


def seal_of(content: dict[str, Any]) -> str:
    """Return the SHA-256 of what bundle.json says but the seal: as it is written, so that a later key breaks none."""
    said = {key: value for key, value in content.items() if key != "seal"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Bundle:
    """A bundle that was found whole. calibration, thresholds: None where the group has none."""

    folder: Path
    record: Record
    calibration: Calibration | None
    thresholds: Thresholds | None
    mark: str
    """SHA-256 of bundle.json, which stands for every file."""
    checked: dict[str, tuple[int, int]] = field(default_factory=dict, compare=False, repr=False)
    """File -> its size and time of change when it was found to be the one that was written."""

    @property
    def findings(self) -> tuple[str, ...]:
        """K names in the order of the outputs."""
        return tuple(self.record.findings)

    def file(self, network: Network, engine: str, precision: str = "f32") -> Path:
        """Return the checked file of a network; UserError when it is missing or was changed."""
        name = f"{network.folder}/{'int8' if precision == 'int8' else 'f32'}{SUFFIXES[engine]}"
        self.check(name)
        if engine == "openvino":
            self.check(f"{name.removesuffix('.xml')}.bin")
        return self.folder / name

    def check(self, name: str) -> None:
        """Raise UserError when a file is not the one that was written."""
        path = self.folder / name
        if name not in self.record.files:
            raise UserError(f"{path}: is no file of this bundle")
        (mark,) = file_marks([path])
        if self.checked.get(name) == mark:
            return
        try:
            found = hash_of_file(path)
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}); export the bundle again") from error
        if found != self.record.files[name]:
            raise UserError(f"{path}: was changed since the bundle was written (its SHA-256 differs); export it again")
        self.checked[name] = mark


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle and check every file of it, those of other engines too.

    Raises UserError when it is none, or when a file is missing or was changed.
    """
    path = folder / RECORD
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; name one that ./cxr export wrote")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); name a folder that ./cxr export wrote") from error
    record = _parse(path, Record, text)
    if record.format != FORMAT:
        raise UserError(f"{path}: has format {record.format}; this version reads format {FORMAT}: export it again")
    if seal_of(json.loads(text)) != record.seal:
        raise UserError(f"{path}: was changed since the bundle was written (its seal differs); export it again")
    if gone := [name for name in record.files if not (folder / name).is_file()]:
        raise UserError(f"{folder / gone[0]}: is missing; export the bundle again")
    calibration = thresholds = None
    bundle = Bundle(folder, record, None, None, hash_of_file(path))
    with ThreadPoolExecutor() as pool:
        list(pool.map(bundle.check, record.files))
    if record.uncalibrated is None:
        (calibration,) = _fits(bundle, CALIBRATION, CalibrationFile)
        (thresholds,) = _fits(bundle, THRESHOLDS, ThresholdsFile)
    return replace(bundle, calibration=calibration, thresholds=thresholds)


def _fits(bundle: Bundle, name: str, kind: type[Model]) -> list[Any]:
    bundle.check(name)
    path = bundle.folder / name
    return list(_parse(path, kind, path.read_text(encoding="utf-8")).fits.values())


def _parse(path: Path, kind: type[Model], text: str) -> Any:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise UserError(f"{explain_errors(error, kind, str(path))[0]}; export the bundle again") from error
