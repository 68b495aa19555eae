"""A member's parameters in, its classifier as one flat graph out: image -> features -> pooling -> findings."""

import keras
from keras import layers

from cxr.classification.networks.from_scratch import ready_from_scratch
from cxr.classification.networks.last_stride import without_last_stride
from cxr.classification.networks.registry import backbone_of
from cxr.config.errors import UserError
from cxr.config.member import Member
from cxr.training.precision import FLOAT32, layers_in


def build_classifier(member: Member, findings: int, single: bool = False, precision: str = FLOAT32) -> keras.Model:
    """Return the network: input `image` (S, S, 1) grey 0..255, feature map `features`, output `findings` (K) in [0, 1].

    single: an image has exactly one of the findings; the outputs sum to 1 (softmax). Otherwise each is a sigmoid.
    precision: of the computation up to `features`; that and all behind it is float32, and so are all weights.
    Raises UserError when the network refuses the image size or its ImageNet weights cannot be had.
    """
    image = keras.Input((member.image_px, member.image_px, 1), name="image")
    rgb = layers.Concatenate(name="grey_to_rgb")([image, image, image])
    with layers_in(precision):
        x = _backbone(member, rgb)
    x = layers.Activation("linear", name="features")(x)
    x = layers.GlobalAveragePooling2D(name="pooling")(x)
    x = layers.Dropout(member.dropout, name="dropout")(x)
    probabilities = layers.Dense(findings, activation="softmax" if single else "sigmoid", name="findings")(x)
    model = keras.Model(image, probabilities, name=member.network)
    if member.last_stride == 1:
        model = without_last_stride(model)
    if member.weights is None:
        ready_from_scratch(model)
    return model


def _backbone(member: Member, rgb: keras.KerasTensor) -> keras.KerasTensor:
    build = backbone_of(member.network)
    try:
        return build(rgb, member.normalization, member.weights)
    except ValueError as error:
        if "size" not in str(error):
            raise
        reason = str(error).splitlines()[0]
        raise UserError(f"image_px {member.image_px} does not suit {member.network}: {reason}") from error
    except Exception as error:
        if member.weights != "imagenet" or not _is_download_error(error):
            raise
        raise UserError(
            f'{member.network}: "weights": "imagenet" could not be downloaded ({error}). With a network connection run '
            'once to fill the folder ~/.keras/models, copy that folder here, or set "weights": null to start from '
            "random weights"
        ) from error


def _is_download_error(error: Exception) -> bool:
    """Keras raises a bare Exception that starts so, with the address and the reason."""
    return str(error).startswith("URL fetch failure") or isinstance(error, OSError)
