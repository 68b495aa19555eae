import shutil

import cv2
import numpy as np
import pytest

from cxr.config.errors import UserError
from cxr.config.lungs import LungPairs
from cxr.images.files import read_image, write_png
from cxr.phantoms.dataset.folder import write_phantoms
from cxr.phantoms.phantom import render_phantom
from cxr.phantoms.spec import PhantomSpec
from cxr.segmentation.pairs import find_pairs, load_pairs


@pytest.fixture
def folders(pair_folders, tmp_path):
    """The phantom pairs, for a test that changes them."""
    for folder in pair_folders:
        shutil.copytree(folder, tmp_path / folder.name)
    return tmp_path / "images", tmp_path / "masks"


def find(folders, **changes):
    return find_pairs([LungPairs(images=folders[0], masks=folders[1], **changes)])


def load(folders, image_px=32, dilate_target=0, **changes):
    return load_pairs(find(folders, **changes)[0], image_px, dilate_target)


def test_pairs_are_files_of_one_stem(folders):
    pairs, notes = find(folders)
    assert [pair.image.stem for pair in pairs] == [pair.mask.stem for pair in pairs] == [pair.name for pair in pairs]
    assert len(pairs) == 14
    assert (pairs[0].image.parent, pairs[0].mask.parent) == folders
    assert [pair.patient for pair in pairs] == [f"pairs:{pair.name}" for pair in pairs]
    assert {(pair.source, pair.train_only) for pair in pairs} == {("pairs", False)}
    assert notes == []


def test_sets_are_told_apart_by_name_and_stem(folders):
    first = LungPairs(name="one", images=folders[0], masks=folders[1], stems="P0*", train_only=True)
    second = LungPairs(name="two", images=folders[0], masks=folders[1], stems="P1*", patient_pattern=r"^P1(\d)")
    pairs, notes = find_pairs([first, second])
    assert [(pair.source, pair.train_only) for pair in pairs] == [("one", True)] * 9 + [("two", False)] * 5
    assert [pair.patient for pair in pairs[9:]] == [f"two:{number}" for number in range(5)]
    assert notes == []
    with pytest.raises(UserError, match=r"share a file stem that fits lung_masks\.stems 'Q"):
        find(folders, stems="Q*")


def test_an_image_in_two_sets_stops(folders):
    one, two = (LungPairs(name=name, images=folders[0], masks=folders[1]) for name in ("one", "two"))
    with pytest.raises(UserError, match=r"P01_a\.png is in two sets, 'one' and 'two'; tell them apart by their stems"):
        find_pairs([one, two])


def test_masks_may_be_named_mask_and_have_another_ending(folders):
    (folders[1] / "P01_a.png").rename(folders[1] / "P01_a_mask.png")
    cv2.imwrite(str(folders[0] / "P02_a.jpg"), read_image(folders[0] / "P02_a.png"))
    (folders[0] / "P02_a.png").unlink()
    cv2.imwrite(str(folders[0] / "P03_a.JPEG"), read_image(folders[0] / "P03_a.png"))
    (folders[0] / "P03_a.png").unlink()
    pairs, _ = find(folders)
    assert len(pairs) == 14
    assert pairs[0].mask.name == "P01_a_mask.png"
    assert [pair.image.name for pair in pairs[1:3]] == ["P02_a.jpg", "P03_a.JPEG"]


def test_images_and_masks_may_lie_in_one_folder(folders):
    for mask in folders[1].iterdir():
        mask.rename(folders[0] / f"{mask.stem}_mask.png")
    pairs, notes = find((folders[0], folders[0]))
    assert notes == []
    assert [(pair.image.stem, pair.mask.stem) for pair in pairs] == [
        (f"P{n:02d}_a", f"P{n:02d}_a_mask") for n in range(1, 15)
    ]


def test_files_without_a_partner_are_counted(folders):
    (folders[0] / "P01_a.png").unlink()
    (folders[1] / "P02_a.png").unlink()
    (folders[1] / "P03_a.png").unlink()
    (folders[0] / "notes.txt").write_text("no image")
    pairs, notes = find(folders)
    assert len(pairs) == 11
    assert notes == ["lungs: pairs: 3 files have no one partner in the other folder and were left out"]


def test_files_that_could_be_of_several_pairs_are_counted(folders):
    shutil.copy(folders[0] / "P01_a.png", folders[0] / "P01_a.jpg")
    shutil.copy(folders[1] / "P02_a.png", folders[1] / "P02_a_mask.png")
    pairs, notes = find(folders)
    assert [pair.name for pair in pairs] == [f"P{n:02d}_a" for n in range(3, 15)]
    assert notes == ["lungs: pairs: 6 files have no one partner in the other folder and were left out"]


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
    stems = [pair.name for pair in find(folders, limit=5)[0]]
    assert len(set(stems)) == 5
    assert (stems[0], stems[-1]) == ("P01_a", "P14_a")
    assert len(find(folders, limit=100)[0]) == 14


