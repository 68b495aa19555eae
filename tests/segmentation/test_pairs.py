import shutil

import cv2
import numpy as np
import pytest

from cxr.config.errors import UserError
from cxr.config.settings import LungPairs
from cxr.images.files import read_image, write_png
from cxr.segmentation.pairs import find_pairs, load_pairs


@pytest.fixture
def folders(pair_folders, tmp_path):
    """The phantom pairs, for a test that changes them."""
    for folder in pair_folders:
        shutil.copytree(folder, tmp_path / folder.name)
    return tmp_path / "images", tmp_path / "masks"


def find(folders, **changes):
    return find_pairs(LungPairs(images=folders[0], masks=folders[1], **changes))


def load(folders, image_px=32, val=0.2, test=0.2, seed=1, **changes):
    return load_pairs(find(folders, **changes), image_px, val, test, seed)


def test_pairs_are_files_of_one_stem(folders):
    pairs = find(folders)
    assert [path.stem for path in pairs.images] == [path.stem for path in pairs.masks]
    assert len(pairs.images) == 14
    assert pairs.images[0].parent == folders[0]
    assert pairs.masks[0].parent == folders[1]
    assert pairs.patients == [path.stem for path in pairs.images]
    assert pairs.notes == []


def test_masks_may_be_named_mask_and_have_another_ending(folders):
    (folders[1] / "P01_a.png").rename(folders[1] / "P01_a_mask.png")
    cv2.imwrite(str(folders[0] / "P02_a.jpg"), read_image(folders[0] / "P02_a.png"))
    (folders[0] / "P02_a.png").unlink()
    cv2.imwrite(str(folders[0] / "P03_a.JPEG"), read_image(folders[0] / "P03_a.png"))
    (folders[0] / "P03_a.png").unlink()
    pairs = find(folders)
    assert len(pairs.images) == 14
    assert pairs.masks[0].name == "P01_a_mask.png"
    assert [path.name for path in pairs.images[1:3]] == ["P02_a.jpg", "P03_a.JPEG"]


def test_images_and_masks_may_lie_in_one_folder(folders):
    for mask in folders[1].iterdir():
        mask.rename(folders[0] / f"{mask.stem}_mask.png")
    pairs = find((folders[0], folders[0]))
    assert [(i.stem, m.stem) for i, m in zip(pairs.images, pairs.masks, strict=True)] == [
        (f"P{n:02d}_a", f"P{n:02d}_a_mask") for n in range(1, 15)
    ]


def test_files_without_a_partner_are_counted(folders):
    (folders[0] / "P01_a.png").unlink()
    (folders[1] / "P02_a.png").unlink()
    (folders[1] / "P03_a.png").unlink()
    (folders[0] / "notes.txt").write_text("no image")
    pairs = find(folders)
    assert len(pairs.images) == 11
    assert pairs.notes == ["lungs: 3 files have no partner in the other folder and were left out"]


@pytest.mark.parametrize("key", ["images", "masks"])
def test_a_missing_folder_is_named_with_its_key(folders, key):
    shutil.rmtree(folders[key == "masks"])
    with pytest.raises(UserError, match=rf"no such folder; it is named by lung_masks\.{key}") as raised:
        find(folders)
    assert str(folders[key == "masks"]) in str(raised.value)


def test_folders_that_share_no_stem_stop(folders):
    for path in folders[1].iterdir():
        path.rename(path.with_name(f"mask-of-{path.name}"))
    with pytest.raises(UserError, match="no image and mask share a file stem") as raised:
        find(folders)
    assert str(folders[0]) in str(raised.value)
    assert str(folders[1]) in str(raised.value)


def test_a_limit_takes_pairs_from_everywhere(folders):
    stems = [path.stem for path in find(folders, limit=5).images]
    assert len(set(stems)) == 5
    assert (stems[0], stems[-1]) == ("P01_a", "P14_a")
    assert len(find(folders, limit=100).images) == 14


