"""A bundle of two tiny members with known calibration and thresholds, and images to try it on; nobody may change it."""

import shutil

import keras
import numpy as np
import pytest

from cxr.config.evaluation import OperatingPoint
from cxr.config.localization import MapCut
from cxr.config.lungs import Cleaning
from cxr.config.params import Crop
from cxr.evaluation.calibration_maps import Calibration, CalibrationMap
from cxr.evaluation.fitted import Fitted
from cxr.evaluation.fitted_files import CalibrationFile, SplitName, ThresholdsFile
from cxr.evaluation.thresholds import Threshold, Thresholds
from cxr.images.files import write_png
from cxr.prediction.bundle import read_bundle
from cxr.prediction.exported import Task, resized, write_bundle
from cxr.prediction.opened import open_bundle
from cxr.prediction.precisions import Validation

FINDINGS = ("Cardiomegaly", "Effusion", "Mass")
PLATT = {"Cardiomegaly": (1.5, -0.2), "Effusion": (0.8, 0.4), "Mass": (2.0, 0.0)}
CUTS = {"Cardiomegaly": 0.0, "Effusion": 1.0, "Mass": None}


def draw_chest(number):
    """(H, W) uint8: dark lungs on a bright ground; size and place differ from number to number."""
    random = np.random.default_rng([7, number])
    height, width = random.integers(60, 100, 2)
    y, x = np.mgrid[:height, :width]
    y, x = (y + 0.5) / height - random.uniform(-0.08, 0.08), (x + 0.5) / width - random.uniform(-0.05, 0.05)
    lungs = ((np.abs(x - 0.5) - 0.2) / 0.13) ** 2 + ((y - 0.5) / 0.3) ** 2 < 1
    image = np.where(lungs, 50, 200) + random.normal(0, 5, (height, width))
    return np.clip(image, 0, 255).astype(np.uint8)


def fit():
    """Calibration and thresholds of which the answers are known."""
    maps = {
        name: CalibrationMap(kind="platt", slope=slope, intercept=intercept, positives=20, negatives=20)
        for name, (slope, intercept) in PLATT.items()
    }
    cuts = {
        name: Threshold(threshold=cut, positives=20, negatives=20, reason=None if cut is not None else "too few")
        for name, cut in CUTS.items()
    }
    shared = {"images": 40, "images_hash": "x"}
    calibration = Calibration(method="platt", findings=maps, **shared)
    thresholds = Thresholds(operating_point=OperatingPoint(), calibration="platt", findings=cuts, **shared)
    split = SplitName(name="patients", hash="y")
    return Fitted(
        CalibrationFile(split=split, fits={"": calibration}), ThresholdsFile(split=split, fits={"": thresholds})
    )


@pytest.fixture(scope="session")
def group(trained, tmp_path_factory):
    """The folder of the trained group, evaluated."""
    folder = shutil.copytree(trained[0], tmp_path_factory.mktemp("evaluated") / "Both")
    fit().write(folder)
    return folder


@pytest.fixture(scope="session")
def lungs(tmp_path_factory):
    """The file of a U-Net's stand-in: dark is lung, with certainty."""
    image = keras.Input((36, 36, 1), name="image")
    logit = keras.layers.Rescaling(-0.2, offset=0.2 * 125)(image)
    path = tmp_path_factory.mktemp("lungs") / "unet.keras"
    keras.Model(image, keras.layers.Activation("sigmoid", name="mask")(logit)).save(path)
    return path


@pytest.fixture(scope="session")
def task():
    """A function: changes -> what is exported."""

    def make(**changes):
        kept = {
            "card": {"Intended use": ["Research."]},
            "synthetic": True,
            "foreign": [],
            "uncalibrated": None,
            "boxes": MapCut(),
        }
        crop = Crop(mode="crop", image_px=32)
        return Task(**{"group": "Both", "findings": FINDINGS, "crop": crop, "cleaning": Cleaning(), **kept, **changes})

    return make


@pytest.fixture(scope="session")
def validation(store):
    """A few images and labels."""
    labels = np.where(store.labels >= 0, store.labels, np.nan)
    return Validation(labels, lambda image_px, start, stop: resized(store.crops[start:stop])(image_px))


@pytest.fixture(scope="session")
def export(group, lungs, store, task, validation):
    """A function: target, keyword arguments -> write_bundle of the group."""

    def run(target, overwrite=False, engines=("openvino", "keras"), **changes):
        members = {"first": "tiny", "second": "tiny"}
        images = resized(store.crops[:5])
        return write_bundle(
            target, task(**changes), group, members, lungs, images, validation, overwrite, engines=engines
        )

    return run


@pytest.fixture(scope="session")
def bundle_folder(export, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "both"
    export(folder)
    return folder


@pytest.fixture(scope="session")
def bundle(bundle_folder):
    return read_bundle(bundle_folder)


@pytest.fixture(scope="session")
def opened(bundle):
    return open_bundle(bundle, "openvino", threads=2)


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """A folder of three chests, and one image in which no lungs can be found (`bright.png`)."""
    folder = tmp_path_factory.mktemp("images")
    for number in range(3):
        write_png(folder / f"chest{number}.png", draw_chest(number))
    write_png(folder / "bright.png", np.clip(draw_chest(3), 190, 255))
    return folder
