"""Splits by whole patients: nobody in two parts, everybody in one, the same every time, under the right name."""

import gzip
import hashlib
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.config.errors import UserError
from cxr.config.findings import NIH14
from cxr.config.split import Split
from cxr.datasets.labels import read_labels
from cxr.datasets.manifest import merge_sources
from cxr.datasets.split import PARTS, NamedSplit, assign_split, check_patients, describe_split

FINDINGS = ["Mass", "Edema", "Hernia"]
OUTPUTS = {finding: (finding,) for finding in FINDINGS}


@st.composite
def patients_with_labels(draw):
    """Image counts per patient, and positives per image."""
    images = draw(st.lists(st.integers(1, 6), min_size=1, max_size=40))
    seed, share = draw(st.integers(0, 2**32 - 1)), draw(st.floats(0, 1))
    return images, np.random.default_rng(seed).random((sum(images), len(FINDINGS))) < share**2


@settings(max_examples=150, deadline=None, derandomize=True)
@given(patients_with_labels(), st.integers(0, 2**32 - 1), st.randoms(use_true_random=False))
def test_any_patients_are_dealt_whole_and_the_same_way(make_manifest, drawn, seed, random):
    images, positives = drawn
    manifest = make_manifest(images, positives, FINDINGS)
    split = Split(val=0.2, test=0.3)
    try:
        dealt = assign_split(manifest, split, FINDINGS, seed).table
    except UserError as error:
        assert "gets no image" in str(error)
        assert len(images) < 30
        return
    assert list(dealt.columns) == ["image_id", "split", "fold"]
    assert sorted(dealt["image_id"]) == sorted(manifest["image_id"])
    part_of = dict(zip(dealt["image_id"], dealt["split"], strict=True))
    assert set(part_of.values()) == set(PARTS)
    parts_of_patient = {}
    for image, patient in zip(manifest["image_id"], manifest["patient_id"], strict=True):
        parts_of_patient.setdefault(patient, set()).add(part_of[image])
    assert {len(parts) for parts in parts_of_patient.values()} == {1}
    order = list(range(len(manifest)))
    random.shuffle(order)
    again = assign_split(manifest.iloc[order].reset_index(drop=True), split, FINDINGS, seed).table
    assert dict(zip(again["image_id"], again["split"], strict=True)) == part_of


def test_shares_and_the_rarest_label_are_kept(make_manifest):
    random = np.random.default_rng(5)
    images = random.geometric(0.3, 4000)
    sick = np.repeat(random.random((4000, 3)) < [0.2, 0.05, 0.006], images, axis=0)
    positives = sick & (random.random(sick.shape) < 0.7)
    manifest = make_manifest(images, positives, FINDINGS)
    table = assign_split(manifest, Split(val=0.1, test=0.2), FINDINGS, 1).table.set_index("image_id")
    part = table["split"][manifest["image_id"]].to_numpy()
    for name, share in (("train", 0.7), ("val", 0.1), ("test", 0.2)):
        assert abs((part == name).mean() - share) < 0.002
        for k in range(3):
            assert positives[part == name, k].sum() == pytest.approx(share * positives[:, k].sum(), rel=0.05, abs=2)


def test_another_seed_is_another_split_and_the_shares_name_it(make_manifest):
    manifest = make_manifest([2] * 60, np.zeros((120, 3), bool), FINDINGS)
    splits = [assign_split(manifest, Split(val=0.1, test=0.2), FINDINGS, seed) for seed in (1, 1, 2)]
    assert splits[0].table.equals(splits[1].table)
    assert not splits[0].table.equals(splits[2].table)
    assert {split.name for split in splits} == {"patients 70/10/20"}


def test_too_few_patients_stop(make_manifest):
    for images in ([1], [30], [1, 1]):
        manifest = make_manifest(images, np.ones((sum(images), 3), bool), FINDINGS)
        with pytest.raises(UserError, match=rf"gets no image \({sum(images)} images of {len(images)} patients, scheme"):
            assign_split(manifest, Split(), FINDINGS, 1)


@pytest.fixture
def small(make_manifest):
    """Three patients with two images each, and a good split of them."""
    manifest = make_manifest([2, 2, 2], np.zeros((6, 3), bool), FINDINGS)
    table = pd.DataFrame({"image_id": manifest["image_id"], "split": np.repeat(PARTS, 2), "fold": ""})
    return manifest, table


