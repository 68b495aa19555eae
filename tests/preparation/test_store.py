import json

import numpy as np
import pandas as pd
import pytest

from cxr.config.errors import UserError
from cxr.config.labels import Findings
from cxr.images.files import read_image
from cxr.images.geometry import cut_box
from cxr.preparation.prepare import LungSource, prepare
from cxr.preparation.sheet import crop_sheet
from cxr.preparation.store import PreparedFiles, lung_mask, open_store

FINDINGS = ("Effusion", "Mass")
CODES = {"1": 1.0, "0": 0.0, "-1": -1.0, "": np.nan}


@pytest.fixture(scope="module")
def prepared(make_chests, make_settings, make_params, lung_net, tmp_path_factory):
    """24 chests, four of which are rejected, so that rows of the arrays and of the tables differ."""
    folder = tmp_path_factory.mktemp("prepared")
    params = make_params(findings={"set": list(FINDINGS)}, crop={"mode": "crop", "image_px": 32})
    lungs = LungSource(lambda: lung_net, "hash", None)
    source = make_chests(folder / "images", broken=4)
    return prepare([source], make_settings(folder), params, lungs, workers=1)[0], source


@pytest.fixture
def files(prepared, tmp_path):
    """A copy of the prepared folder for a test that spoils it."""
    for path in prepared[0].folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return PreparedFiles(tmp_path, prepared[0].split_id)


def test_a_crop_is_its_image_cut_by_its_box(prepared):
    store = open_store(prepared[0], Findings(set=list(FINDINGS)))
    assert len(store.image_ids) == 20
    assert max(store.rows) == 23
    for i, (image_id, path) in enumerate(zip(store.image_ids, store.paths, strict=True)):
        assert path.name == image_id
        np.testing.assert_array_equal(store.crops[store.rows[i]], cut_box(read_image(path), store.boxes[i], 32))


def test_lung_masks_are_those_of_their_images(prepared, chest):
    store = open_store(prepared[0], Findings(set=list(FINDINGS)))
    for i, image_id in enumerate(store.image_ids):
        number = int(image_id[1:4])
        if number % 9 == 4:
            continue  # drawn without lungs
        _, lungs = chest(number)
        mask = lung_mask(store, i)
        assert mask.shape == (36, 36)
        y, x = ((np.arange(36) + 0.5) / 36 * np.array(lungs.shape)[:, None]).astype(int)
        truth = lungs[np.ix_(y, x)]
        assert (mask & truth).sum() / (mask | truth).sum() > 0.9


def test_labels_patients_and_parts_belong_to_their_images(prepared):
    files, source = prepared
    rows = source.rows.set_index("image_id")
    split = pd.read_csv(files.split, dtype=str).set_index("image_id")["split"]
    store = open_store(files, Findings(set=list(FINDINGS[::-1])))
    assert store.findings == ("Mass", "Effusion")
    for i, image_id in enumerate(store.image_ids):
        assert store.patient_ids[i] == rows.loc[image_id, "patient_id"]
        assert store.parts[i] == split[image_id]
        expected = [CODES[rows.loc[image_id, finding]] for finding in store.findings]
        np.testing.assert_array_equal(store.labels[i], expected)
    for part, described in store.split["parts"].items():
        chosen = store.parts == part
        assert described["images"] == chosen.sum()
        assert described["patients"] == len(set(store.patient_ids[chosen]))
        assert list(described["positives"].values()) == list((store.labels[chosen] == 1).sum(axis=0))


def test_crops_are_not_read_before_they_are_asked_for(prepared):
    store = open_store(prepared[0], Findings(set=list(FINDINGS)))
    assert isinstance(store.crops, np.memmap)
    assert isinstance(store.lungs, np.memmap)
    assert not store.crops.flags.writeable


def test_a_patient_in_two_parts_stops(files):
    split = pd.read_csv(files.split, dtype=str, keep_default_na=False)
    manifest = pd.read_csv(files.manifest, dtype=str)
    patient = manifest["patient_id"].mode()[0]
    first, second, *_ = np.flatnonzero(
        split["image_id"].isin(manifest.loc[manifest["patient_id"] == patient, "image_id"])
    )
    split.loc[first, "split"], split.loc[second, "split"] = "train", "test"
    split.to_csv(files.split, index=False)
    with pytest.raises(UserError, match=rf"patient {patient} has images in test and train") as raised:
        open_store(files, Findings(set=list(FINDINGS)))
    assert str(files.split) in str(raised.value)


@pytest.mark.parametrize(
    ("column", "text", "message"),
    [
        ("split", "holdout", 'unknown part "holdout"; allowed are train, val, test'),
        ("image_id", "c999.png", "image c999.png is not in the manifest"),
    ],
)
def test_a_split_of_unknown_images_or_parts_stops(files, column, text, message):
    split = pd.read_csv(files.split, dtype=str, keep_default_na=False)
    split.loc[0, column] = text
    split.to_csv(files.split, index=False)
    with pytest.raises(UserError, match=message) as raised:
        open_store(files, Findings(set=list(FINDINGS)))
    assert str(files.split) in str(raised.value)


def test_a_finding_that_no_source_labels_stops(prepared):
    with pytest.raises(UserError, match=r"asks for Hernia; the data sets label Effusion, Mass"):
        open_store(prepared[0], Findings(set=["Effusion", "Hernia"]))


def test_a_folder_that_is_not_prepared_stops(prepared, tmp_path):
    with pytest.raises(UserError, match=r"the data are not prepared yet; run \./prepare_data\.sh") as raised:
        open_store(PreparedFiles(tmp_path / "none", "abc"), Findings(set=list(FINDINGS)))
    assert str(tmp_path / "none") in str(raised.value)
    with pytest.raises(UserError, match="not prepared yet"):  # prepared, but with another split
        open_store(PreparedFiles(prepared[0].folder, "abc"), Findings(set=list(FINDINGS)))


@pytest.mark.parametrize("name", ["record", "split", "split_record", "manifest", "crop_table", "crops"])
def test_a_prepared_folder_that_lost_a_file_stops(files, name):
    getattr(files, name).unlink()
    with pytest.raises(UserError):
        open_store(files, Findings(set=list(FINDINGS)))


def test_a_damaged_record_or_label_is_one_sentence(files):
    text = files.record.read_text()
    files.record.write_text(text[:50])
    with pytest.raises(UserError, match="is damaged, not valid JSON"):
        open_store(files, Findings(set=list(FINDINGS)))
    files.record.write_text(text)
    assert json.loads(text)["images"] == 20
    manifest = pd.read_csv(files.manifest, dtype=str, keep_default_na=False)
    manifest.loc[0, "Mass"] = "maybe"
    manifest.to_csv(files.manifest, index=False)
    with pytest.raises(UserError, match='Mass: found "maybe"; allowed are 1, 0, -1 and empty'):
        open_store(files, Findings(set=list(FINDINGS)))


def test_without_lungs_there_is_no_mask(store):
    assert store.lungs is None
    assert lung_mask(store, 0) is None


def test_the_sheet_shows_crops_ten_a_row(store, prepared):
    sheet = crop_sheet(store)  # 39 images
    assert sheet.shape == (4 * 128, 10 * 128)
    assert sheet.dtype == np.uint8
    assert not sheet[3 * 128 :, 9 * 128 :].any()
    small = crop_sheet(open_store(prepared[0], Findings(set=list(FINDINGS))))  # 20 images
    assert small.shape == (2 * 128, 10 * 128)
