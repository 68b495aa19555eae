import dataclasses

import numpy as np
import pandas as pd
import pytest

from cxr.classification.crops import read_images
from cxr.classification.lung_control import hide, mask_in_crop, rows_with_lungs
from cxr.config.errors import UserError
from cxr.config.params import Crop
from cxr.images.files import write_png
from cxr.images.geometry import Box
from cxr.images.lies import BY_NAME, UPRIGHT
from cxr.preparation.crop import crop_images


class DrawnLungs:
    """An engine that finds two fixed lungs in whatever it is shown upright: nothing else has the bright corner."""

    def run(self, images):
        maps = np.zeros(images.shape, np.float32)
        for map_, image in zip(maps, images[..., 0], strict=True):
            if image[:8, :8].mean() > 200:
                map_[16:52, 10:28], map_[16:52, 36:54] = 1, 1
        return [maps]


@pytest.mark.parametrize("name", BY_NAME)
def test_lungs_lie_in_the_crop_where_mask_mode_keeps_them(tmp_path, name):
    image = np.full((96, 128), 120, np.uint8)
    image[:24, :24] = 255
    write_png(tmp_path / "one.png", BY_NAME[name].lay(image))
    [row] = crop_images([tmp_path / "one.png"], Crop(mode="mask", image_px=48, min_quality=0.3), DrawnLungs(), 64)
    assert row.lies == name
    found = mask_in_crop(row.lungs.mask, row.box, BY_NAME[row.lies], row.height_px, row.width_px, 48)
    np.testing.assert_array_equal(found, row.pixels > 0)


@pytest.fixture
def with_lungs(store):
    """The store with a lung in the upper left quarter of every image; and its crops.csv."""
    masks = np.zeros((len(store.crops), 16, 16), bool)
    masks[:, :8, :8] = True
    n = len(store.rows)
    boxes, lies = [Box(0, 0, 52, 40)] * n, [UPRIGHT] * n
    table = pd.DataFrame({"row": store.rows.astype(str), "height_px": "40", "width_px": "52", "fallback": "0"})
    table.loc[table["row"] == str(store.rows[2]), "fallback"] = "1"
    return dataclasses.replace(store, lungs=np.packbits(masks, axis=-1), boxes=boxes, lies=lies), table


def test_one_part_is_black_and_the_other_as_it_was(with_lungs):
    store, table = with_lungs
    chosen = np.array([5, 0, 7])
    whole = read_images(store, chosen, 32)
    for hidden, upper_left_stays in (("lungs", False), ("rest", True)):
        found = read_images(hide(store, table, hidden), chosen, 32)
        expected = np.zeros_like(whole) if upper_left_stays else whole.copy()
        expected[:, :16, :16] = whole[:, :16, :16] if upper_left_stays else 0
        np.testing.assert_array_equal(found, expected)


def test_images_without_usable_lungs_and_of_other_parts_are_left_out(with_lungs):
    store, table = with_lungs
    rows = rows_with_lungs(store, table, ("val", "test"))
    expected = [row for row in range(len(store.rows)) if store.parts[row] in ("val", "test") and row != 2]
    assert list(rows) == expected


def test_without_lungs_there_is_no_control(store):
    with pytest.raises(UserError, match="lungs were not sought"):
        hide(store, pd.DataFrame(), "lungs")
