"""A DICOM tree with its label table: files found in three ways, refused by tag, patients behind a key."""

import csv

import pytest

from cxr.config.datasets import DicomDataset
from cxr.config.errors import UserError
from cxr.config.findings import NIH14
from cxr.datasets.sources.dicom import read_dicom_tree
from cxr.datasets.sources.pseudonyms import KEY_FILE, load_key, pseudonym
from cxr.phantoms.dataset.folder import write_phantoms
from cxr.phantoms.spec import PhantomSpec


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dicom") / "tree"
    write_phantoms(folder, PhantomSpec(patients=6, seed=3, image_px=64), workers=1, layout="dicom")
    return folder


def lines_of(tree):
    with (tree / "labels.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def read(tree, tmp_path):
    """A function: lines of a label table, keys of the data set -> its SourceTable; the key lies in tmp_path."""

    def run(lines, prepared=None, **keys):
        with (tree / "other.csv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(lines[0]))
            writer.writeheader()
            writer.writerows(lines)
        dataset = DicomDataset.model_validate({"format": "dicom", "root": tree, "csv": "other.csv", **keys})
        return read_dicom_tree(dataset, "pacs", prepared or tmp_path, workers=1)

    return run


def test_labels_and_tags_are_joined(tree, read, tmp_path):
    lines = lines_of(tree)
    source = read(lines)
    assert source.rows["path"].to_list() == [line["path"] for line in lines]
    assert source.findings == NIH14
    for finding in NIH14:
        assert source.rows[finding].to_list() == [line[finding] for line in lines]
    assert set(source.rows["sex"]) <= {"M", "F"}
    assert source.rows["age"].astype(int).between(1, 120).all()
    assert set(source.rows["view"]) <= {"PA", "AP"}
    assert source.rows["image_id"].is_unique


def test_patients_stay_together_and_lead_back_to_nobody(tree, read, tmp_path):
    lines = lines_of(tree)
    source = read(lines)
    numbers = [line["patient_id"] for line in lines]
    pairs = set(zip(numbers, source.rows["patient_id"], strict=True))
    assert len(pairs) == len(set(numbers)) == source.rows["patient_id"].nunique()
    stored = source.rows.drop(columns="path").to_csv()
    assert "PHANTOM" not in stored
    assert "Phantom" not in stored
    assert read(lines).rows["patient_id"].equals(source.rows["patient_id"])
    other = read(lines, prepared=tmp_path / "elsewhere")
    assert not set(other.rows["patient_id"]) & set(source.rows["patient_id"])
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_files_are_found_by_path_or_by_uid(tree, read):
    pydicom = pytest.importorskip("pydicom")
    lines = lines_of(tree)
    paths = [line["path"] for line in lines]
    by_uid = [{**line, "path": pydicom.dcmread(tree / line["path"]).SOPInstanceUID} for line in lines]
    assert read(by_uid).rows["path"].to_list() == paths


def test_findings_and_patients_may_be_mapped_and_the_rest_is_told(tree, read):
    lines = [{"file": line["path"], "person": f"n{k // 2}", "lump": "1"} for k, line in enumerate(lines_of(tree))][:4]
    columns = {"path": "file", "patient_id": "person", "findings": {"Lump": "lump"}}
    source = read(lines, columns=columns)
    assert source.findings == ("Lump",)
    assert source.rows["patient_id"].nunique() == 2
    assert source.notes[0].endswith("DICOM files are named by no row of other.csv and were left out")


def test_unsuitable_files_are_rejected_with_the_reason(tree, read, tmp_path):
    pydicom = pytest.importorskip("pydicom")
    lines = lines_of(tree)
    for number, (tag, value) in enumerate((("Modality", "CT"), ("ViewPosition", "LL"))):
        data = pydicom.dcmread(tree / lines[number]["path"])
        setattr(data, tag, value)
        data.save_as(tree / f"files/changed{number}")
    (tree / "files/nothing").write_bytes(b"no DICOM")
    new = [{**lines[0], "path": f"files/{name}"} for name in ("changed0", "changed1", "nothing", "gone")]
    source = read([*new, *lines[2:]])
    assert source.rejected["reason"].to_list()[:2] == [
        "is of modality CT; allowed are CR, DX, DR, RG, XR",
        "is a lateral or oblique view (LL)",
    ]
    assert source.rejected["reason"].to_list()[2].startswith(("is no DICOM file", "cannot be read as DICOM"))
    assert source.rejected["reason"].to_list()[3] == "the image does not exist"
    assert len(source.rows) + len(source.rejected) == len(new) + len(lines) - 2
    for name in ("changed0", "changed1", "nothing"):
        (tree / "files" / name).unlink()


def test_a_table_without_findings_stops(tree, read):
    with pytest.raises(UserError, match=r"no column is named like a finding; map them with the key columns\.findings"):
        read([{"path": lines_of(tree)[0]["path"], "lump": "1"}])


def test_a_damaged_key_stops(tmp_path):
    key = load_key(tmp_path)
    assert load_key(tmp_path) == key
    assert pseudonym(key, "") == ""
    for text, message in (("xyz", "holds no key for patient ids"), ("ab", "holds a key of 1 bytes; 32 are needed")):
        (tmp_path / KEY_FILE).write_text(text)
        with pytest.raises(UserError, match=message):
            load_key(tmp_path)
