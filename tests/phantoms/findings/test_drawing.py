"""Each finding drawn alone on a healthy chest: where it changes the image, and what it does to the anatomy."""

import numpy as np
import pytest

from cxr.config.findings import NIH14
from cxr.phantoms.anatomy.geometry import lay_out
from cxr.phantoms.anatomy.outline import floor_y, heart_x, thorax_width
from cxr.phantoms.anatomy.patient import SIDES, draw_anatomy
from cxr.phantoms.canvas import Pose
from cxr.phantoms.course import draw_lesion
from cxr.phantoms.findings.drawing import DRAW, deform
from cxr.phantoms.findings.lesions import FRAME_CM, Lesion, box_around
from cxr.phantoms.phantom import compose

POSE = Pose(scale=1.02, rotation_rad=0.02, shift_x=0.01, shift_y=-0.01)
IMAGE_PX = 160
DRAWN_ON_TOP = [finding for finding in NIH14 if finding not in ("Cardiomegaly", "Emphysema")]


def lesion_of(finding: str, seed: int, severity: float) -> Lesion:
    lesion = draw_lesion(np.random.default_rng(seed), finding)
    return Lesion(finding, lesion.side, severity, lesion.across, lesion.down, lesion.seed)


def inside_of(boxes) -> np.ndarray:
    inside = np.zeros((IMAGE_PX, IMAGE_PX), bool)
    for x, y, w, h in boxes:
        inside[int(y) : int(y + h), int(x) : int(x + w)] = True
    return inside


def measured_ratio(anatomy) -> float:
    """Cardiothoracic ratio as a radiologist measures it: widest visible heart over the chest at the domes."""
    heights = np.linspace(0.2, 0.9, 1401)
    visible = heights < min(float(floor_y(anatomy, side, np.float64(0.2))) for side in SIDES)
    return sum(heart_x(anatomy, side, heights)[visible].max() for side in SIDES) / thorax_width(anatomy)


def test_every_finding_can_be_drawn():
    assert set(DRAW) == set(NIH14)


@pytest.mark.parametrize("finding", DRAWN_ON_TOP)
@pytest.mark.parametrize("severity", [0.0, 0.5, 1.0])
def test_a_finding_changes_the_image_mostly_inside_its_box(finding, severity):
    for seed in range(3):
        geometry = lay_out(draw_anatomy(np.random.default_rng(seed), "MF"[seed % 2]), POSE, IMAGE_PX)
        lesion = lesion_of(finding, seed, severity)
        without, _ = compose(geometry, ())
        with_it, drawn = compose(geometry, (lesion,))
        change = np.abs(with_it - without)
        inside = inside_of(box_around(extent) for extent in drawn[finding].extents)
        assert change[inside].sum() > 0.65 * change.sum()
        assert change.max() > 0.07, "too faint to see"
        assert inside.mean() < 0.35


@pytest.mark.parametrize("severity", [0.0, 0.5, 1.0])
def test_emphysema_darkens_and_lengthens_the_lungs(severity):
    for seed in range(3):
        anatomy, lesion = draw_anatomy(np.random.default_rng(seed), "M"), lesion_of("Emphysema", seed, severity)
        inflated = deform(anatomy, [lesion])
        assert all(after > before for before, after in zip(anatomy.dome_y, inflated.dome_y, strict=True))
        assert all(after < before for before, after in zip(anatomy.angle_drop, inflated.angle_drop, strict=True))
        geometry = lay_out(inflated, POSE, IMAGE_PX)
        lungs = geometry.lungs[0] + geometry.lungs[1] > 0.5
        change = compose(geometry, (lesion,))[0] - compose(geometry, ())[0]
        assert change[lungs].mean() < -0.03
        assert np.abs(change[~lungs]).sum() < 0.1 * np.abs(change).sum()


@pytest.mark.parametrize("seed", range(20))
def test_the_heart_is_wider_than_half_the_chest_only_in_cardiomegaly(seed):
    rng = np.random.default_rng(seed)
    healthy = draw_anatomy(rng, "M" if seed % 2 else "F")
    others = [lesion_of(finding, seed, rng.random()) for finding in NIH14 if finding != "Cardiomegaly"]
    assert 0.38 < measured_ratio(healthy) < 0.5
    assert measured_ratio(deform(healthy, others)) < 0.5
    assert measured_ratio(deform(healthy, [lesion_of("Cardiomegaly", seed, rng.random()), *others])) > 0.5


def test_the_box_of_the_heart_is_as_wide_as_the_heart():
    anatomy = deform(draw_anatomy(np.random.default_rng(1), "F"), [lesion_of("Cardiomegaly", 1, 0.5)])
    upright = Pose(scale=1.0, rotation_rad=0.0, shift_x=0.0, shift_y=0.0)
    drawn = DRAW["Cardiomegaly"](lesion_of("Cardiomegaly", 1, 0.5), lay_out(anatomy, upright, 320))
    _, _, width_px, _ = box_around(drawn.extents[0])
    assert width_px == pytest.approx(320 * anatomy.cardiothoracic_ratio * thorax_width(anatomy), abs=4)


def test_nodules_come_alone_or_several_each_with_its_box_of_at_most_three_centimetres():
    geometry = lay_out(draw_anatomy(np.random.default_rng(1), "M"), POSE, 320)
    drawn = [DRAW["Nodule"](lesion_of("Nodule", seed, 1.0), geometry) for seed in range(40)]
    assert {len(layers.extents) for layers in drawn} == {1, 2, 3, 4}
    for layers in drawn:
        for extent in layers.extents:
            *_, w, h = box_around(extent)
            assert max(w, h) / 320 * FRAME_CM < 3.7  # with the knobs of its outline
        assert np.allclose(layers.added, sum(layers.extents))


def test_fibrosis_is_told_by_its_net_not_by_its_brightness():
    geometry = lay_out(draw_anatomy(np.random.default_rng(1), "F"), POSE, 320)
    for seed in range(10):
        drawn = DRAW["Fibrosis"](lesion_of("Fibrosis", seed, 0.6), geometry)
        inside = drawn.extents[0] > 0.3
        assert abs(drawn.added[inside].mean()) < 0.4 * drawn.added[inside].std()


def test_a_lesion_outside_the_image_is_an_error():
    with pytest.raises(ValueError, match="outside the image"):
        box_around(np.zeros((8, 8), np.float32))
