"""A member's parameters in, its classifier as one flat graph out: image -> features -> pooling -> findings."""

import os
import re
from pathlib import Path

import keras
from keras import layers

from cxr.classification.networks.attention import squeeze_excitation
from cxr.classification.networks.from_scratch import ready_from_scratch
from cxr.classification.networks.last_stride import without_last_stride
from cxr.classification.networks.pooling import pool_and_classify
from cxr.classification.networks.registry import NETWORKS, backbone_of
from cxr.config.errors import UserError
from cxr.config.member import Member
from cxr.training.precision import FLOAT32, layers_in


def build_classifier(member: Member, findings: int, single: bool = False, precision: str = FLOAT32) -> keras.Model:
    """Return the network: input `image` (S, S, 1) grey 0..255, feature map `features`, output `findings` (K) in [0, 1].

    single: an image has exactly one of the findings; the outputs sum to 1 (softmax). Otherwise each is a sigmoid.
    precision: of the computation up to `features`; that and all behind it is float32, and so are all weights.
    Weights from a file are not read here: see `first_weights`.
    Raises UserError when the network takes no images of that size, or when its ImageNet weights do not exist, cannot be
    had or know another normalisation.
    """
    image = keras.Input((member.image_px, member.image_px, 1), name="image")
    rgb = layers.Concatenate(name="grey_to_rgb")([image, image, image])
    with layers_in(precision):
        x = _backbone(member, rgb)
        if member.squeeze_excitation:
            x = squeeze_excitation(x, member.squeeze_excitation, "squeeze_excitation")
    x = layers.Activation("linear", name="features")(x)
    probabilities = pool_and_classify(x, findings, member.pooling, member.dropout, single)
    model = keras.Model(image, probabilities, name=member.network)
    if member.last_stride == 1:
        model = without_last_stride(model)
    if member.weights is None:
        ready_from_scratch(model)
    return model


def _backbone(member: Member, rgb: keras.KerasTensor) -> keras.KerasTensor:
    known = NETWORKS[member.network]
    if reason := known.refusal(
        member.network, member.image_px, member.weights, member.normalization, member.any_normalization
    ):
        raise UserError(reason)
    try:
        return backbone_of(member.network)(rgb, member.normalization, None if member.weights_file else member.weights)
    except Exception as error:
        if member.weights != "imagenet" or not _is_download_error(error):
            raise
        raise UserError(
            f'{member.network}: "weights": "imagenet" could not be downloaded ({error}). With a network connection run '
            f'once, or fetch {_wanted_file(error)} elsewhere, and put it into {_cache()}; or set "weights": null to '
            "start from random weights"
        ) from error


def _wanted_file(error: Exception) -> str:
    """The file that Keras looks for: its address is in the message, and it is called so in the cache too."""
    address = re.search(r"https?://\S+?/([^/\s]+\.h5)", str(error))
    return address[1] if address else "the file"


def _cache() -> Path:
    return Path(os.environ.get("KERAS_HOME", "~/.keras")) / "models"


def _is_download_error(error: Exception) -> bool:
    """Keras raises a bare Exception that starts so, with the address and the reason."""
    return str(error).startswith("URL fetch failure") or isinstance(error, OSError)
