"""Fingerprints, hashes, differences and the files that say what ran."""

import hashlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cxr
from cxr.config.errors import UserError
from cxr.config.params import Crop
from cxr.config.record import (
    differences,
    fingerprint,
    hash_of_file,
    hash_of_ids,
    machine_record,
    plain,
    read_json,
)
from cxr.config.split import Split


def test_a_fingerprint_is_sha256_of_canonical_json():
    assert fingerprint({"b": [1, 2.5], "a": "x"}) == hashlib.sha256(b'{"a":"x","b":[1,2.5]}').hexdigest()[:12]


def test_a_fingerprint_stays_the_same_over_time_and_order():
    assert fingerprint({"seed": 7, "split": Split()}) == fingerprint({"split": Split(), "seed": 7})
    assert fingerprint(Crop()) == fingerprint(Crop(mode="crop", image_px=192))
    assert fingerprint({"path": Path("a") / "b"}) == fingerprint({"path": "a/b"})
    assert fingerprint((1, 2)) == fingerprint([1, 2])


def test_a_fingerprint_changes_with_any_value():
    prints = {fingerprint(content) for content in (Crop(), Crop(image_px=128), Split(), {}, [], None, 1, "1", [1])}
    assert len(prints) == 9


@given(st.lists(st.text(), unique=True), st.randoms())
def test_a_hash_of_ids_does_not_depend_on_their_order(ids, random):
    shuffled = list(ids)
    random.shuffle(shuffled)
    assert hash_of_ids(shuffled) == hash_of_ids(ids)


def test_a_hash_of_ids_is_what_sort_and_sha256sum_give(tmp_path):
    assert hash_of_ids(["b.png", "a.png"]) == hashlib.sha256(b"a.png\nb.png").hexdigest()
    assert hash_of_ids(["a.png"]) != hash_of_ids(["a.png", "b.png"])
    (tmp_path / "ids.txt").write_bytes(b"a.png\nb.png")
    assert hash_of_file(tmp_path / "ids.txt") == hash_of_ids(["a.png", "b.png"])


def test_differences_name_each_key_once_with_both_values():
    old = {"training": {"epochs": 12, "optimizer": {"name": "adam"}}, "seed": 1, "gone": True, "same": [1, 2]}
    new = {"training": {"epochs": 20, "optimizer": {"name": "adam"}}, "seed": 1, "new": "x", "same": (1, 2)}
    assert differences(old, new) == [
        "gone: True there, absent now",
        "new: absent there, x now",
        "training.epochs: 12 there, 20 now",
    ]
    assert differences(old, old) == []
    assert differences({"crop": Crop()}, {"crop": plain(Crop(image_px=64))}) == ["crop.image_px: 192 there, 64 now"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"record\.json: cannot be read \(No such file or directory\)"),
        (b'{"a": ', r"record\.json: is damaged, not valid JSON \(.*\); delete it and run the step again"),
        (b"\xff", r"record\.json: is damaged, not valid JSON"),
        (b"[1]", r"record\.json: holds a list; a JSON object is needed"),
    ],
)
def test_a_record_that_cannot_be_read_is_one_sentence(tmp_path, content, message):
    path = tmp_path / "record.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_json(path)


def test_the_machine_record_names_versions_commit_and_time():
    record = machine_record()
    assert record["versions"]["cxr"] == cxr.__version__
    assert re.fullmatch(r"\d+\.\d+.*", record["versions"]["numpy"])
    assert record["commit"] is None or re.fullmatch(r"[0-9a-f]{12}(\+changes)?", record["commit"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", record["created"])
