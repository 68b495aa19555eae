"""U-Nets with an encoder of another network, from `segmentation_models`; the only file that knows that package.

It is of 2020, and so is `efficientnet`, which it stands on; both are built by their own means and then copied layer by
layer into plain Keras, so that a saved network needs neither of them.
"""

import os
from contextlib import redirect_stdout
from io import StringIO

import keras
from keras import layers

from cxr.config.errors import UserError

IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
DECODER_FILTERS = (128, 64, 32, 16, 8)


def build_encoder_unet(network: str, image_px: int, pretrained: bool = False) -> keras.Model:
    """Return a U-Net: input `image` (image_px, image_px, 1) grey 0..255, output `mask` of the same shape in [0, 1].

    network: "resnet18", "resnet34" or "efficientnetb0". pretrained: fetch the encoder's ImageNet weights. image_px: a
    multiple of 32. Raises UserError when the package is missing or the weights cannot be fetched.
    """
    inner = _build(network, image_px, pretrained)
    image = keras.Input((image_px, image_px, 1), name="image")
    x = layers.Concatenate(name="to_rgb")([image, image, image])
    if network.startswith("efficientnet"):
        x = layers.Rescaling(1 / 255, name="rescale")(x)
        x = layers.Normalization(mean=IMAGENET_MEAN, variance=[sd**2 for sd in IMAGENET_SD], name="normalize")(x)
    copied = keras.models.clone_model(inner, clone_function=_plain)
    copied.set_weights(inner.get_weights())
    copied.name = "mask"
    return keras.Model(image, copied(x), name=f"{network}_unet")


def _build(network: str, image_px: int, pretrained: bool) -> keras.Model:
    os.environ.setdefault("SM_FRAMEWORK", "tf.keras")
    try:
        with redirect_stdout(StringIO()):  # it says which framework it uses
            import segmentation_models
    except ImportError as error:
        raise UserError(
            f'segmentation.network "{network}" needs the package segmentation-models, which cannot be imported '
            f'({error}); install requirements.txt, or use "unet"'
        ) from error
    weights = "imagenet" if pretrained else None
    try:
        return segmentation_models.Unet(
            network, input_shape=(image_px, image_px, 3), encoder_weights=weights, decoder_filters=DECODER_FILTERS
        )
    except OSError as error:
        raise UserError(
            f'segmentation.encoder_weights "imagenet": the weights of {network} cannot be fetched ({error}); connect '
            "to the internet, or use null to learn from random weights"
        ) from error


def _plain(layer: keras.Layer) -> keras.Layer:
    """A layer with the same configuration, of Keras' own kinds; batch statistics follow fast enough for short runs."""
    config = layer.get_config()
    if type(layer).__name__ == "FixedDropout":
        return layers.Dropout(config["rate"], noise_shape=config["noise_shape"], name=config["name"])
    if isinstance(layer, layers.BatchNormalization):
        config["momentum"] = 0.9
    if getattr(getattr(layer, "activation", None), "__name__", "") == "swish":  # a function of efficientnet's own
        config["activation"] = "silu"
    return layer.__class__.from_config(config)
