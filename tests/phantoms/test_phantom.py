"""Rendered phantoms against their own truth: boxes, masks, labels, prevalence."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cxr.config.findings import NIH14
from cxr.phantoms.course import draw_course
from cxr.phantoms.phantom import render_phantom
from cxr.phantoms.spec import PhantomSpec

MOST_BOXES = {"Edema": 2, "Emphysema": 2, "Fibrosis": 2, "Nodule": 4}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), patient=st.integers(1, 100_000), image_px=st.sampled_from([64, 129, 200]))
def test_any_phantom_is_consistent(seed, patient, image_px):
    phantom = render_phantom(PhantomSpec(seed=seed, image_px=image_px), patient, 0)
    assert phantom.image.shape == phantom.lung_mask.shape == (image_px, image_px)
    assert phantom.image.dtype == phantom.lung_mask.dtype == np.uint8
    assert phantom.image.std() > 15
    assert set(np.unique(phantom.lung_mask)) == {0, 255}
    assert list(phantom.labels) == [finding for finding in NIH14 if finding in phantom.labels]
    assert set(phantom.boxes) == set(phantom.labels)
    for finding, boxes in phantom.boxes.items():
        assert 1 <= len(boxes) <= MOST_BOXES.get(finding, 1)
        for x, y, w, h in boxes:
            assert x >= 0 and y >= 0 and w >= 1 and h >= 1
            assert x + w <= image_px and y + h <= image_px
    assert phantom.table_labels == phantom.labels and set(phantom.subtle) <= set(phantom.labels)
    assert (phantom.cardiothoracic_ratio > 0.5) == ("Cardiomegaly" in phantom.labels)
    assert phantom.sex in "FM" and phantom.view in ("PA", "AP") and 0 < phantom.age < 100


@pytest.mark.parametrize("patient", range(1, 13))
def test_the_mask_is_two_lungs_darker_than_what_surrounds_them(patient):
    phantom = render_phantom(PhantomSpec(image_px=160, prevalence=0.0), patient, 0)
    lungs = phantom.lung_mask > 0
    _, parts_n = ndimage.label(lungs)
    assert parts_n == 2
    halves = lungs[:, :80].sum(), lungs[:, 80:].sum()
    assert min(halves) > 0.06 * lungs.size
    assert not (lungs[0].any() or lungs[-1].any() or lungs[:, 0].any() or lungs[:, -1].any())
    ring = ndimage.binary_dilation(lungs, iterations=6) & ~ndimage.binary_dilation(lungs, iterations=2)
    assert phantom.image[lungs].mean() < phantom.image[ring].mean() - 15
    columns = np.flatnonzero(lungs.any(axis=0))
    assert 0.45 < (columns[-1] - columns[0]) / 160 < 0.95  # of 593 real masks: 0.45 to 0.95


def test_rendering_twice_gives_the_same_pixels_and_another_seed_others():
    spec = PhantomSpec(image_px=96)
    first, again = render_phantom(spec, 5, 0), render_phantom(spec, 5, 0)
    assert np.array_equal(first.image, again.image)
    assert first.boxes == again.boxes
    assert not np.array_equal(first.image, render_phantom(PhantomSpec(image_px=96, seed=8), 5, 0).image)


def test_a_visit_that_was_not_made_is_an_index_error():
    visits_n = len(draw_course(PhantomSpec(), 1).visits)
    for followup in (-1, visits_n):
        with pytest.raises(IndexError, match="patient 1 has visits"):
            render_phantom(PhantomSpec(image_px=64), 1, followup)


def test_the_findings_are_as_frequent_as_promised():
    visits = [visit for patient in range(1, 2001) for visit in draw_course(PhantomSpec(), patient).visits]
    assert 2.1 < len(visits) / 2000 < 2.5
    healthy = np.mean([not visit.lesions for visit in visits])
    assert 0 < healthy - (1 - PhantomSpec().prevalence) < 0.1  # some recover
    for finding in NIH14:
        share = np.mean([any(lesion.finding == finding for lesion in visit.lesions) for visit in visits])
        assert 0.06 < share < 0.2, finding


def test_followups_mostly_keep_the_findings():
    kept = []
    for patient in range(1, 501):
        visits = draw_course(PhantomSpec(), patient).visits
        for before, after in pairwise(visits):
            assert before.age <= after.age
            later = {lesion.finding for lesion in after.lesions}
            kept += [lesion.finding in later for lesion in before.lesions]
    assert 0.8 < np.mean(kept) < 0.95


def test_prevalence_scales_the_share_of_ill_patients():
    specs = [PhantomSpec(prevalence=prevalence) for prevalence in (0.0, 1.0)]
    first = [draw_course(spec, patient).visits[0] for spec in specs for patient in range(1, 101)]
    assert [bool(visit.lesions) for visit in first] == [False] * 100 + [True] * 100


def test_mean_grey_does_not_tell_the_findings():
    """Of all images, ill and healthy ones are equally bright: the display window hides the overall density."""
    spec = PhantomSpec(image_px=64)
    phantoms = [render_phantom(spec, patient, 0) for patient in range(1, 121)]
    ill = np.array([bool(phantom.labels) for phantom in phantoms])
    grey = np.array([phantom.image.mean() for phantom in phantoms])
    wins = (grey[ill][:, None] > grey[~ill][None, :]).mean()
    assert 0.35 < wins < 0.65
