"""Grid, elastic and optical distortion: how far, how smooth, never folded; all of them interpolated once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cxr.training.augment.batch import augment_batch
from cxr.training.augment.distortion import CELLS, bend, draw_elastic, draw_grid, draw_places

SIZE = 64


def identity(size=SIZE):
    return np.stack(np.meshgrid(np.arange(size), np.arange(size))).astype(np.float32)


def area_factors(places):
    """Jacobian determinant at every pixel: below 0 where the image is folded over itself."""
    (xy, xx), (yy, yx) = (np.gradient(places[0]), np.gradient(places[1]))
    return xx * yy - xy * yx


def test_what_is_off_gives_no_places_and_draws_nothing(only):
    rng = np.random.default_rng(0)
    assert draw_places(SIZE, only(), rng) is None
    assert rng.bit_generator.state == np.random.default_rng(0).bit_generator.state


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.floats(0.01, 0.95), st.integers(0, 2**32))
def test_a_grid_keeps_the_edges_and_the_order_and_changes_cells_by_its_fraction(fraction, seed):
    size = 40 * CELLS
    for line in draw_grid(size, fraction, np.random.default_rng(seed)):
        steps = np.diff(line)
        assert (steps > 0).all()
        slopes = [steps[40 * cell + 2 : 40 * cell + 37].mean() for cell in range(CELLS)]
        assert np.mean(slopes) == pytest.approx(1, abs=1e-6)
        assert (1 - fraction) / (1 + fraction) - 1e-9 <= min(slopes)
        assert max(slopes) <= (1 + fraction) / (1 - fraction) + 1e-9
        assert line[0] + 0.5 == pytest.approx(slopes[0] / 2)
        assert size - 0.5 - line[-1] == pytest.approx(slopes[-1] / 2)


def test_columns_and_rows_of_a_grid_change_apart(only):
    places = draw_places(SIZE, only(grid_fraction=0.3), np.random.default_rng(2))
    assert (np.ptp(places[0], axis=0) == 0).all()
    assert (np.ptp(places[1], axis=1) == 0).all()
    assert np.abs(places[0][0] - places[1][:, 0]).max() > 1
    assert places.dtype == np.float32


def test_elastic_displacements_reach_the_fraction_and_no_further():
    largest = []
    for seed in range(60):
        field = draw_elastic(SIZE, 0.1, 0.08, np.random.default_rng(seed))
        largest.append(np.hypot(*field).max() / SIZE)
    assert max(largest) <= 0.1 * 1.01  # the enlarged field may lie a little above the coarse one between its points
    assert max(largest) > 0.085
    assert min(largest) < 0.02


@pytest.mark.parametrize("size", [64, 200])
@pytest.mark.parametrize("smoothness", [0.05, 0.1])
def test_the_field_is_as_smooth_as_noise_blurred_by_that_gaussian(size, smoothness):
    fields = np.concatenate([draw_elastic(size, 0.1, smoothness, np.random.default_rng(seed)) for seed in range(60)])
    fields /= fields.std(axis=(1, 2), keepdims=True)
    for multiple in (1, 2):  # correlation at r of noise blurred by s is exp(-r^2 / 4 s^2)
        lag = round(multiple * smoothness * size)
        expected = np.exp(-((lag / (smoothness * size)) ** 2) / 4)
        assert (fields[:, :, lag:] * fields[:, :, :-lag]).mean() == pytest.approx(expected, abs=0.1)
        assert (fields[:, lag:] * fields[:, :-lag]).mean() == pytest.approx(expected, abs=0.1)
    assert fields.mean() == pytest.approx(0, abs=0.1)


def test_typical_distortions_never_fold_an_image(only):
    typical = only(grid_fraction=0.3, elastic_fraction=0.03, optical_fraction=0.1)
    assert all(area_factors(draw_places(SIZE, typical, np.random.default_rng(seed))).min() > 0 for seed in range(100))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.floats(-1, 1).filter(lambda strength: abs(strength) > 1e-3))
def test_optical_distortion_moves_along_the_radius_and_never_folds(strength):
    size = 65
    places, middle = bend(identity(size), strength), size // 2
    np.testing.assert_allclose(places[:, middle, middle], middle, atol=1e-4)
    assert (np.diff(places[0], axis=1) > 0).all()
    assert (np.diff(places[0][middle])[:middle].std()) > 0
    offset, before = places - middle, identity(size) - middle
    np.testing.assert_allclose(offset[0] * before[1], offset[1] * before[0], atol=0.02)
    reach = (places[0, middle, -1] - middle) / middle
    assert reach == pytest.approx(1 + strength if strength > 0 else (1 + 2 * -strength) ** -0.5, rel=1e-5)
    diagonal = np.diagonal(places[0])
    assert (np.diff(diagonal) > 0).all()


def test_all_moves_and_distortions_together_are_one_interpolation(only, everything):
    augment = only(**everything)
    x, y = identity() + 1  # 0 stands for beyond the image
    smooth = ndimage.gaussian_filter(np.random.default_rng(3).uniform(0, 255, (SIZE, SIZE)), 3).astype(np.float32)
    for seed in range(20):
        seen_x, seen_y, found = (
            augment_batch(image[None], augment, np.random.default_rng(seed))[0][0] for image in (x, y, smooth)
        )
        expected = ndimage.map_coordinates(smooth, [seen_y - 1, seen_x - 1], order=1)
        inside = ndimage.binary_erosion((seen_x > 2) & (seen_y > 2) & (seen_x < SIZE - 1) & (seen_y < SIZE - 1))
        assert inside.mean() > 0.3
        np.testing.assert_allclose(found[inside], expected[inside], atol=0.5)


def test_masks_move_with_their_images_through_every_change(only, everything):
    rows, columns = np.mgrid[:SIZE, :SIZE]
    disc = ((columns - 34) ** 2 + (rows - 30) ** 2 < 13**2)[None].repeat(30, axis=0)
    images, masks = (200.0 * disc).astype(np.float32), (255 * disc).astype(np.uint8)
    found, found_masks = augment_batch(images, only(**everything), np.random.default_rng(1), masks)
    np.testing.assert_allclose(found / 200, found_masks / 255.0, atol=0.01)
    assert found_masks.dtype == np.uint8
    assert len({mask.tobytes() for mask in found_masks}) == 30
    assert np.mean(np.sum((found_masks > 127) & disc, axis=(1, 2)) / disc[0].sum()) < 0.95
