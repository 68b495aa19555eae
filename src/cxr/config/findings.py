"""The findings of the field by name, and named sets of them: set -> outputs, each with the findings it stands for."""

import re
from collections.abc import Iterable, Sequence

NO_FINDING = "No Finding"
"""Labelled like a finding: 1 where the source says that nothing was found."""

NIH14 = (
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
    "Hernia",
)
"""ChestX-ray14 (Wang et al. 2017), in NIH's order; an image with none of them is "No Finding"."""

MERGED6 = ("Consolidation", "Pneumothorax", "Edema", "Effusion", "Pneumonia", "Cardiomegaly")
"""The six findings that NIH and CheXpert both label and that are trained on together."""

CHEXPERT5 = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion")
"""The five that CheXpert's authors compete on (Irvin et al., AAAI 2019)."""

CHEXPERT_NAMES = {
    NO_FINDING: NO_FINDING,
    "Enlarged Cardiomediastinum": "Enlarged_Cardiomediastinum",
    "Cardiomegaly": "Cardiomegaly",
    "Lung Opacity": "Lung_Opacity",
    "Lung Lesion": "Lung_Lesion",
    "Edema": "Edema",
    "Consolidation": "Consolidation",
    "Pneumonia": "Pneumonia",
    "Atelectasis": "Atelectasis",
    "Pneumothorax": "Pneumothorax",
    "Pleural Effusion": "Effusion",
    "Pleural Other": "Pleural_Other",
    "Fracture": "Fracture",
    "Support Devices": "Support_Devices",
}
"""CheXpert's 14 observations in its order, and what they are called here: one name for what two sources both label."""

COARSE = {
    "Lung": (
        "Atelectasis",
        "Infiltration",
        "Mass",
        "Nodule",
        "Pneumonia",
        "Consolidation",
        "Edema",
        "Emphysema",
        "Fibrosis",
    ),
    "Heart": ("Cardiomegaly",),
    "Pleura": ("Effusion", "Pneumothorax", "Pleural_Thickening"),
    "Hernia": ("Hernia",),
    "Normal": (NO_FINDING,),
}
"""NIH's findings by organ, and the images without any."""


def _each(names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    return {name: (name,) for name in names}


FINDING_SETS = {
    "nih14": _each(NIH14),
    "merged6": _each(MERGED6),
    "chexpert5": _each(CHEXPERT5),
    "chexpert14": _each(tuple(CHEXPERT_NAMES.values())),
    "coarse": COARSE,
}

ALL_FINDINGS = tuple(dict.fromkeys((*NIH14, *CHEXPERT_NAMES.values())))
"""Every finding that a source with fixed labels has; tables and folders may bring their own."""

KEPT_COLUMNS = (
    "image_id", "source", "path", "patient_id", "study_id", "view", "sex", "age", "listed", "row", "split", "mean",
    "default",
)  # fmt: skip
"""Names that tables of ours have for something else."""


IMAGE_COLUMNS = ("image_id", "image", "image_name", "image index", "filename", "file", "path", "id", "imageid")
"""What tables from elsewhere call their column of images, whatever the case."""


def match_findings(columns: Iterable[str], findings: Sequence[str]) -> dict[str, str]:
    """Return column -> the finding it spells, of those that spell one: `pleural effusion` is `Effusion`.

    Case, spaces and signs do not count, and CheXpert's names stand for ours, unless a finding is spelt like them. Two
    columns may spell one finding.
    """
    ours = {_bare(name): ours for name, ours in CHEXPERT_NAMES.items() if ours in findings}
    ours |= {_bare(finding): finding for finding in findings}
    return {column: ours[_bare(column)] for column in columns if _bare(column) in ours}


def _bare(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()


def checked_name(name: str) -> str:
    """Return the name of a finding or group as it is; ValueError where columns or files cannot be called so."""
    if name in KEPT_COLUMNS:
        raise ValueError(f'"{name}" cannot be the name of a finding: a column of ours is called so')
    if not re.fullmatch(r"\w[\w ()+&.-]{0,63}", name):
        raise ValueError(
            f'"{name}" cannot be the name of a finding; use up to 64 letters, digits, spaces and . - + & ( ), a '
            "letter or digit first"
        )
    return name