def test_a_good_split_passes_in_any_order_and_in_part(small):
    manifest, table = small
    check_patients(manifest, table)
    check_patients(manifest, table[::-1])
    check_patients(manifest, table[:3])


def test_a_patient_in_two_parts_stops_the_split(small):
    manifest, table = small
    table.loc[1, "split"] = "val"
    message = r"patient 0 has images in train and val \(1 such patients\); each patient may be in one part only"
    with pytest.raises(UserError, match=message):
        check_patients(manifest, table)
    table.loc[2, "split"] = "test"
    with pytest.raises(UserError, match=r"\(2 such patients\)"):
        check_patients(manifest, table)


def test_unknown_parts_unknown_images_and_repeated_images_stop_the_split(small):
    manifest, table = small
    with pytest.raises(UserError, match='unknown part "valid"; allowed are train, val, test'):
        check_patients(manifest, table.replace("val", "valid"))
    with pytest.raises(UserError, match=r"image 00000004\.png is not in the manifest"):
        check_patients(manifest[:4], table)
    with pytest.raises(UserError, match=r"image 00000000\.png is listed twice"):
        check_patients(manifest, pd.concat([table, table[:1]]))


@pytest.fixture
def listed_manifest(make_manifest):
    """40 patients with three images: 0 to 9 are listed as test, 10 to 37 as train_val, 38 and 39 not at all."""
    listed = np.repeat(["test"] * 10 + ["train_val"] * 28 + [""] * 2, 3)
    return make_manifest([3] * 40, np.zeros((120, 3), bool), FINDINGS, listed)


def test_the_listed_test_part_is_the_list_and_val_comes_from_the_rest(listed_manifest):
    split = assign_split(listed_manifest, Split(scheme="lists", val=0.25), FINDINGS, 1)
    part_of = split.table.set_index("image_id")["split"]
    listed = listed_manifest.set_index("image_id")["listed"]
    assert set(part_of.index) == set(listed.index[listed != ""])
    assert (part_of[listed.index[listed == "test"]] == "test").all()
    assert set(part_of[listed.index[listed == "train_val"]]) == {"train", "val"}
    assert (part_of == "val").sum() == 21
    assert split.name == "lists of the data set"


@pytest.mark.parametrize("scheme", ["official", "lists"])
@pytest.mark.parametrize("missing", ["test", "train_val"])
def test_a_scheme_without_its_lists_stops(listed_manifest, scheme, missing):
    manifest = listed_manifest.replace({"listed": {missing: ""}})
    message = f'split.scheme "{scheme}": no image is listed as {missing}; put train_val_list.txt and test_list.txt'
    with pytest.raises(UserError, match=message):
        assign_split(manifest, Split(scheme=scheme), FINDINGS, 1)


def test_lists_that_share_a_patient_stop(listed_manifest):
    listed_manifest.loc[0, "listed"] = "train_val"
    with pytest.raises(UserError, match=r"patient 0 has images in .*test"):
        assign_split(listed_manifest, Split(scheme="lists"), FINDINGS, 1)


def test_lists_of_other_patients_are_not_taken_for_official(listed_manifest):
    message = r'"official": image 00000000\.png of patient 0 is none of NIH\'s, .*"scheme": "lists"'
    with pytest.raises(UserError, match=message):
        assign_split(listed_manifest, Split(scheme="official"), FINDINGS, 1)


def test_listed_parts_are_taken_as_they_are(listed_manifest):
    named = listed_manifest.assign(listed=np.repeat(["train"] * 20 + ["val"] * 8 + ["test"] * 12, 3))
    for scheme, name in (("lists", "lists of the data set"), ("predefined", "predefined column")):
        split = assign_split(named, Split(scheme=scheme), FINDINGS, 1)
        assert split.name == name
        assert split.table["split"].to_list() == named["listed"].to_list()


