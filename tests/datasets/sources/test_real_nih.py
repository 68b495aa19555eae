"""The reader on NIH's own tables with all 112,120 rows; the images are empty files of the right names."""

import csv
import gzip

import pytest

from cxr.config.findings import NIH14
from cxr.config.split import Split
from cxr.datasets.manifest import merge_sources
from cxr.datasets.split import assign_split

COUNTED = {  # images in all, and in the official test list, as the reference system of attention-Xception counts them
    "Infiltration": (19894, 6112), "Effusion": (13317, 4658), "Atelectasis": (11559, 3279), "Nodule": (6331, 1623),
    "Mass": (5782, 1748), "Pneumothorax": (5302, 2665), "Consolidation": (4667, 1815),
    "Pleural_Thickening": (3385, 1143), "Cardiomegaly": (2776, 1069), "Emphysema": (2516, 1093), "Edema": (2303, 925),
    "Fibrosis": (1686, 435), "Pneumonia": (1431, 555), "Hernia": (227, 86),
}  # fmt: skip


@pytest.fixture(scope="module")
def whole_nih(real_data, tmp_path_factory):
    """NIH's layout with every image of the table, without content, in twelve folders as NIH packs them."""
    root = tmp_path_factory.mktemp("whole_nih")
    for packed in (real_data / "nih-metadata").glob("*.gz"):
        (root / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
    with (root / "Data_Entry_2017_v2020.csv").open(newline="") as table:
        images = [name for name, *_ in csv.reader(table)][1:]
    for number in range(12):
        (root / f"images_{number:03d}" / "images").mkdir(parents=True)
    for k, name in enumerate(images):
        (root / f"images_{k * 12 // len(images):03d}" / "images" / name).touch()
    return root


def test_all_of_nihs_tables_are_read_and_nothing_is_lost(whole_nih, read):
    source = read(whole_nih)
    assert source.notes == []
    assert len(source.rejected) == 0
    manifest, twice = merge_sources([source])
    assert len(twice) == 0
    assert len(manifest) == 112_120
    assert manifest["patient_id"].nunique() == 30_805
    assert (len(source.boxes), source.boxes["image_id"].nunique()) == (984, 880)
    split = assign_split(manifest, Split(scheme="official"), list(NIH14), 2026)
    assert split.name == "official"
    test = manifest["image_id"].isin(set(split.table.loc[split.table["split"] == "test", "image_id"]))
    assert (test.sum(), (~test).sum()) == (25_596, 86_524)
    counts = {finding: ((manifest[finding] == "1").sum(), (manifest[finding] == "1")[test].sum()) for finding in NIH14}
    assert counts == COUNTED
