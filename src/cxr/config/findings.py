"""The findings of the field by name: finding set -> tuple of findings, in the order their papers list them."""

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
"""The six findings that NIH and CheXpert both label."""

FINDING_SETS = {"nih14": NIH14, "merged6": MERGED6}

ALL_FINDINGS = NIH14
"""Every finding that a source of this project can label."""