def test_a_predefined_split_needs_a_part_for_every_image(listed_manifest):
    message = r'"predefined": image 00000030\.png is in part "train_val" \(90 such images\)'
    with pytest.raises(UserError, match=message):
        assign_split(listed_manifest, Split(scheme="predefined"), FINDINGS, 1)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(patients_with_labels(), st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_every_image_is_tested_in_one_fold_and_no_patient_is_in_two_parts_of_any(make_manifest, drawn, folds, seed):
    images, positives = drawn
    manifest = make_manifest(images, positives, FINDINGS)
    try:
        split = assign_split(manifest, Split(scheme="kfold", folds=folds, val=0.2), FINDINGS, seed)
    except UserError as error:
        assert "gets no image" in str(error)
        assert len(images) < 30
        return
    assert split.name == f"{folds} folds"
    assert split.folds == tuple(map(str, range(folds)))
    tested = split.table[split.table["split"] == "test"]
    assert sorted(tested["image_id"]) == sorted(manifest["image_id"])
    patient_of = manifest.set_index("image_id")["patient_id"]
    for fold in split.folds:
        table = split.table[split.table["fold"] == fold]
        assert sorted(table["image_id"]) == sorted(manifest["image_id"])
        parts = table.groupby(table["image_id"].map(patient_of))["split"].nunique()
        assert (parts == 1).all()


def test_folds_keep_the_rarest_label(make_manifest):
    random = np.random.default_rng(5)
    images = random.geometric(0.3, 2000)
    positives = np.repeat(random.random((2000, 3)) < [0.2, 0.05, 0.01], images, axis=0)
    manifest = make_manifest(images, positives, FINDINGS)
    table = assign_split(manifest, Split(scheme="kfold", folds=5), FINDINGS, 1).table
    fold_of = table[table["split"] == "test"].set_index("image_id")["fold"][manifest["image_id"]].to_numpy()
    for k in range(3):
        counts = [positives[fold_of == str(fold), k].sum() for fold in range(5)]
        assert max(counts) - min(counts) <= max(3, 0.05 * sum(counts))


def test_a_patient_in_two_parts_of_one_fold_stops_the_folds(make_manifest):
    manifest = make_manifest([2] * 30, np.zeros((60, 3), bool), FINDINGS)
    table = assign_split(manifest, Split(scheme="kfold", folds=3), FINDINGS, 1).table
    check_patients(manifest, table)
    row = table.index[(table["fold"] == "1") & (table["split"] == "train")][0]
    table.loc[row, "split"] = "val"
    with pytest.raises(UserError, match=r"has images in train and val \(1 such patients\)"):
        check_patients(manifest, table)


def test_a_described_split_counts_images_patients_and_positives(make_manifest):
    random = np.random.default_rng(2)
    images = random.integers(1, 5, 50)
    positives = random.random((images.sum(), 3)) < 0.3
    manifest = make_manifest(images, positives, FINDINGS)
    manifest.loc[:4, "Mass"] = ["-1", "", "1", "0", "1"]
    split = assign_split(manifest, Split(), FINDINGS, 3)
    shuffled = NamedSplit(split.name, split.table.sample(frac=1, random_state=0))
    described = describe_split(manifest, shuffled, FINDINGS, read_labels(manifest, OUTPUTS))
    joined = manifest.merge(split.table, on="image_id")
    assert described["name"] == split.name
    for part in PARTS:
        rows = joined[joined["split"] == part]
        assert described["parts"][part] == {
            "images": len(rows),
            "patients": len(set(rows["patient_id"])),
            "hash": hashlib.sha256("\n".join(sorted(rows["image_id"])).encode()).hexdigest(),
            "positives": {finding: Counter(rows[finding])["1"] for finding in FINDINGS},
        }
    assert described == describe_split(manifest, split, FINDINGS, read_labels(manifest, OUTPUTS))
    other = split.table.replace({"split": {"val": "test", "test": "val"}})
    assert (
        describe_split(manifest, NamedSplit("", other), FINDINGS, read_labels(manifest, OUTPUTS))["hash"]
        != (described["hash"])
    )


@pytest.fixture(scope="module")
def nih_metadata(real_data):
    """The manifest of all 112,120 images, read with pandas alone; `No Finding` is no column."""
    folder = real_data / "nih-metadata"
    table = pd.read_csv(folder / "Data_Entry_2017_v2020.csv.gz", dtype=str, index_col=False)
    manifest = pd.DataFrame({"image_id": table["Image Index"], "patient_id": table["Patient ID"], "listed": ""})
    for part in ("train_val", "test"):
        with gzip.open(folder / f"{part}_list.txt.gz", "rt") as lines:
            manifest.loc[manifest["image_id"].isin(set(lines.read().split())), "listed"] = part
    labels = table["Finding Labels"].str.get_dummies("|")
    return pd.concat([manifest, labels[list(NIH14)].astype(str)], axis=1)


def test_the_official_split_of_all_images_is_nihs(nih_metadata):
    assert len(nih_metadata) == 112_120
    assert nih_metadata["patient_id"].nunique() == 30_805
    split = assign_split(nih_metadata, Split(scheme="official"), list(NIH14), 2026)
    assert split.name == "official"
    part_of = split.table.set_index("image_id")["split"]
    assert (part_of == "test").sum() == 25_596
    assert part_of.isin(["train", "val"]).sum() == 86_524
    patients = nih_metadata.set_index("image_id")["patient_id"]
    assert patients[part_of.index[part_of == "test"]].nunique() == 2_797
    assert not set(patients[part_of.index[part_of == "train"]]) & set(patients[part_of.index[part_of == "val"]])


def test_official_parts_keep_prevalence_at_real_size(nih_metadata):
    part_of = assign_split(nih_metadata, Split(), list(NIH14), 2026).table.set_index("image_id")["split"]
    labels = nih_metadata.set_index("image_id")[list(NIH14)] == "1"
    overall = labels.mean()
    for part in PARTS:
        prevalence = labels.loc[part_of.index[part_of == part]].mean()
        np.testing.assert_allclose(prevalence / overall, 1, atol=0.06)  # Hernia: 227 images, 23 of them in val


def test_a_part_of_the_images_is_called_a_subset(nih_metadata):
    some = nih_metadata[nih_metadata["patient_id"].astype(int) % 10 == 3]
    assert assign_split(some, Split(scheme="official"), list(NIH14), 1).name == "official (subset)"
    assert assign_split(nih_metadata[1:], Split(scheme="official"), list(NIH14), 1).name == "official (subset)"
    renamed = some.assign(patient_id="nih:" + some["patient_id"].str.zfill(8))  # as merged sources write it
    assert assign_split(renamed, Split(scheme="official"), list(NIH14), 1).name == "official (subset)"


@pytest.mark.parametrize(
    "change",
    [
        {"image_id": lambda ids: ids.str.replace("_", "-")},
        {"image_id": lambda ids: "9" + ids.str[1:]},
        {"patient_id": lambda ids: "foreign" + ids},
        {"patient_id": lambda ids: (ids.astype(int) + 1).astype(str)},
    ],
)
def test_images_that_are_not_nihs_are_not_taken_for_official(nih_metadata, change):
    some = nih_metadata[nih_metadata["patient_id"].astype(int) % 10 == 3]
    row = some.index[some["listed"] == "train_val"][:1]
    for column, renamed in change.items():
        some = some.assign(**{column: some[column].mask(some.index.isin(row), renamed(some[column]))})
    with pytest.raises(UserError, match=r"is none of NIH's, whose names are patient_image \(00000001_000\) \(1 such"):
        assign_split(some, Split(scheme="official"), list(NIH14), 1)


def test_lists_that_are_not_quite_nihs_are_not_taken_for_official(nih_metadata):
    foreign = nih_metadata.copy()
    patient = foreign.loc[foreign["listed"] == "test", "patient_id"].iloc[0]
    foreign.loc[foreign["patient_id"] == patient, "listed"] = "train_val"
    with pytest.raises(UserError, match="but not in NIH's own lists"):
        assign_split(foreign, Split(scheme="official"), list(NIH14), 1)
    assert assign_split(foreign, Split(scheme="lists"), list(NIH14), 1).name == "lists of the data set"


def test_the_real_subset_reads_and_is_a_subset_of_the_official_split(real_data, read):
    source = read(real_data / "nih-subset")
    assert len(source.rows) == 1_520
    assert len(source.rejected) == 0
    split = assign_split(merge_sources([source])[0], Split(scheme="official"), list(NIH14), 1)
    assert split.name == "official (subset)"
    assert len(split.table) == 1_520
    tested = set((real_data / "nih-subset" / "test_list.txt").read_text().split())
    assert set(split.table.loc[split.table["split"] == "test", "image_id"]) == tested


def test_everything_may_be_test(make_manifest):
    manifest = make_manifest([1, 3], np.zeros((4, len(FINDINGS)), bool), FINDINGS)
    named = assign_split(manifest, Split(scheme="test"), FINDINGS, 1)
    assert (named.name, named.folds) == ("all test", ("",))
    assert list(named.table["image_id"]) == list(manifest["image_id"])
    assert set(named.table["split"]) == {"test"}
    described = describe_split(manifest, named, FINDINGS, np.zeros((4, len(FINDINGS))))
    assert [described["parts"][part]["images"] for part in PARTS] == [0, 0, 4]
