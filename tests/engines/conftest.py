"""Networks with weights that are not those of the start, as Keras models and as OpenVINO files."""

import keras
import numpy as np
import pytest

from cxr.classification.networks.classifier import build_classifier
from cxr.config.member import Member
from cxr.engines.openvino_engine import export_openvino
from cxr.segmentation.unet import build_unet
from cxr.visualization.methods.grad_cam import with_maps

IMAGE_PX = 32


def shaken(model, seed=0):
    """The model with moved batch norms and biases, so that none of them is an identity."""
    random = np.random.default_rng(seed)
    moved = [w + random.uniform(-0.3, 0.3, w.shape).astype(w.dtype) * (w.ndim == 1) for w in model.get_weights()]
    model.set_weights(moved)
    return model


@pytest.fixture(scope="session")
def unet():
    keras.utils.set_random_seed(1)
    return shaken(build_unet(IMAGE_PX, width=4, depth=2))


@pytest.fixture(scope="session")
def classifier():
    """A classifier of three findings that also gives its maps."""
    keras.utils.set_random_seed(2)
    return with_maps(shaken(build_classifier(Member(network="tiny", image_px=IMAGE_PX), findings=3)))


@pytest.fixture(scope="session")
def unet_files(unet, tmp_path_factory):
    return export_openvino(unet, tmp_path_factory.mktemp("unet"))


@pytest.fixture(scope="session")
def classifier_files(classifier, tmp_path_factory):
    return export_openvino(classifier, tmp_path_factory.mktemp("classifier"))


@pytest.fixture(scope="session")
def images():
    """(21, 32, 32, 1) of different darkness: more than one batch of 16, and the last one not full."""
    random = np.random.default_rng(3)
    darkness = np.linspace(0.1, 1, 21)[:, None, None, None]
    return (random.uniform(0, 255, (21, IMAGE_PX, IMAGE_PX, 1)) * darkness).astype(np.float32)
