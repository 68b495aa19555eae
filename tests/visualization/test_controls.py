import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr.visualization.controls import average_box, random_map, swap_patients


def test_a_random_map_is_of_its_seed_image_and_finding_alone():
    heat = random_map("a.png", 2, 64, seed=1)
    assert heat.shape == (64, 64) and heat.dtype == np.float32
    assert (heat.min(), heat.max()) == (0, 1)
    np.testing.assert_array_equal(heat, random_map("a.png", 2, 64, seed=1))
    others = [random_map("b.png", 2, 64, 1), random_map("a.png", 1, 64, 1), random_map("a.png", 2, 64, 2)]
    assert all(abs(np.corrcoef(heat.ravel(), other.ravel())[0, 1]) < 0.9 for other in others)
    assert np.abs(np.diff(heat, axis=0)).max() < 0.2  # smooth: neighbours differ little


def test_random_maps_point_anywhere():
    hottest = [np.unravel_index(random_map(f"{i}", 0, 32, 0).argmax(), (32, 32)) for i in range(400)]
    counts, _, _ = np.histogram2d(*np.array(hottest).T, bins=2, range=[[0, 32], [0, 32]])
    assert counts.min() > 70  # of 100 each


@given(patients=st.lists(st.integers(0, 5), min_size=2, max_size=30), seed=st.integers(0, 99))
def test_nobody_is_given_a_map_of_their_own(patients, seed):
    patients = np.array([f"p{number}" for number in patients])
    if len(set(patients)) == 1:
        with pytest.raises(ValueError, match="all images are of one"):
            swap_patients(patients, seed)
        return
    swapped = swap_patients(patients, seed)
    assert swapped.shape == patients.shape
    assert (patients[swapped] != patients).all()
    np.testing.assert_array_equal(swapped, swap_patients(patients, seed))


def test_every_image_of_another_patient_is_drawn_as_often():
    patients = np.array(["b", "a", "b", "c", "a"])
    drawn = np.array([swap_patients(patients, seed) for seed in range(3000)])
    for place, patient in enumerate(patients):
        allowed = np.flatnonzero(patients != patient)
        shares = np.bincount(drawn[:, place], minlength=5) / len(drawn)
        np.testing.assert_allclose(shares[allowed], 1 / len(allowed), atol=0.04)


def test_the_average_box_is_that_of_other_patients_each_counted_once():
    boxes = np.array([[0, 0, 0.5, 0.5], [0, 0, 0.25, 0.5], [0.5, 0.5, 2, 2], [0, 0, 1, 1]])
    patients = np.array(["a", "a", "b", "mine"])
    heat = average_box(boxes, patients, "mine", 4)
    expected = np.array([[1, 0.5, 0, 0], [1, 0.5, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
    np.testing.assert_allclose(heat, expected)
    assert heat.dtype == np.float32


def test_an_edge_within_a_pixel_counts_in_part():
    heat = average_box(np.array([[0.125, 0.0, 0.75, 0.375]]), np.array(["a"]), "b", 4)
    np.testing.assert_allclose(heat, np.outer([1, 0.5, 0, 0], [0.5, 1, 1, 0]))


@pytest.mark.parametrize("boxes", [np.zeros((0, 4)), np.array([[0, 0, 1, 1.0]]), np.array([[2, 2, 3, 3.0]])])
def test_without_boxes_of_others_within_the_crop_there_is_none(boxes):
    whose = np.array(["me"] * len(boxes) if boxes.max(initial=0) <= 1 else ["other"])
    assert not average_box(boxes, whose, "me", 8).any()
