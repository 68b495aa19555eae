"""The course of a patient: seed and patient number in; anatomy, age, sex and the lesions of every visit out."""

from dataclasses import dataclass, replace

import numpy as np

from cxr.config.findings import NIH14
from cxr.phantoms.anatomy import Anatomy, draw_anatomy
from cxr.phantoms.lesions import Lesion

VISIT_SHARES = (0.36, 0.26, 0.18, 0.12, 0.08)  # of patients with 1, 2, .. 5 images: 2.3 on average
FEMALE_SHARE, BEDSIDE_SHARE = 0.44, 0.38
STAY_SHARE, NEW_SHARE = 0.88, 0.02  # a finding is still there at the next visit; a new one has come

CHANCE = {
    "Atelectasis": 0.20,
    "Cardiomegaly": 0.15,
    "Effusion": 0.20,
    "Infiltration": 0.24,
    "Mass": 0.16,
    "Nodule": 0.17,
    "Pneumonia": 0.15,
    "Pneumothorax": 0.16,
    "Consolidation": 0.15,
    "Edema": 0.15,
    "Emphysema": 0.15,
    "Fibrosis": 0.15,
    "Pleural_Thickening": 0.15,
    "Hernia": 0.15,
}
"""Chance of a finding in a patient who has any."""

PLACES = {
    "Atelectasis": ((0.40, 0.60), (0.55, 0.88)),
    "Infiltration": ((0.30, 0.70), (0.25, 0.85)),
    "Mass": ((0.30, 0.70), (0.20, 0.80)),
    "Nodule": ((0.20, 0.85), (0.15, 0.90)),
    "Pneumonia": ((0.35, 0.65), (0.25, 0.85)),
    "Consolidation": ((0.30, 0.70), (0.25, 0.85)),
    "Edema": ((0.20, 0.30), (0.50, 0.60)),
    "Fibrosis": ((0.55, 0.75), (0.65, 0.85)),
    "Pleural_Thickening": ((1.00, 1.00), (0.25, 0.75)),
}
"""Where in the lung a finding lies: ranges of (across, down); the others have their fixed place."""


@dataclass(frozen=True)
class Visit:
    """One image to take."""

    view: str  # "PA" or "AP"
    age: int  # years
    lesions: tuple[Lesion, ...]


@dataclass(frozen=True)
class Course:
    """One patient."""

    anatomy: Anatomy
    sex: str  # "F" or "M"
    visits: tuple[Visit, ...]


def draw_course(seed: int, patient: int, prevalence: float) -> Course:
    """Draw patient number `patient` (1, 2, ...); depends on nothing but the three arguments."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(patient,)))
    sex = "F" if rng.random() < FEMALE_SHARE else "M"
    anatomy = draw_anatomy(rng, sex)
    age = int(np.clip(rng.normal(50, 17), 12, 90))
    visits_n = 1 + int(rng.choice(len(VISIT_SHARES), p=VISIT_SHARES))
    ill = rng.random() < prevalence
    lesions = _first_lesions(rng) if ill else ()
    visits = []
    for visit in range(visits_n):
        if visit and ill:
            lesions = _next_lesions(rng, lesions)
        view = "AP" if rng.random() < BEDSIDE_SHARE else "PA"
        visits.append(Visit(view, age + visit // 2, lesions))
    return Course(anatomy, sex, tuple(visits))


def _first_lesions(rng: np.random.Generator) -> tuple[Lesion, ...]:
    """At least one finding, each by its own chance, in NIH's order."""
    draws = rng.random(len(NIH14))
    chosen = [finding for finding, draw in zip(NIH14, draws, strict=True) if draw < CHANCE[finding]]
    return tuple(draw_lesion(rng, finding) for finding in chosen or [str(rng.choice(NIH14))])


def _next_lesions(rng: np.random.Generator, lesions: tuple[Lesion, ...]) -> tuple[Lesion, ...]:
    """The findings of the following visit: most stay, better or worse than before, some go, few come."""
    known = {lesion.finding: lesion for lesion in lesions}
    following = []
    for finding in NIH14:
        stays, comes, change = rng.random() < STAY_SHARE, rng.random() < NEW_SHARE, rng.normal(0, 0.12)
        if finding in known and stays:
            lesion = known[finding]
            following.append(replace(lesion, severity=float(np.clip(lesion.severity + change, 0, 1))))
        elif finding not in known and comes:
            following.append(draw_lesion(rng, finding))
    return tuple(following)


def draw_lesion(rng: np.random.Generator, finding: str) -> Lesion:
    """A new lesion at a place where its finding occurs."""
    across, down = PLACES.get(finding, ((0.5, 0.5), (0.5, 0.5)))
    return Lesion(
        finding=finding,
        side=1 if rng.random() < 0.5 else -1,
        severity=rng.random(),
        across=rng.uniform(*across),
        down=rng.uniform(*down),
        seed=int(rng.integers(2**31)),
    )
