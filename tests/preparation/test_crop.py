import numpy as np
import pytest

from cxr.config.params import Crop, Margins
from cxr.images.files import write_png
from cxr.images.geometry import cut_box, resize
from cxr.images.lies import LYING
from cxr.preparation.box import whole_image_box
from cxr.preparation.crop import crop_images

PX = 48
NO_MARGINS = Margins(top=0, bottom=0, sides=0)


class Oracle:
    """A lung network that knows the answer; keeps what it was asked."""

    name = "oracle"

    def __init__(self, maps):
        self.maps, self.asked = maps, []

    def run(self, images):
        self.asked.append(images)
        known = np.stack(self.maps)[..., None].astype(np.float32)
        return [known if len(known) == len(images) else np.zeros(images.shape, np.float32)]


class UprightOracle:
    """A lung network that knows one upright image and finds nothing in others."""

    name = "oracle"

    def __init__(self, image, lungs):
        self.image, self.map_ = resize(image, PX, PX), resize(lungs.astype(np.float32), PX, PX)

    def run(self, images):
        known = [np.array_equal(image[..., 0], self.image) for image in images]
        return [np.stack([self.map_ * one for one in known])[..., None]]


@pytest.fixture
def one(chest, tmp_path):
    """Path, pixels and true lungs of one image, and the network that finds them."""
    image, lungs = chest(3)
    write_png(tmp_path / "one.png", image)
    return tmp_path / "one.png", image, lungs, Oracle([resize(lungs.astype(np.float32), PX, PX)])


def crop_one(one, engine, **parameters):
    (row,) = crop_images([one[0]], Crop(image_px=32, **parameters), engine, PX)
    return row


def test_crop_cuts_the_square_around_the_lungs(one):
    _, image, lungs, engine = one
    row = crop_one(one, engine, margins=NO_MARGINS)
    rows, columns = np.nonzero(lungs)
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    pixel = max(image.shape) / PX  # the mask's resolution, in pixels of the image
    assert row.box.x1 - row.box.x0 == pytest.approx(max(height, width), abs=2 * pixel)
    assert (row.box.x0 + row.box.x1) / 2 == pytest.approx(columns.min() + width / 2, abs=2 * pixel)
    assert (row.box.y0 + row.box.y1) / 2 == pytest.approx(rows.min() + height / 2, abs=2 * pixel)
    np.testing.assert_array_equal(row.pixels, cut_box(image, row.box, 32))
    assert row.pixels.dtype == np.uint8
    assert row.pixels.shape == (32, 32)
    assert row.fallback is False
    assert row.lungs.quality > 0.9


def test_the_network_sees_the_image_plainly_resized_to_its_square(one):
    _, image, _, engine = one
    crop_one(one, engine)
    (asked,) = engine.asked
    assert asked.shape == (1, PX, PX, 1)
    assert asked.dtype == np.float32
    np.testing.assert_array_equal(asked[0, ..., 0], resize(image, PX, PX))


def test_mask_is_black_outside_the_lungs_and_untouched_inside(one):
    _, image, lungs, engine = one
    row = crop_one(one, engine, mode="mask")
    plain = crop_one(one, engine)
    assert row.box == plain.box
    found = resize(row.lungs.mask.astype(np.float32), *image.shape)
    share = cut_box((found >= 0.5).astype(np.uint8) * 255, row.box, 32)
    assert (row.pixels[share == 0] == 0).all()
    np.testing.assert_array_equal(row.pixels[share == 255], plain.pixels[share == 255])
    assert 0.2 < (row.pixels == 0).mean() < 0.8
    truth = cut_box(lungs.astype(np.uint8) * 255, row.box, 32)
    assert ((row.pixels > 0) == (truth > 127)).mean() > 0.95


def test_none_is_the_whole_image_and_asks_nobody(one):
    _, image, _, _ = one
    row = crop_one(one, None, mode="none")
    assert row.box == whole_image_box(*image.shape)
    np.testing.assert_array_equal(row.pixels, cut_box(image, row.box, 32))
    assert row.lungs is None
    assert row.fallback is False


