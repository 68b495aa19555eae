"""The findings of a bundle in, synthetic X-rays to try it with out, drawn when they are asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from cxr.images.files import encode_png
from cxr.phantoms.course import draw_course
from cxr.phantoms.dataset.negatives import render_negative
from cxr.phantoms.phantom import render_phantom
from cxr.phantoms.spec import PhantomSpec

SPEC = PhantomSpec(patients=200, seed=90210, image_px=512)
"""Patients of a seed of their own, so that no group has been trained on them."""
CLEAR = 0.6
"""Severity from which a finding is easy to see."""
MOST_FINDINGS = 4


@dataclass(frozen=True)
class Drawing:
    """An example. draw: returns (H, W) uint8."""

    title: str
    draw: Callable[[], np.ndarray]

    def png(self) -> bytes:
        """Return the file."""
        return encode_png(self.draw())


def find_examples(findings: Sequence[str]) -> dict[str, Drawing]:
    """Return by name: a chest without findings, up to four with one of `findings` each, and a hand.

    Where none of `findings` can be drawn, others are.
    """
    alone: dict[str, int] = {}
    for patient in range(SPEC.patients, 0, -1):
        lesions = draw_course(SPEC, patient).visits[0].lesions
        if not lesions or (len(lesions) == 1 and lesions[0].severity >= CLEAR):
            alone["".join(lesion.finding for lesion in lesions)] = patient
    known = [finding for finding in findings if finding in alone] or [name for name in alone if name]
    found = {"no-finding": Drawing("Chest without a finding", partial(_draw_chest, alone[""]))}
    for finding in known[:MOST_FINDINGS]:
        name = finding.replace("_", " ")
        found[name.lower().replace(" ", "-")] = Drawing(name, partial(_draw_chest, alone[finding]))
    found["hand"] = Drawing("A hand, which is refused", partial(render_negative, "hand", 0, SPEC.seed, SPEC.image_px))
    return found


def _draw_chest(patient: int) -> np.ndarray:
    return render_phantom(SPEC, patient, 0).image
