"""What several rooms' tests share: a quiet TensorFlow, a small prepared data set, and a group trained on it."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from cxr.config.labels import Findings
from cxr.config.params import Params
from cxr.config.settings import Settings
from cxr.datasets.table import DESCRIPTION, REJECTED, SourceTable
from cxr.images.files import write_png

FINDINGS = ("Cardiomegaly", "Effusion", "Mass")
HEIGHT_PX, WIDTH_PX = 40, 52
MEMBER = {"network": "tiny", "image_px": 32}

settings.register_profile("untimed", deadline=None)  # an example that a busy machine slows down is no failure
settings.load_profile("untimed")


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="test every registered network, not one of each family")


def pytest_generate_tests(metafunc):
    """Run what takes `any_network` for the first network of each file, with --all for every registered one."""
    if "any_network" not in metafunc.fixturenames:
        return
    from cxr.classification.networks.registry import NETWORKS

    modules = [network.module for network in NETWORKS.values()]
    firsts = [name for number, name in enumerate(NETWORKS) if modules.index(modules[number]) == number]
    names = list(NETWORKS) if metafunc.config.getoption("--all") else firsts
    metafunc.parametrize("any_network", names, scope="module")


@pytest.fixture(scope="session")
def make_source():
    """A function: folder -> a source of drawn images; each finding is a bright disc at a place of its own.

    Patient p has p % 3 + 1 images. Some labels are uncertain or unknown; `Mass` is rare.
    """

    def make(folder, patients=20, findings=FINDINGS, seed=0, name="drawn"):
        random = np.random.default_rng(seed)
        rows = []
        y, x = np.mgrid[:HEIGHT_PX, :WIDTH_PX]
        for patient in range(patients):
            for visit in range(patient % 3 + 1):
                image_id = f"{patient:04d}_{visit}.png"
                present = random.random(len(findings)) < np.linspace(0.5, 0.2, len(findings))
                image = random.normal(90, 12, (HEIGHT_PX, WIDTH_PX))
                for k in np.flatnonzero(present):
                    image += 90 * ((y - 20) ** 2 + (x - 10 - 15 * k) ** 2 < 25)
                write_png(folder / image_id, np.clip(image, 0, 255).astype(np.uint8))
                labels = np.where(present, "1", "0").astype("<U2")
                labels[random.random(len(findings)) < 0.05] = "-1"
                labels[random.random(len(findings)) < 0.05] = ""
                described = (image_id, name, image_id, f"p{patient}", f"p{patient}-{visit}", "PA", "F", "50", "")
                rows.append((*described, *labels))
        table = pd.DataFrame(rows, columns=[*DESCRIPTION, *findings], dtype=str)
        table["row"] = table.index + 1
        return SourceTable(name, folder, tuple(findings), table, pd.DataFrame(columns=REJECTED))

    return make


@pytest.fixture(scope="session")
def make_params():
    """A function: keyword arguments over the parameters of two tiny members that train for two epochs."""

    def make(**changes):
        params = {
            "seed": 3,
            "findings": {"set": list(FINDINGS)},
            "split": {"val": 0.25, "test": 0.25},
            "crop": {"mode": "none", "image_px": 32},
            "members": {"first": MEMBER, "second": {**MEMBER, "image_px": 24, "normalization": "per_image"}},
            "groups": {"Both": ["first", "second"], "One": ["first"]},
            "training": {"epochs": 2, "batch": 8},
            "heatmaps": {"images_per_finding": 3},
        }
        return Params.model_validate(params | changes)

    return make


@pytest.fixture(scope="session")
def make_settings():
    """A function: folder -> settings whose results go there, in this process; the data set it names is never read."""

    def make(folder, **changes):
        settings = {
            "datasets": [{"format": "phantom", "patients": 1, "name": "drawn"}],
            "prepared_dir": folder / "prepared",
            "models_dir": folder / "models",
            "parallel": {"backend": "threading", "workers": 1},
        }
        return Settings.model_validate(settings | changes)

    return make


@pytest.fixture(scope="session")
def store(tmp_path_factory, make_source, make_params, make_settings):
    """A prepared data set without lungs: 39 images of 20 patients in three parts; nobody may change it."""
    from cxr.preparation.prepare import prepare
    from cxr.preparation.store import open_store

    folder = tmp_path_factory.mktemp("drawn")
    files, _ = prepare([make_source(folder / "images")], make_settings(folder), make_params(), None, workers=1)
    store = open_store(files, Findings(set=list(FINDINGS)))
    for array in (store.labels, store.parts, store.rows):
        array.flags.writeable = False
    return store


@pytest.fixture
def own_store(store, tmp_path):
    """The same, for a test that changes it: paths of its own, labels of its own."""
    paths = [tmp_path / "images" / path.name for path in store.paths]
    (tmp_path / "images").mkdir()
    for old, new in zip(store.paths, paths, strict=True):
        new.write_bytes(old.read_bytes())
    return dataclasses.replace(store, paths=paths, labels=store.labels.copy(), parts=store.parts.copy())


@pytest.fixture(scope="session")
def train():
    """A function: params, store, folder -> train_group with Keras as the engine; `group` and others may be given."""
    from cxr.classification.execution import Execution
    from cxr.classification.group import train_group

    def run(params, store, folder, group="Both", overwrite=False, progress=None):
        def quiet(title):
            return lambda done, total: None

        how = Execution("keras", progress or quiet, overwrite)
        return train_group(group, params, {"": store}, folder, how)

    return run


@pytest.fixture(scope="session")
def kill_at():
    """A function: step, function of a progress -> None, once that function has died at this step, as if killed."""

    class Killed(BaseException):
        """Nothing in the package may catch it."""

    def run(step, train):
        def tell(done, total):
            if done == step:
                raise Killed

        with pytest.raises(Killed):
            train(tell)

    return run


@pytest.fixture(scope="session")
def trained(train, make_params, store, tmp_path_factory):
    """Folder, run.json and names of what was trained of the group of two; nobody may change it."""
    folder = tmp_path_factory.mktemp("group") / "Both"
    return folder, *train(make_params(), store, folder)


@pytest.fixture
def copied(trained, tmp_path):
    """A copy of the folder of the trained group for a test that changes it."""
    return shutil.copytree(trained[0], tmp_path / "Both")


@pytest.fixture(scope="session")
def real_data():
    """The folder of real X-rays; a test that needs it is skipped without."""
    folder = os.environ.get("CXR_REAL_DATA")
    if not folder:
        pytest.skip("CXR_REAL_DATA is not set")
    return Path(folder)


@pytest.fixture(scope="session")
def gradcam_by_gradient():
    """A function: model, images, finding, pooling -> maps (N, h, w), each over its maximum, and probabilities (N,).

    Grad-CAM as its paper defines it (eq. 1 and 2), of the finding's logit, with every pooling as its own paper has it.
    """
    import tensorflow as tf

    def run(model, images, finding, pooling="avg"):
        import keras

        features = keras.Model(model.input, model.get_layer("features").output)(images, training=False)
        kernel, bias = (w[..., finding] for w in model.get_layer("findings").get_weights())
        with tf.GradientTape() as tape:
            tape.watch(features)
            pooled = {
                "avg": lambda: tf.reduce_mean(features, axis=(1, 2)),
                "max": lambda: tf.reduce_max(features, axis=(1, 2)),
                "lse": lambda: tf.math.log(tf.reduce_mean(tf.exp(10 * features), axis=(1, 2))) / 10,
                "pcam": lambda: _weighted_by_probability(features, kernel, bias),
            }[pooling]()
            logit = tf.linalg.matvec(pooled, kernel) + bias
            total = tf.reduce_sum(logit)
        importance = tf.reduce_mean(tape.gradient(total, features), axis=(1, 2), keepdims=True)
        maps = tf.nn.relu(tf.reduce_sum(importance * features, axis=-1)).numpy()
        highest = maps.max(axis=(1, 2), keepdims=True)
        return np.where(highest > 0, maps / np.where(highest > 0, highest, 1), 0), tf.sigmoid(logit).numpy()

    def _weighted_by_probability(features, kernel, bias):
        share = tf.sigmoid(tf.linalg.matvec(features, kernel) + bias)[..., None]
        return tf.reduce_sum(share * features, axis=(1, 2)) / tf.reduce_sum(share, axis=(1, 2))

    return run
