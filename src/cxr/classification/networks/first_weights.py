"""A network and one of our finished models in, the network with the weights of every layer that fits, and what did not.

Layers fit where name and shapes are the same. Names that Keras made up (`conv2d_94`) only tell which of its kind a
layer is, in the order in which they were built: the numbers themselves differ between two models of one process.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from cxr.classification.networks.classifier import build_classifier
from cxr.classification.runs import RUN
from cxr.config.errors import UserError
from cxr.config.member import Member
from cxr.config.record import read_json
from cxr.engines.saved import load_model
from cxr.training.precision import FLOAT32

HEAD, NORMALIZE = "findings", "normalize"
SHOWN = 8
"""Layers that did not fit which are printed; run.json lists them all."""


@dataclass(frozen=True)
class Taken:
    """How many layers with weights a network has, how many were filled from a file, and what the others lack."""

    file: str
    layers: int
    filled: int
    notes: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Return it for run.json."""
        return {"file": self.file, "layers": self.layers, "filled": self.filled, "notes": list(self.notes)}

    def lines(self) -> list[str]:
        """Return it for people, a long list cut."""
        more = len(self.notes) - SHOWN
        cut = [f"and {more} more, see run.json"] if more > 0 else []
        return [f"{self.filled} of {self.layers} layers begin as in {self.file}", *self.notes[:SHOWN], *cut]


def begin_classifier(
    member: Member, findings: Sequence[str], single: bool, precision: str = FLOAT32
) -> tuple[keras.Model, Taken | None]:
    """Return the member's network with the weights it is to begin with, and what was taken over from a file, if any.

    Raises UserError as `build_classifier`, and when the file is missing, damaged or does not fit at all.
    """
    model = build_classifier(member, len(findings), single, precision)
    if member.weights_file is None:
        return model, None
    return model, take_over(model, member.weights_file, findings)


def begin_at(model: keras.Model, logits: np.ndarray) -> None:
    """Let the head of a classifier answer with these logits (K,) where it sees nothing; one that has learnt stays."""
    head = model.get_layer(HEAD)
    if not np.any(keras.ops.convert_to_numpy(head.bias)):
        head.bias.assign(logits.astype(np.float32))


def take_over(model: keras.Model, path: Path, findings: Sequence[str]) -> Taken:
    """Give the layers of `model`, which answers `findings`, the weights of the model in `path` where they fit.

    The last layer is taken over only from a model of the same findings in the same order, by the run.json beside it.
    """
    if not path.is_file():
        raise UserError(f'weights: {path}: no such file; give a model.keras of ours, "imagenet" or null')
    there = load_model(path)
    sources = _by_key(there)
    wanted = {key: layer for key, layer in _by_key(model).items() if _learns(layer)}
    notes = {key: _misfit(layer, sources.get(key)) for key, layer in wanted.items()}
    notes[HEAD] = _other_findings(wanted[HEAD], sources.get(HEAD), path, findings) or notes[HEAD]
    filled = [key for key, note in notes.items() if note is None]
    if not set(filled) - {HEAD}:
        raise UserError(f"weights: {path}: no layer of {model.name} fits it; it holds a network called {there.name}")
    for key in filled:
        wanted[key].set_weights(sources[key].get_weights())
    others = [note for note in notes.values() if note is not None]
    return Taken(str(path), len(wanted), len(filled), (*_other_range(model, there), *others))


def _by_key(model: keras.Model) -> dict[str, layers.Layer]:
    """Every layer by its name, or by its kind and its place among those that Keras named."""
    found, counted = {}, defaultdict(list)
    for layer in model.layers:
        kind = re.sub(r"_\d+$", "", layer.name)
        if kind == _kind(layer):
            number = layer.name.removeprefix(kind).removeprefix("_")
            counted[kind].append((int(number or 0), layer))
        else:
            found[layer.name] = layer
    for kind, numbered in counted.items():
        for place, (_, layer) in enumerate(sorted(numbered, key=lambda one: one[0])):
            found[f"{kind}:{place}"] = layer
    return found


def _kind(layer: layers.Layer) -> str:
    """What Keras calls a layer without a name: BatchNormalization -> batch_normalization, Conv2D -> conv2d."""
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", type(layer).__name__)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _learns(layer: layers.Layer) -> bool:
    """Whether it has weights that training changes: Keras' own normalisation of images does not count."""
    return bool(layer.weights) and not isinstance(layer, layers.Normalization)


def _misfit(layer: layers.Layer, source: layers.Layer | None) -> str | None:
    here = _shapes(layer)
    if source is None or not source.weights:
        return f"{layer.name}: {here} here, not there"
    return None if _shapes(source) == here else f"{layer.name}: {here} here, {_shapes(source)} there"


def _shapes(layer: layers.Layer) -> str:
    return ", ".join("x".join(map(str, weight.shape)) or "scalar" for weight in layer.weights)


def _other_findings(
    layer: layers.Layer, source: layers.Layer | None, path: Path, findings: Sequence[str]
) -> str | None:
    """Why the last layer of the file is not that of our findings; None where it is."""
    record = path.with_name(RUN)
    known = read_json(record).get("findings") if record.is_file() else None
    if known is None:
        return f"{HEAD}: new, because no {RUN} beside the file says which findings it answers"
    if known != list(findings):
        return f"{HEAD}: new, because the file answers other findings ({', '.join(known)})"
    if source is not None and source.get_config().get("activation") != layer.get_config()["activation"]:
        return f"{HEAD}: new, because only one of the two answers with a single finding"
    return None


def _other_range(model: keras.Model, there: keras.Model) -> list[str]:
    """A warning where the two see images in other ranges: those weights then begin on what they never saw."""
    ours, theirs = ({one.name: one for one in net.layers}.get(NORMALIZE) for net in (model, there))
    if ours is None or theirs is None or _range(ours) == _range(theirs):
        return []
    return [f"{NORMALIZE}: the file learnt on images normalised otherwise; give the member its normalization"]


def _range(normalize: layers.Layer) -> tuple[Any, ...]:
    config = normalize.get_config()
    return type(normalize).__name__, config.get("scale"), config.get("offset")
