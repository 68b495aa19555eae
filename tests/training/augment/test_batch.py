import numpy as np
from scipy import ndimage

from cxr.config.augment import Augment
from cxr.training.augment.batch import augment_batch

SIZE = 64


def augmented(images, augment, seed=0, masks=None):
    return augment_batch(images, augment, np.random.default_rng(seed), masks)


def disc(x=40, y=26, radius=9, count=20):
    """`count` images (64, 64) of one bright disc on black."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    image = 200.0 * ((columns - x) ** 2 + (rows - y) ** 2 < radius**2)
    return np.repeat(image[None].astype(np.float32), count, axis=0)


def centres(images):
    """(N, 2): y, x of the centre of brightness."""
    return np.array([ndimage.center_of_mass(image) for image in images])


def test_zero_parameters_change_nothing(images, only):
    masks = (images > 128).astype(np.uint8)
    found, found_masks = augmented(images, only(), masks=masks)
    np.testing.assert_allclose(found, images, atol=1e-3)
    np.testing.assert_array_equal(found_masks, masks)
    assert found.dtype == np.float32
    assert found_masks.dtype == np.uint8


def test_the_same_generator_gives_the_same_images_and_another_gives_others(images):
    before = images.copy()
    first, second, other = (augmented(images, Augment(), seed)[0] for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, other)
    np.testing.assert_array_equal(images, before)  # copies are changed, not the images given


def test_each_image_of_a_batch_is_changed_in_its_own_way():
    found, masks = augmented(disc(count=5), Augment())
    assert masks is None
    assert len({image.tobytes() for image in found}) == 5


def test_grey_values_stay_in_range(images):
    wild = Augment(
        rotate_degrees=180, shift_fraction=1, zoom_fraction=0.9, contrast_fraction=0.99, brightness_fraction=0.99
    )
    for seed in range(20):
        found, _ = augmented(images, wild, seed)
        assert found.min() >= 0
        assert found.max() <= 255


def test_masks_move_with_their_images(only):
    masks = np.where(disc(count=20) > 0, 255, 0).astype(np.uint8)
    moving = only(rotate_degrees=20, shift_fraction=0.1, zoom_fraction=0.3, flip_probability=0.5)
    found, found_masks = augmented(disc(count=20), moving, masks=masks)
    assert len(np.unique(found_masks)) > 2  # a rim may be lung in part
    for image, mask in zip(found > 100, found_masks > 127, strict=True):
        assert (image & mask).sum() / (image | mask).sum() > 0.9
    assert len({mask.tobytes() for mask in found_masks}) == 20


def test_exposure_leaves_masks_alone(images, only):
    masks = (images > 128).astype(np.uint8)
    found, found_masks = augmented(images, only(contrast_fraction=0.3, brightness_fraction=0.3), masks=masks)
    np.testing.assert_array_equal(found_masks, masks)
    assert not np.allclose(found, images)


def test_shifts_move_by_at_most_the_fraction_to_every_side(only):
    moves = centres(augmented(disc(), only(shift_fraction=0.1))[0]) - centres(disc())
    assert np.abs(moves).max() <= 0.1 * SIZE + 0.1
    assert (moves.min(axis=0) < -2).all()
    assert (moves.max(axis=0) > 2).all()


def test_rotation_keeps_the_middle_and_the_distance_from_it(only):
    middle = (SIZE - 1) / 2
    before, after = centres(disc()) - middle, centres(augmented(disc(), only(rotate_degrees=30))[0]) - middle
    np.testing.assert_allclose(np.hypot(*after.T), np.hypot(*before.T), atol=0.3)
    turned = np.degrees(np.arctan2(*after.T) - np.arctan2(*before.T))
    assert np.abs(turned).max() <= 31
    assert turned.min() < -10 < 10 < turned.max()


def test_zoom_changes_areas_by_the_square_of_the_scale(only):
    areas = (augmented(disc(x=31, y=32), only(zoom_fraction=0.3))[0] > 100).sum(axis=(1, 2))
    ratios = areas / (disc(x=31, y=32)[0] > 100).sum()
    assert 0.7**2 * 0.9 < ratios.min() < 0.8
    assert 1.2 < ratios.max() < 1.3**2 * 1.1


def test_a_certain_flip_is_the_mirror_image(images, only):
    found, _ = augmented(images, only(flip_probability=1.0))
    np.testing.assert_allclose(found, images[:, :, ::-1], atol=1e-3)


def test_flips_come_as_often_as_asked(only):
    found, _ = augmented(disc(count=400), only(flip_probability=0.25))
    flipped = centres(found)[:, 1] < SIZE / 2
    assert 70 < flipped.sum() < 130


def test_brightness_adds_one_number_and_contrast_keeps_the_mean(images, only):
    tame = 100 + images / 10  # far from both ends, so that nothing is clipped
    brighter, _ = augmented(tame, only(brightness_fraction=0.1))
    for difference in brighter - tame:
        assert np.ptp(difference) < 1e-3
        assert np.abs(difference).max() <= 25.5
    steeper, _ = augmented(tame, only(contrast_fraction=0.5))
    np.testing.assert_allclose(steeper.mean(axis=(1, 2)), tame.mean(axis=(1, 2)), rtol=1e-4)
    ratios = steeper.std(axis=(1, 2)) / tame.std(axis=(1, 2))
    assert 0.5 <= ratios.min() < ratios.max() <= 1.5


def test_a_stretch_changes_width_against_height_to_both_sides(only):
    found, _ = augmented(disc(count=40), only(stretch_fraction=0.5))
    ratios = []
    for image in found > 100:
        rows, columns = np.nonzero(image)
        ratios.append((np.ptp(columns) + 1) / (np.ptp(rows) + 1))
    assert 0.6 < min(ratios) < 0.8
    assert 1.25 < max(ratios) < 1.6


def test_gamma_keeps_black_and_white_and_moves_the_middle(images, only):
    images[:, :8], images[:, 8:16] = 0, 255
    found, _ = augmented(images, only(gamma_fraction=0.5))
    np.testing.assert_allclose(found[:, :16], images[:, :16], atol=1e-3)
    exponents = np.log(found[:, 20:] / 255).mean(axis=(1, 2)) / np.log(images[:, 20:] / 255).mean(axis=(1, 2))
    assert len(set(exponents.round(3))) == len(images)
    assert (exponents >= 1 / 1.5 - 1e-3).all()
    assert (exponents <= 1.5 + 1e-3).all()
    np.testing.assert_allclose(found[:, 20:], 255 * (images[:, 20:] / 255) ** exponents[:, None, None], rtol=1e-3)


def test_grain_is_no_coarser_than_asked(only):
    flat = np.full((30, SIZE, SIZE), 128, np.float32)
    found, _ = augmented(flat, only(noise_sd=10))
    spread = found.std(axis=(1, 2))
    assert spread.max() < 10.5
    assert spread.max() > 7
    assert spread.min() < 3
    np.testing.assert_allclose(found.mean(axis=(1, 2)), 128, atol=1)


def test_black_borders_cover_image_and_mask_of_every_second_image(only):
    images = np.full((200, SIZE, SIZE), 100, np.float32)
    found, masks = augmented(images, only(border_fraction=0.25), masks=np.ones((200, SIZE, SIZE), np.uint8))
    np.testing.assert_array_equal(found > 0, masks)
    covered = (masks == 0).any(axis=(1, 2))
    assert 70 < covered.sum() < 130
    widths = np.argmax(masks[:, :, SIZE // 2] > 0, axis=1)
    assert widths.max() == SIZE // 4 - 1
    np.testing.assert_array_equal(masks[:, SIZE // 4 : -SIZE // 4, SIZE // 4 : -SIZE // 4], 1)
