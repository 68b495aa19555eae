"""A bright square comes back on its own pixels: through the file, crop, padding, network, map and all the way back."""

import dataclasses
import itertools
import json

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from cxr.config.heatmaps import Heatmaps
from cxr.config.params import Crop
from cxr.images.geometry import Box, cut_box, place_box
from cxr.images.lies import BY_NAME
from cxr.preparation.crop import crop_images
from cxr.visualization.maps import open_maps

CROP_PX = 64


@pytest.fixture(scope="module")
def bright(tmp_path_factory):
    """The folder of a finished member that finds what is brighter than 128, with a place for every 4 pixels."""
    image = keras.Input((CROP_PX, CROP_PX, 1), name="image")
    x = layers.AveragePooling2D(4)(layers.ReLU()(layers.Rescaling(1, -128)(image)))
    pooled = layers.GlobalAveragePooling2D(name="pooling")(layers.Activation("linear", name="features")(x))
    model = keras.Model(image, layers.Dense(1, activation="sigmoid", name="findings")(pooled))
    model.get_layer("findings").set_weights([np.array([[0.1]]), np.array([-1.0])])
    folder = tmp_path_factory.mktemp("bright")
    model.save(folder / "model.keras")
    (folder / "run.json").write_text(json.dumps({"finished": True, "network": "bright", "findings": ["Bright"]}))
    return folder


@pytest.fixture
def heat_of(bright, store):
    """A function: crops (n, S, S) uint8, method -> heat of each over its crop."""

    def run(crops, method="grad_cam"):
        bare = dataclasses.replace(store, findings=("Bright",), crops=np.stack(crops), rows=np.arange(len(crops)))
        with open_maps([bright], bare, "keras", Heatmaps(method=method)) as read:
            maps = read(np.arange(len(crops)))
            return [maps.heat(number, 0, CROP_PX) for number in range(len(crops))]

    return run


def draw_square(height, width, square, dark=20, light=250):
    image = np.full((height, width), dark, np.uint8)
    image[square.y0 : square.y1, square.x0 : square.x1] = light
    return image


def assert_it_lies_on(heat, square, place_px):
    """The middle of the heat is the square's within a fifth of a place of the map, the edges of its half within one."""
    rows, columns = np.mgrid[: heat.shape[0], : heat.shape[1]] + 0.5
    middle = (columns * heat).sum() / heat.sum(), (rows * heat).sum() / heat.sum()
    assert middle == pytest.approx(((square.x0 + square.x1) / 2, (square.y0 + square.y1) / 2), abs=0.2 * place_px)
    rows, columns = np.nonzero(heat >= 0.5)
    edges = Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert edges == pytest.approx(square, abs=place_px)


@pytest.mark.parametrize("method", ["grad_cam", "grad_cam_plus_plus", "cam"])
def test_through_crop_and_padding_however_the_image_lies(heat_of, method):
    upright, square = draw_square(160, 200, Box(96, 64, 136, 104)), Box(96, 64, 136, 104)
    boxes = {"inside": Box(30, 20, 158, 148), "around": Box(-40, -30, 216, 226), "beyond": Box(60, 50, 252, 242)}
    cases = list(itertools.product(BY_NAME.values(), boxes.values()))
    heats = heat_of([cut_box(lie.set_upright(lie.lay(upright)), box, CROP_PX) for lie, box in cases], method)
    for heat, (lie, box) in zip(heats, cases, strict=True):
        back = place_box(lie.turn(heat), lie.turn_box(box, *upright.shape), *lie.lay(upright).shape)
        assert_it_lies_on(back, lie.turn_box(square, *upright.shape), (box.x1 - box.x0) / 16)


def test_through_files_of_other_sizes_and_bit_depths(heat_of, tmp_path):
    sizes = {"wide": (120, 300), "high": (300, 120), "small": (40, 48), "I;16": (160, 200), "RGBA": (160, 200)}
    squares = {}
    for name, (height, width) in sizes.items():
        side = min(height, width) // 3
        squares[name] = Box(width // 2, height // 4, width // 2 + side, height // 4 + side)
        image = draw_square(height, width, squares[name], dark=0)
        deep = Image.fromarray(image.astype(np.uint16) * 257) if name == "I;16" else Image.fromarray(image)
        (deep.convert("RGBA") if name == "RGBA" else deep).save(tmp_path / f"{name[0]}.png")
    rows = crop_images([tmp_path / f"{name[0]}.png" for name in sizes], Crop(mode="none", image_px=CROP_PX), None, 0)
    for heat, row, name in zip(heat_of([row.pixels for row in rows]), rows, sizes, strict=True):
        assert row.box.x1 - row.box.x0 == max(sizes[name])
        assert_it_lies_on(place_box(heat, row.box, *sizes[name]), squares[name], max(sizes[name]) / 16)
