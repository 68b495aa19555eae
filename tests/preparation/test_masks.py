import shutil

import numpy as np
import pandas as pd
import pytest

from cxr.config.errors import UserError
from cxr.images.files import read_image, write_png
from cxr.preparation import masks as module
from cxr.preparation.chunks import LungNet
from cxr.preparation.masks import COLUMNS, write_masks


@pytest.fixture
def images(chest, tmp_path):
    """40 chests in two folders, one of them broken and one without lungs, and a text file."""
    folder = tmp_path / "xrays"
    for number in range(40):
        image, lungs = chest(number)
        if number == 5:
            image[lungs] = 205
        write_png(folder / ("a" if number < 20 else "b/c") / f"{number:02d}.png", image)
    (folder / "a" / "03.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (folder / "notes.txt").write_text("no image")
    return folder


def write(images, folder, net, **changes):
    keys = {"net_hash": "n", "min_quality": 0.5, "backend": "threading", "workers": 1} | changes
    table, fresh = write_masks(images, folder, net, **keys)
    assert fresh
    return table


def test_every_image_has_a_mask_of_its_size_or_a_reason(images, lung_net, chest, tmp_path):
    told = []
    table = write(images, tmp_path / "masks", lung_net, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(32, 40), (40, 40)]
    written = pd.read_csv(tmp_path / "masks" / "masks.csv", keep_default_na=False)
    pd.testing.assert_frame_equal(written, table, check_dtype=False)
    assert list(table.columns) == COLUMNS
    assert list(table["path"]) == [f"{'a' if n < 20 else 'b/c'}/{n:02d}.png" for n in range(40)]
    table = table.set_index("path")
    assert (
        table.loc["a/03.png", "reason"] == "cannot be decoded: the file is damaged" or table.loc["a/03.png", "reason"]
    )
    assert table.loc["a/03.png", "mask"] == ""
    assert list(table.index[table["usable"] == 0]) == ["a/03.png", "a/05.png"]
    for number in (0, 17, 33):
        image, lungs = chest(number)
        row = table.loc[f"{'a' if number < 20 else 'b/c'}/{number:02d}.png"]
        mask = read_image(tmp_path / "masks" / row["mask"])
        assert mask.shape == image.shape == (row["height_px"], row["width_px"])
        assert set(np.unique(mask)) == {0, 255}
        overlap = 2 * ((mask > 0) & lungs).sum() / ((mask > 0).sum() + lungs.sum())
        assert overlap > 0.95
        assert row["lung_fraction"] == pytest.approx((mask > 0).mean(), abs=1e-4)
    assert not list((tmp_path / "masks").rglob(".part-*"))


def test_two_processes_write_the_same_bytes(images, lung_net, tmp_path):
    first = write(images, tmp_path / "one", lung_net)
    second = write(images, tmp_path / "two", lung_net, backend="loky", workers=2)
    pd.testing.assert_frame_equal(first, second)
    for path in first["mask"]:
        if path:
            assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()


class Killed(BaseException):
    pass


def test_an_interrupted_run_goes_on(images, lung_net, tmp_path, monkeypatch):
    def kill(done, total):
        raise Killed

    with pytest.raises(Killed):
        write(images, tmp_path / "masks", lung_net, on_progress=kill)
    with pytest.raises(UserError, match="holds no run of the same images and parameters"):
        write(images, tmp_path / "masks", lung_net, min_quality=0.9)
    read, asked = module.read_image, []
    monkeypatch.setattr(module, "read_image", lambda path: asked.append(path.name) or read(path))
    table = write(images, tmp_path / "masks", lung_net)
    assert asked == [f"{number}.png" for number in range(32, 40)]
    pd.testing.assert_frame_equal(table, write(images, tmp_path / "again", lung_net))


def test_a_finished_run_is_kept_and_one_whose_mask_is_gone_is_refused(images, lung_net, tmp_path):
    first = write(images, tmp_path / "masks", lung_net)
    keys = {"net_hash": "n", "min_quality": 0.5, "backend": "threading", "workers": 1}
    again, fresh = write_masks(images, tmp_path / "masks", lung_net, **keys)
    assert not fresh
    pd.testing.assert_frame_equal(again, first, check_dtype=False)
    (tmp_path / "masks" / first["mask"][0]).unlink()
    with pytest.raises(UserError, match="is not empty, and holds no run of the same"):
        write_masks(images, tmp_path / "masks", lung_net, **keys)


def test_dicom_is_known_by_its_content(images, lung_net, tmp_path):
    exported = tmp_path / "xrays" / "1.2.840.10008.7"
    exported.write_bytes(bytes(128) + b"DICM" + b"no more")
    table = write(images, tmp_path / "masks", lung_net)
    (row,) = table[table["path"] == "1.2.840.10008.7"].to_dict("records")
    assert row["mask"] == ""
    assert "DICOM" in row["reason"]


def test_images_of_one_name_and_two_endings_keep_their_ending(chest, lung_net, tmp_path):
    image, _ = chest(0)
    write_png(tmp_path / "xrays" / "x.png", image)
    shutil.copy(tmp_path / "xrays" / "x.png", tmp_path / "xrays" / "x.jpg")  # the content says what it is
    table = write(tmp_path / "xrays", tmp_path / "masks", lung_net)
    assert list(table["mask"]) == ["x.jpg.png", "x.png.png"]


def test_what_cannot_be_done_is_one_sentence(images, lung_net, tmp_path):
    with pytest.raises(UserError, match="no such folder; name one that holds X-rays"):
        write(tmp_path / "nowhere", tmp_path / "masks", lung_net)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"holds no image \(.png, .*, or DICOM under any name"):
        write(tmp_path / "empty", tmp_path / "masks", lung_net)
    with pytest.raises(UserError, match="the masks would be taken for X-rays"):
        write(images, images / "masks", lung_net)
    with pytest.raises(UserError, match="is not empty, and holds no run"):
        write(images, tmp_path, lung_net)


def test_erosion_and_dilation_are_those_of_the_network(images, lung_net, tmp_path):
    from cxr.config.lungs import Cleaning

    plain = write(images, tmp_path / "plain", lung_net)
    net = LungNet(lung_net.image_px, Cleaning(dilate=1), openvino=lung_net.openvino)
    grown = write(images, tmp_path / "grown", net)
    good = plain["usable"] == 1
    assert (grown["lung_fraction"][good] > plain["lung_fraction"][good]).all()