def test_arrays_hold_the_resized_pairs(folders, phantoms):
    pairs = load(folders, image_px=64)
    np.testing.assert_array_equal(pairs.images, [phantom.image for phantom in phantoms])
    np.testing.assert_array_equal(pairs.masks, [phantom.lung_mask > 0 for phantom in phantoms])
    small = load(folders, image_px=32)
    assert small.images.shape == small.masks.shape == (14, 32, 32)
    assert small.images.dtype == small.masks.dtype == np.uint8
    halved = np.stack([p.lung_mask > 0 for p in phantoms]).reshape(14, 32, 2, 32, 2).mean(axis=(2, 4))
    np.testing.assert_array_equal(small.masks, halved >= 0.5)


def test_a_mask_may_be_drawn_on_a_smaller_copy(folders, phantoms):
    write_png(folders[1] / "P01_a.png", phantoms[0].lung_mask[::2, ::2])
    pairs = load(folders, image_px=32)
    assert len(pairs.names) == 14
    assert (pairs.masks[0] == (phantoms[0].lung_mask[::2, ::2] > 0)).mean() == 1


def test_a_mask_of_any_grey_is_a_mask(folders, phantoms):
    write_png(folders[1] / "P01_a.png", (phantoms[0].lung_mask > 0).astype(np.uint8))  # 0 and 1
    np.testing.assert_array_equal(load(folders, image_px=64).masks[0], phantoms[0].lung_mask > 0)


def write_black(path):
    write_png(path, np.zeros((64, 64), np.uint8))


def write_narrow(path):
    write_png(path, read_image(path)[:, :40])


def truncate(path):
    path.write_bytes(path.read_bytes()[:200])


@pytest.mark.parametrize(
    ("spoil", "part", "reason"),
    [
        (write_black, 1, "has no contrast: every pixel is 0"),
        (write_narrow, 1, "the image is 64 x 64 pixels, its mask 40 x 64 pixels"),
        (truncate, 0, "is truncated"),
        (truncate, 1, "is truncated"),
    ],
)
def test_a_pair_that_cannot_be_used_is_left_out_with_a_note(folders, spoil, part, reason):
    spoil(folders[part] / "P05_a.png")
    pairs = load(folders)
    assert len(pairs.images) == len(pairs.masks) == len(pairs.parts) == len(pairs.names) == 13
    assert "P05_a" not in pairs.names
    (note,) = pairs.notes
    assert note.startswith("lungs: pair P05_a left out: ")
    assert reason in note


def test_parts_hold_whole_patients(folders):
    for path in [*folders[0].iterdir(), *folders[1].iterdir()]:
        for letter in "bc":
            shutil.copy(path, path.with_name(path.name.replace("_a", f"_{letter}")))
    for seed in range(5):
        pairs = load(folders, image_px=16, seed=seed, patient_pattern=r"^(P\d+)_")
        parts_of = {}
        for name, part in zip(pairs.names, pairs.parts, strict=True):
            parts_of.setdefault(name[:3], set()).add(str(part))
        assert len(parts_of) == 14
        assert all(len(parts) == 1 for parts in parts_of.values())
        counts = {part: int((pairs.parts == part).sum()) for part in ("train", "val", "test")}
        assert sum(counts.values()) == 42
        assert abs(counts["val"] - 0.2 * 42) <= 3
        assert abs(counts["test"] - 0.2 * 42) <= 3


def test_the_deal_depends_on_the_seed_only(folders):
    first, again, other = (load(folders, image_px=16, seed=seed).parts for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (r"^(P\d+", "patient_pattern .*missing \\)"),
        (r"^P\d+", "finds no first group in 'P01_a'"),
        (r"^(Q\d+)", "finds no first group in 'P01_a'"),
        (r"^P\d+_(b)?", "finds no first group in 'P01_a'"),
    ],
)
def test_a_patient_pattern_that_names_no_patient_stops(folders, pattern, message):
    with pytest.raises(UserError, match=message) as raised:
        find(folders, patient_pattern=pattern)
    assert "lung_masks.patient_pattern" in str(raised.value)


def test_too_few_patients_for_three_parts_stop(folders):
    with pytest.raises(UserError, match="2 usable pairs of 2 patients leave none for"):
        load(folders, limit=2)
    with pytest.raises(UserError, match="14 usable pairs of 1 patients leave none for"):
        load(folders, patient_pattern="^(P)")


def test_no_usable_pair_at_all_stops(folders):
    for path in folders[1].iterdir():
        write_black(path)
    with pytest.raises(UserError, match="0 usable pairs of 0 patients"):
        load(folders)