@pytest.mark.parametrize("mode", ["crop", "mask"])
@pytest.mark.parametrize("map_", [np.zeros((PX, PX)), np.ones((PX, PX))], ids=["nothing", "everything"])
def test_a_mask_that_fails_the_quality_check_means_the_whole_image(one, mode, map_):
    _, image, _, _ = one
    row = crop_one(one, Oracle([map_]), mode=mode)
    assert row.fallback is True
    assert row.lungs.quality == 0
    assert row.box == whole_image_box(*image.shape)
    np.testing.assert_array_equal(row.pixels, cut_box(image, row.box, 32))


def test_min_quality_is_the_line(one):
    _, _, lungs, _ = one
    unsure = resize(lungs.astype(np.float32), PX, PX) * 0.7  # quality 0.6
    quality = crop_one(one, Oracle([unsure])).lungs.quality
    assert 0.5 < quality < 0.7
    assert crop_one(one, Oracle([unsure]), min_quality=quality - 0.01).fallback is False
    assert crop_one(one, Oracle([unsure]), min_quality=quality + 0.01).fallback is True


@pytest.mark.parametrize("mode", ["crop", "mask"])
@pytest.mark.parametrize("lie", LYING, ids=lambda lie: lie.name)
def test_an_image_that_lies_otherwise_is_set_upright(chest, tmp_path, lie, mode):
    image, lungs = chest(3)
    image, lungs = image[:, : PX * 3], lungs[:, : PX * 3]
    write_png(tmp_path / "upright.png", image)
    write_png(tmp_path / "lying.png", lie.lay(image))
    engine = UprightOracle(image, lungs)
    crop = Crop(image_px=32, mode=mode)
    upright, lying = crop_images([tmp_path / "upright.png", tmp_path / "lying.png"], crop, engine, PX)
    assert (upright.lies, lying.lies) == ("", lie.name)
    assert lying.fallback is False
    assert lying.lungs.quality == upright.lungs.quality
    np.testing.assert_array_equal(lying.pixels, upright.pixels)
    np.testing.assert_array_equal(lying.lungs.mask, lie.turn(upright.lungs.mask))
    assert (lying.height_px, lying.width_px) == lie.lay(image).shape
    if mode == "crop":  # the box is where it lies in the original
        np.testing.assert_array_equal(lie.set_upright(cut_box(lie.lay(image), lying.box, 32)), lying.pixels)


def test_an_image_that_lies_otherwise_stays_as_it_is_on_request(chest, tmp_path):
    image, lungs = chest(3)
    write_png(tmp_path / "lying.png", LYING[0].lay(image))
    (row,) = crop_images([tmp_path / "lying.png"], Crop(upright=False), UprightOracle(image, lungs), PX)
    assert (row.fallback, row.lies) == (True, "")


def test_an_empty_mask_is_a_fallback_even_when_any_quality_will_do(one):
    assert crop_one(one, Oracle([np.zeros((PX, PX))]), min_quality=0.0).fallback is True


def test_unreadable_files_become_reasons_and_shift_nobody(chest, tmp_path):
    paths = [tmp_path / f"{name}.png" for name in ("a", "missing", "b", "text", "cut", "c", "flat")]
    lungs = []
    for number, place in enumerate((0, 2, 5)):
        image, mask = chest(number)
        write_png(paths[place], image)
        lungs.append(resize(mask.astype(np.float32), PX, PX))
    paths[3].write_text("no image")
    paths[4].write_bytes(paths[0].read_bytes()[:90])
    write_png(paths[6], np.full((40, 40), 7, np.uint8))
    engine = Oracle(lungs)
    results = crop_images(paths, Crop(image_px=32), engine, PX)
    reasons = {path.stem: row for path, row in zip(paths, results, strict=True) if isinstance(row, str)}
    assert list(reasons) == ["missing", "text", "cut", "flat"]
    for name, reason in [
        ("missing", "No such file"),
        ("text", "neither PNG"),
        ("cut", "truncated"),
        ("flat", "contrast"),
    ]:
        assert reason in reasons[name]
    for number, place in enumerate((0, 2, 5)):
        np.testing.assert_array_equal(results[place].lungs.mask, lungs[number] > 0.5)
        np.testing.assert_array_equal(results[place].pixels, cut_box(chest(number)[0], results[place].box, 32))
    assert len(engine.asked[0]) == 3


def test_files_that_are_all_unreadable_ask_nobody(tmp_path):
    engine = Oracle([])
    assert all(isinstance(row, str) for row in crop_images([tmp_path / "a", tmp_path / "b"], Crop(), engine, PX))
    assert engine.asked == []
