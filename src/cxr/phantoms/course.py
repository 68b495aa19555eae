"""The course of a patient: spec and patient number in; anatomy, age, sex and the lesions of every visit out."""

from dataclasses import dataclass, replace

import numpy as np

from cxr.config.findings import NIH14
from cxr.phantoms.anatomy.patient import Anatomy, draw_anatomy
from cxr.phantoms.findings.cooccurrence import draw_findings, shares_of_the_ill
from cxr.phantoms.findings.lesions import Lesion
from cxr.phantoms.spec import PhantomSpec

VISIT_SHARES = (0.36, 0.26, 0.18, 0.12, 0.08)  # of patients with 1, 2, .. 5 images: 2.3 on average
FEMALE_SHARE, BEDSIDE_SHARE = 0.44, 0.38
YOUNGEST, OLDEST = 18, 90  # years
SEVERITY_POWER = 0.6  # below 1: a tenth of the new lesions is subtle (severity below 0.25), half above 0.66
STAY_SHARE, NEW_SHARE = 0.88, 0.02  # a finding is still there at the next visit; a new one (of even shares) has come

PLACES = {
    "Atelectasis": ((0.40, 0.60), (0.55, 0.88)),
    "Infiltration": ((0.30, 0.70), (0.25, 0.85)),
    "Mass": ((0.30, 0.70), (0.20, 0.80)),
    "Nodule": ((0.20, 0.85), (0.15, 0.90)),
    "Pneumonia": ((0.35, 0.65), (0.25, 0.85)),
    "Consolidation": ((0.30, 0.70), (0.25, 0.85)),
    "Edema": ((0.20, 0.30), (0.50, 0.60)),
    "Fibrosis": ((0.45, 0.80), (0.25, 0.85)),
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


def draw_course(spec: PhantomSpec, patient: int) -> Course:
    """Draw patient number `patient` (1, 2, ...); depends on seed, prevalence and frequencies of the spec."""
    rng = np.random.default_rng(np.random.SeedSequence(spec.seed, spawn_key=(patient,)))
    sex = "F" if rng.random() < FEMALE_SHARE else "M"
    age = int(np.clip(rng.normal(50, 17), YOUNGEST, OLDEST))
    anatomy = draw_anatomy(rng, sex, age)
    visits_n = 1 + int(rng.choice(len(VISIT_SHARES), p=VISIT_SHARES))
    ill = rng.random() < spec.prevalence
    found = draw_findings(rng, spec.frequencies) if ill else ()
    new_shares = _new_shares(spec.frequencies)
    lesions = tuple(draw_lesion(rng, finding) for finding in found)
    visits = []
    for visit in range(visits_n):
        if visit and ill:
            lesions = _next_lesions(rng, lesions, new_shares)
        view = "AP" if rng.random() < BEDSIDE_SHARE else "PA"
        visits.append(Visit(view, min(age + visit // 2, OLDEST), lesions))
    return Course(anatomy, sex, tuple(visits))


def _new_shares(frequencies: str) -> np.ndarray:
    """(14,) chance of each finding to have come until the next visit: as many come as go, so that shares stay."""
    if frequencies == "even":
        return np.full(len(NIH14), NEW_SHARE)
    shares = shares_of_the_ill(frequencies)
    return (1 - STAY_SHARE) * shares / (1 - shares)


def _next_lesions(rng: np.random.Generator, lesions: tuple[Lesion, ...], new_shares: np.ndarray) -> tuple[Lesion, ...]:
    """The findings of the following visit: most stay, better or worse than before, some go, few come."""
    known = {lesion.finding: lesion for lesion in lesions}
    following = []
    for finding, new_share in zip(NIH14, new_shares, strict=True):
        stays, comes, change = rng.random() < STAY_SHARE, rng.random() < new_share, rng.normal(0, 0.12)
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
        severity=rng.random() ** SEVERITY_POWER,
        across=rng.uniform(*across),
        down=rng.uniform(*down),
        seed=int(rng.integers(2**31)),
    )
