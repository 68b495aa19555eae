"""Drawn chests whose lungs are simply dark, and a lung network that simply calls dark what is dark."""

import keras
import numpy as np
import pandas as pd
import pytest

from cxr.datasets.table import DESCRIPTION, REJECTED, SourceTable
from cxr.engines.openvino_engine import export_openvino
from cxr.images.files import write_png
from cxr.preparation.chunks import LungNet

LUNG_PX = 36  # no multiple of eight
FINDINGS = ("Effusion", "Mass")


def draw_chest(number):
    """Image (H, W) uint8 and its true lung mask; size, place and proportions differ from number to number."""
    random = np.random.default_rng([7, number])
    height, width = random.integers(60, 100, 2)
    y, x = np.mgrid[:height, :width]
    y, x = (y + 0.5) / height - random.uniform(-0.08, 0.08), (x + 0.5) / width - random.uniform(-0.05, 0.05)
    tall = random.uniform(0.25, 0.33)
    lungs = ((np.abs(x - 0.5) - 0.2) / 0.13) ** 2 + ((y - 0.5) / tall) ** 2 < 1
    image = np.where(lungs, 50, 200) + random.normal(0, 5, (height, width))
    return np.clip(image, 0, 255).astype(np.uint8), lungs


@pytest.fixture(scope="session")
def chest():
    return draw_chest


@pytest.fixture(scope="session")
def dark_network():
    """A U-Net's stand-in: dark is lung, with certainty."""
    image = keras.Input((LUNG_PX, LUNG_PX, 1), name="image")
    logit = keras.layers.Rescaling(-0.2, offset=0.2 * 125)(image)
    return keras.Model(image, keras.layers.Activation("sigmoid", name="mask")(logit))


@pytest.fixture(scope="session")
def lung_net(dark_network, tmp_path_factory):
    """The same as OpenVINO files."""
    return LungNet(LUNG_PX, openvino=export_openvino(dark_network, tmp_path_factory.mktemp("lungs")))


@pytest.fixture(scope="session")
def make_chests():
    """A function: folder -> a source of `count` chests of patients with two images each.

    One in nine has no lungs; `broken` of them cannot be read, each in its own way.
    """

    def make(folder, count=24, broken=0, name="drawn"):
        rows = []
        for number in range(count):
            image, lungs = draw_chest(number)
            if number % 9 == 4:
                image[lungs] = 205
            image_id = f"c{number:03d}.png"
            write_png(folder / image_id, image)
            labels = (str(number % 2), ("1", "0", "-1", "")[number % 4])
            rows.append((image_id, name, image_id, f"p{number // 2}", f"p{number // 2}-0", *"PF5", "", *labels))
        if broken > 0:
            (folder / "c003.png").write_bytes((folder / "c003.png").read_bytes()[:100])
        if broken > 1:
            (folder / "c007.png").write_text('no image, "quoted"\n')
        if broken > 2:
            (folder / "c010.png").unlink()
        if broken > 3:
            write_png(folder / "c011.png", np.full((50, 50), 9, np.uint8))
        table = pd.DataFrame(rows, columns=[*DESCRIPTION, *FINDINGS], dtype=str)
        table["row"] = table.index + 1
        return SourceTable(name, folder, FINDINGS, table, pd.DataFrame(columns=REJECTED))

    return make
