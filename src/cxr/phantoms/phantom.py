"""One phantom: the spec, a patient and a follow-up number in; image, lung mask, labels and boxes out."""

from dataclasses import dataclass, replace

import numpy as np

from cxr.config.errors import UserError
from cxr.phantoms.anatomy import SIDES, Anatomy, Geometry, angle_y, lay_out
from cxr.phantoms.canvas import blur, draw_marker
from cxr.phantoms.chest import attenuate
from cxr.phantoms.course import Course, Visit, draw_course
from cxr.phantoms.findings import DRAW, deform
from cxr.phantoms.lesions import Drawn, Lesion, box_around
from cxr.phantoms.physics import draw_exposure, draw_pose, expose

SMALLEST_IMAGE_PX = 64
MARKER_SHARE = 0.7  # of images carry the technician's "L"
OUTLINE_SIGMA = 0.006  # nobody outlines a lung more sharply, in fractions of the frame
BEDSIDE_LIFT = 0.03  # lying patients breathe in less: the diaphragm stands higher
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class PhantomSpec:
    """What to make: the same spec always gives the same pixels. `prevalence` is the share of patients with findings."""

    patients: int = 300
    seed: int = 7
    image_px: int = 320
    prevalence: float = 0.56

    def __post_init__(self) -> None:
        """Refuse values that cannot be drawn."""
        allowed = {
            "patients": (self.patients >= 1, "at least 1"),
            "seed": (self.seed >= 0, "at least 0"),
            "image_px": (self.image_px >= SMALLEST_IMAGE_PX, f"at least {SMALLEST_IMAGE_PX}"),
            "prevalence": (0 <= self.prevalence <= 1, "between 0 and 1"),
        }
        for name, (fits, range_) in allowed.items():
            if not fits:
                raise UserError(f"phantoms: {name} is {getattr(self, name)}; it must be {range_}")


@dataclass(frozen=True)
class Phantom:
    """A synthetic X-ray and its truth; boxes are (x, y, w, h) in pixels of the image.

    Findings of both lungs (Edema, Emphysema, severe Fibrosis) have one box per side, the others exactly one.
    """

    image: np.ndarray  # (H, W) uint8
    lung_mask: np.ndarray  # (H, W) uint8, 0 or 255
    labels: tuple[str, ...]  # in NIH's order; empty: "No Finding"
    boxes: dict[str, list[Box]]
    age: int  # years
    sex: str  # "F" or "M"
    view: str  # "PA" or "AP"
    cardiothoracic_ratio: float


def render_phantom(spec: PhantomSpec, patient: int, followup: int) -> Phantom:
    """Render image number `followup` (0, 1, ...) of patient number `patient` (1, 2, ...).

    Depends only on the arguments and never on `spec.patients`. Raises IndexError for a visit the patient did not make.
    """
    course = draw_course(spec.seed, patient, spec.prevalence)
    return render_visit(spec, patient, followup, course)


def render_visit(spec: PhantomSpec, patient: int, followup: int, course: Course) -> Phantom:
    """As `render_phantom`, for a course already drawn."""
    if not 0 <= followup < len(course.visits):
        raise IndexError(f"patient {patient} has visits 0 to {len(course.visits) - 1}, not {followup}")
    visit = course.visits[followup]
    rng = np.random.default_rng(np.random.SeedSequence(spec.seed, spawn_key=(patient, followup)))
    anatomy = anatomy_of(course.anatomy, visit)
    pose = draw_pose(rng, anatomy.thorax_half, anatomy.apex_y, max(angle_y(anatomy, side) for side in SIDES))
    geometry = lay_out(anatomy, pose, spec.image_px)
    attenuation, drawn = compose(geometry, visit.lesions)
    if rng.random() < MARKER_SHARE:
        attenuation += draw_marker("L", rng.uniform(0.85, 0.93), rng.uniform(0.07, 0.14), 0.035, spec.image_px)
    image = expose(attenuation, draw_exposure(rng, visit.view), rng)
    lungs = blur(geometry.lungs[0] + geometry.lungs[1], OUTLINE_SIGMA)  # no stray pixels in the sharp corners
    lung_mask = (lungs >= 0.5).astype(np.uint8) * 255
    labels = tuple(lesion.finding for lesion in visit.lesions)
    boxes = {finding: [box_around(extent) for extent in layers.extents] for finding, layers in drawn.items()}
    ratio = anatomy.cardiothoracic_ratio
    return Phantom(image, lung_mask, labels, boxes, visit.age, course.sex, visit.view, ratio)


def anatomy_of(anatomy: Anatomy, visit: Visit) -> Anatomy:
    """The patient's anatomy on the day of the image."""
    if visit.view == "AP":
        anatomy = replace(anatomy, dome_y=tuple(dome - BEDSIDE_LIFT for dome in anatomy.dome_y))
    return deform(anatomy, visit.lesions)


def compose(geometry: Geometry, lesions: tuple[Lesion, ...]) -> tuple[np.ndarray, dict[str, Drawn]]:
    """Attenuation of the chest with its lesions, (H, W) float32, and every lesion's own layers by finding."""
    drawn = {lesion.finding: DRAW[lesion.finding](lesion, geometry) for lesion in lesions}
    clear = np.zeros_like(geometry.x)
    for layers in drawn.values():
        if layers.clear is not None:
            clear = np.maximum(clear, layers.clear)
    attenuation = attenuate(geometry, clear)
    for layers in drawn.values():
        attenuation += layers.added
    return attenuation, drawn
