"""One phantom: the spec, a patient and a follow-up number in; image, lung mask, labels and boxes out."""

from dataclasses import dataclass, replace

import numpy as np

from cxr.phantoms.anatomy.chest import LUNG_DENSITY, attenuate
from cxr.phantoms.anatomy.geometry import Geometry, lay_out
from cxr.phantoms.anatomy.patient import Anatomy
from cxr.phantoms.canvas import blur
from cxr.phantoms.course import Course, Visit, draw_course
from cxr.phantoms.findings.cooccurrence import mislabel
from cxr.phantoms.findings.drawing import DRAW, deform, summed
from cxr.phantoms.findings.lesions import Drawn, Lesion, box_around
from cxr.phantoms.physics.devices import draw_devices
from cxr.phantoms.physics.exposure import draw_exposure, expose
from cxr.phantoms.physics.frame import add_borders, add_markers, draw_pose
from cxr.phantoms.spec import PhantomSpec

SUBTLE = 0.25  # severity below which a finding is subtle
OUTLINE_SIGMA = 0.006  # nobody outlines a lung more sharply, in fractions of the frame
BEDSIDE_LIFT = 0.03  # lying patients breathe in less: the diaphragm stands higher
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Phantom:
    """A synthetic X-ray and its truth; boxes are (x, y, w, h) in pixels of the image.

    Findings of both lungs (Edema, Emphysema, gross Fibrosis) have one box per side, nodules one each, the others one.
    """

    image: np.ndarray  # (H, W) uint8
    lung_mask: np.ndarray  # (H, W) uint8, 0 or 255
    labels: tuple[str, ...]  # what was drawn, in NIH's order; empty: "No Finding"
    table_labels: tuple[str, ...]  # what a label table says, which may be noisy
    subtle: tuple[str, ...]  # findings of little severity
    boxes: dict[str, list[Box]]
    age: int  # years
    sex: str  # "F" or "M"
    view: str  # "PA" or "AP"
    devices: bool  # tubes, wires or a port are seen
    cardiothoracic_ratio: float


def render_phantom(spec: PhantomSpec, patient: int, followup: int) -> Phantom:
    """Render image number `followup` (0, 1, ...) of patient number `patient` (1, 2, ...).

    Depends only on the arguments and never on `spec.patients`. Raises IndexError for a visit the patient did not make.
    """
    course = draw_course(spec, patient)
    return render_visit(spec, patient, followup, course)


def render_visit(spec: PhantomSpec, patient: int, followup: int, course: Course) -> Phantom:
    """As `render_phantom`, for a course already drawn."""
    if not 0 <= followup < len(course.visits):
        raise IndexError(f"patient {patient} has visits 0 to {len(course.visits) - 1}, not {followup}")
    visit = course.visits[followup]
    rng = np.random.default_rng(np.random.SeedSequence(spec.seed, spawn_key=(patient, followup)))
    anatomy = anatomy_of(course.anatomy, visit)
    geometry = lay_out(anatomy, draw_pose(rng, anatomy, visit.view), spec.image_px)
    attenuation, drawn = compose(geometry, visit.lesions)
    devices = draw_devices(rng, geometry, visit.view)
    if devices is not None:
        attenuation += devices
    attenuation = add_markers(attenuation, rng, visit.view)
    image = add_borders(expose(attenuation, draw_exposure(rng, visit.view), rng), rng)
    lungs = blur(geometry.lungs[0] + geometry.lungs[1], OUTLINE_SIGMA)  # no stray pixels in the sharp corners
    lung_mask = (lungs >= 0.5).astype(np.uint8) * 255
    labels = tuple(lesion.finding for lesion in visit.lesions)
    boxes = {finding: [box_around(extent) for extent in layers.extents] for finding, layers in drawn.items()}
    return Phantom(
        image=image,
        lung_mask=lung_mask,
        labels=labels,
        table_labels=mislabel(rng, labels, spec.label_noise, spec.prevalence, spec.frequencies),
        subtle=tuple(lesion.finding for lesion in visit.lesions if lesion.severity < SUBTLE),
        boxes=boxes,
        age=visit.age,
        sex=course.sex,
        view=visit.view,
        devices=devices is not None,
        cardiothoracic_ratio=anatomy.cardiothoracic_ratio,
    )


def anatomy_of(anatomy: Anatomy, visit: Visit) -> Anatomy:
    """The patient's anatomy on the day of the image."""
    if visit.view == "AP":
        anatomy = replace(anatomy, dome_y=tuple(dome - BEDSIDE_LIFT for dome in anatomy.dome_y))
    return deform(anatomy, visit.lesions)


def compose(geometry: Geometry, lesions: tuple[Lesion, ...]) -> tuple[np.ndarray, dict[str, Drawn]]:
    """Attenuation of the chest with its lesions, (H, W) float32, and every lesion's own layers by finding."""
    drawn = {lesion.finding: DRAW[lesion.finding](lesion, geometry) for lesion in lesions}
    clear = summed((layers.clear for layers in drawn.values()), geometry.x)
    density = summed((layers.density for layers in drawn.values()), geometry.x)
    density = np.clip(density, -LUNG_DENSITY, 1 - LUNG_DENSITY)  # neither less than no tissue nor more than solid
    attenuation = attenuate(geometry, np.minimum(clear, 1), density)
    return attenuation + summed((layers.added for layers in drawn.values()), geometry.x), drawn