def test_arrays_hold_the_resized_pairs(folders, phantoms):
    pairs = load(folders, image_px=64)
    np.testing.assert_array_equal(pairs.images, [phantom.image for phantom in phantoms])
    np.testing.assert_array_equal(pairs.masks, [255 * (phantom.lung_mask > 0) for phantom in phantoms])
    small = load(folders, image_px=32)
    assert small.images.shape == small.masks.shape == (14, 32, 32)
    assert small.images.dtype == small.masks.dtype == np.uint8
    halved = np.stack([p.lung_mask > 0 for p in phantoms]).reshape(14, 32, 2, 32, 2).mean(axis=(2, 4))
    np.testing.assert_array_equal(small.masks, np.round(255 * halved))


def test_a_mask_may_be_drawn_on_a_smaller_copy(folders, phantoms):
    write_png(folders[1] / "P01_a.png", phantoms[0].lung_mask[::2, ::2])
    pairs = load(folders, image_px=32)
    assert len(pairs.pairs) == 14
    assert (pairs.masks[0] == 255 * (phantoms[0].lung_mask[::2, ::2] > 0)).mean() == 1


def test_a_mask_of_any_grey_is_a_mask(folders, phantoms):
    write_png(folders[1] / "P01_a.png", (phantoms[0].lung_mask > 0).astype(np.uint8))  # 0 and 1
    np.testing.assert_array_equal(load(folders, image_px=64).masks[0], 255 * (phantoms[0].lung_mask > 0))


def test_the_traces_of_jpeg_are_no_lung(folders, phantoms):
    smooth = cv2.resize(phantoms[0].lung_mask, (640, 640), interpolation=cv2.INTER_NEAREST)
    (folders[1] / "P01_a.png").unlink()
    cv2.imwrite(str(folders[1] / "P01_a.jpg"), 255 * (smooth > 0).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 30])
    assert ((read_image(folders[1] / "P01_a.jpg") > 0) & (smooth == 0)).sum() > 1000
    np.testing.assert_array_equal(load(folders, image_px=64).masks[0], 255 * (phantoms[0].lung_mask > 0))


def test_images_may_be_dicom(tmp_path):
    spec = PhantomSpec(patients=2, seed=5, image_px=64)
    write_phantoms(tmp_path / "set", spec, layout="dicom")
    folders = tmp_path / "images", tmp_path / "masks"
    for folder, source, ending in zip(folders, ("files", "masks"), ("dcm", "png"), strict=True):
        folder.mkdir()
        for patient in (1, 2):
            one = tmp_path / "set" / source / f"PHANTOM{patient:06d}/study1/image1.{ending}"
            shutil.copy(one, folder / f"{patient}.{ending}")
    pairs = load(folders, image_px=64)
    for image, patient in zip(pairs.images, (1, 2), strict=True):
        np.testing.assert_allclose(image, render_phantom(spec, patient, 0).image, atol=1.01)


def write_black(path):
    write_png(path, np.zeros((64, 64), np.uint8))


def write_narrow(path):
    write_png(path, read_image(path)[:, :40])


def truncate(path):
    path.write_bytes(path.read_bytes()[:200])


@pytest.mark.parametrize(
    ("spoil", "part", "reason"),
    [
        (write_black, 1, "left out: its mask has no contrast: every pixel is 0"),
        (write_narrow, 1, "the image is 64 x 64 pixels, its mask 40 x 64 pixels"),
        (truncate, 0, "is truncated"),
        (truncate, 1, "left out: its mask is truncated"),
    ],
)
def test_a_pair_that_cannot_be_used_is_left_out_with_a_note(folders, spoil, part, reason):
    spoil(folders[part] / "P05_a.png")
    pairs = load(folders)
    assert len(pairs.images) == len(pairs.masks) == len(pairs.truths) == len(pairs.pairs) == 13
    assert "P05_a" not in [pair.name for pair in pairs.pairs]
    (note,) = pairs.notes
    assert note.startswith("lungs: pair P05_a left out: ")
    assert reason in note


def test_the_truth_keeps_its_size_up_to_a_limit(folders, phantoms):
    big = np.kron(phantoms[0].lung_mask, np.ones((12, 12), np.uint8))
    write_png(folders[1] / "P01_a.png", big)
    write_png(folders[1] / "P02_a.png", phantoms[1].lung_mask[::2, ::2])
    truths = load(folders).truths
    assert [truth.shape for truth in truths[:3]] == [(512, 512), (32, 32), (64, 64)]
    assert all(truth.dtype == bool for truth in truths)
    assert truths[0].mean() == pytest.approx((big > 0).mean(), abs=1e-3)
    np.testing.assert_array_equal(truths[2], phantoms[2].lung_mask > 0)


def test_masks_that_are_learnt_may_be_dilated_in_their_own_pixels(folders, phantoms):
    plain, dilated = load(folders, 64), load(folders, 64, dilate_target=2)
    np.testing.assert_array_equal(dilated.truths[0], plain.truths[0])
    by_hand = cv2.dilate((phantoms[0].lung_mask > 0).astype(np.uint8), np.ones((15, 15), np.uint8), iterations=2)
    np.testing.assert_array_equal(dilated.masks[0], 255 * by_hand)
    assert dilated.masks.sum() > plain.masks.sum()


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


def test_no_usable_pair_at_all_stops(folders):
    for path in folders[1].iterdir():
        write_black(path)
    with pytest.raises(UserError, match="none of 14 pairs can be used; the first: lungs: pair P01_a left out"):
        load(folders)
