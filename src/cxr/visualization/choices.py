"""What a group says of the test part in, which images are drawn for which finding, and into which folder, out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cxr.evaluation.logistic import logit
from cxr.visualization.calls import Calls
from cxr.visualization.names import plain_names

LONGEST_FOLDER, LONGEST_IMAGE, LONGEST_FINDING = 80, 80, 60
NO_FINDING, NONE_OF_THESE, NOT_KNOWN = "No Finding", "None of these", "Not known"
"""Folders of images that are labelled with none of the findings: because there is nothing, because it is something else
that is not asked for, or because some labels are uncertain or missing."""


@dataclass(frozen=True)
class Choice:
    """One picture: which test image for which finding, and its file, relative to the folder of all."""

    image: int
    finding: int
    file: str


def choose_highest(calls: Calls, per_finding: int) -> list[Choice]:
    """Return the images with the highest raw probability of each finding, highest first."""
    images, findings = image_names(calls), finding_names(calls.findings)
    return [
        Choice(image, k, f"{findings[k]}-{rank:02d}-{images[image]}.png")
        for (image, k), rank in rank_highest(calls, per_finding).items()
    ]


def rank_highest(calls: Calls, per_finding: int) -> dict[tuple[int, int], int]:
    """Return (test image, finding) -> rank from 1, finding by finding; equal ones in the order of predictions.csv."""
    return {
        (int(image), k): rank
        for k in range(len(calls.findings))
        for rank, image in enumerate(np.argsort(-calls.raw[:, k], kind="stable")[:per_finding], 1)
    }


def choose_sample(calls: Calls, per_finding: int, seed: int) -> list[Choice]:
    """Return images drawn at random, for each finding of those labelled with it and, surely, with no other."""
    images, findings = image_names(calls), finding_names(calls.findings)
    present = calls.labels == 1
    single = (present.sum(axis=1) == 1) & ~(calls.labels == -1).any(axis=1)
    chosen = []
    for k in range(len(calls.findings)):
        ones = np.flatnonzero(single & present[:, k])
        drawn = np.sort(np.random.default_rng([seed, k]).permutation(ones)[:per_finding])
        chosen += [Choice(int(image), k, f"{findings[k]}/{images[image]}.jpg") for image in drawn]
    return chosen


def choose_all(calls: Calls, no_finding: np.ndarray) -> list[Choice]:
    """Return for every image each finding it is labelled with and, if it is another, the one that is called surest.

    That is the finding furthest above its threshold (in logits), or the most probable where none has a threshold. The
    folders are named for the findings that an image is labelled with, or say why it has none. no_finding: (N,) bool,
    where the source says that there is nothing.
    """
    images, findings = image_names(calls), finding_names(calls.findings)
    present = calls.labels == 1
    margins = logit(calls.shown) - logit(calls.thresholds)
    surest = np.where(np.isnan(margins), -np.inf, margins).argmax(axis=1)
    surest = np.where(np.isnan(margins).all(axis=1), calls.shown.argmax(axis=1), surest)
    combinations = [_combination(codes, none) for codes, none in zip(calls.labels, no_finding, strict=True)]
    texts = {one: one if isinstance(one, str) else "-".join(calls.findings[k] for k in one) for one in combinations}
    folders = plain_names(texts, LONGEST_FOLDER)
    return [
        Choice(image, k, f"{folders[combinations[image]]}/{images[image]}-{findings[k]}.jpg")
        for image in range(len(calls.image_ids))
        for k in sorted({*np.flatnonzero(present[image]).tolist(), int(surest[image])})
    ]


def _combination(codes: np.ndarray, no_finding: bool) -> tuple[int, ...] | str:
    """The findings that an image is labelled with, or why it has none, from its (K,) label codes."""
    if (codes == 1).any():
        return tuple(np.flatnonzero(codes == 1).tolist())
    if no_finding:
        return NO_FINDING
    return NONE_OF_THESE if (codes == 0).all() else NOT_KNOWN


def image_names(calls: Calls) -> list[str]:
    """Return a plain name per test image, without its ending."""
    stems = {str(one): (one.rpartition(".")[0] or one).replace(" ", "_") for one in calls.image_ids.tolist()}
    return list(plain_names(stems, LONGEST_IMAGE).values())


def finding_names(findings: Sequence[str]) -> list[str]:
    """Return a plain name per finding."""
    return list(plain_names({one: one.replace(" ", "_") for one in findings}, LONGEST_FINDING).values())


def top_name(finding_name: str) -> str:
    """Return the file of the grid of a finding, from its plain name."""
    return f"{finding_name}-top.png"
