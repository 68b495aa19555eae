"""Settings and parameters in, the lung network for preparation out: trained when needed, opened for the workers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cxr.config.errors import UserError
from cxr.config.lungs import Cleaning, LungPairs, LungPhantoms
from cxr.config.params import Params
from cxr.config.record import fingerprint, hash_of_file, read_json
from cxr.config.settings import Settings
from cxr.datasets.sources.phantom import phantom_folder
from cxr.engines.engine import choose_engine
from cxr.engines.startup import load_keras
from cxr.preparation.chunks import LungNet
from cxr.segmentation.pairs import Pair, find_pairs, load_pairs

Progress = Callable[[str], Callable[[int, int], None]]
"""Title of a long job -> function that is told (done, total)."""

WEIGHTS, METRICS = "unet.keras", "metrics.json"
PHANTOM_PATIENT = r"^(\d+)_"


def lung_weights(
    settings: Settings, params: Params, lungs_dir: Path, workers: int, progress: Progress
) -> tuple[Path, dict[str, Any] | None, bool]:
    """Return the path of the lung weights, their metrics if known, and whether they were trained just now.

    With `segmentation.weights` "train" the network of these parameters and pairs is trained once and kept in
    `lungs_dir`; otherwise the shipped or the given file is used.
    """
    if params.lung_weights:
        if not params.lung_weights.is_file():
            raise UserError(
                f'segmentation.weights: {params.lung_weights}: no such file; give a unet.keras, "shipped", or '
                '"train" to learn one'
            )
        beside = params.lung_weights.with_name(METRICS)
        metrics = read_json(beside) if beside.is_file() else None
        known = metrics is not None and {"dice", "pairs"} <= metrics.keys()
        return params.lung_weights, metrics if known else None, False
    pairs, notes = lung_pairs(settings, workers, progress)
    parameters = params.segmentation
    folder = lungs_dir / f"{parameters.network}-{fingerprint({'segmentation': parameters, 'pairs': pair_marks(pairs)})}"
    trained = not ((folder / WEIGHTS).is_file() and (folder / METRICS).is_file())
    if trained:
        load_keras()  # only now that there is something to train
        from cxr.segmentation.measure import train_lungs

        arrays = load_pairs(pairs, parameters.image_px, parameters.dilate_target)
        arrays.notes[:0] = notes
        train_lungs(arrays, parameters, folder, progress)
    return folder / WEIGHTS, read_json(folder / METRICS), trained


def lung_pairs(settings: Settings, workers: int, progress: Progress) -> tuple[list[Pair], list[str]]:
    """Return the pairs of every set of `lung_masks`, and what was left out; phantoms are drawn first."""
    return find_pairs([_as_folders(one, settings.prepared_dir, workers, progress) for one in settings.lung_masks])


def open_lungs(path: Path, engine: str, folder: Path, cleaning: Cleaning) -> LungNet:
    """Load lung weights for preparation; OpenVINO files are written to `folder`, which must outlive the network.

    Raises UserError as `load_network`.
    """
    model = load_network(path)
    shape = model.input_shape
    if choose_engine(engine) == "keras":
        from cxr.engines.keras_engine import KerasEngine

        return LungNet(shape[1], cleaning, engine=KerasEngine(model))
    from cxr.engines.openvino_engine import export_openvino

    return LungNet(shape[1], cleaning, openvino=export_openvino(model, folder))


def load_network(path: Path) -> Any:
    """Load lung weights as a keras.Model; UserError when they are none, or do not map (S, S, 1) to (S, S, 1)."""
    load_keras()
    from cxr.engines.saved import load_model

    model = load_model(path)
    shape = model.input_shape
    if len(shape) != 4 or not shape[1] or shape[1] != shape[2] or shape[3] != 1 or model.output_shape != shape:
        raise UserError(
            f"{path}: is no lung network: it maps {shape} to {model.output_shape}, not (S, S, 1) to (S, S, 1)"
        )
    return model


def _as_folders(one: LungPairs | LungPhantoms, prepared_dir: Path, workers: int, progress: Progress) -> LungPairs:
    """Return where the pairs lie; phantom pairs are written first."""
    if isinstance(one, LungPairs):
        return one
    folder = phantom_folder(one, prepared_dir, workers, progress("phantoms for the lungs"))
    return LungPairs(
        images=folder / "images_001" / "images",
        masks=folder / "masks",
        patient_pattern=PHANTOM_PATIENT,
        name=one.name,
        train_only=one.train_only,
    )


def pair_marks(pairs: list[Pair]) -> list[tuple[str, str, bool, str, str]]:
    """Of each pair its source and patient and the hashes of its files: the same for copies and for phantoms drawn
    again, unlike their dates."""
    return [
        (pair.source, pair.patient, pair.train_only, hash_of_file(pair.image), hash_of_file(pair.mask))
        for pair in pairs
    ]
