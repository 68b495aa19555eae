"""The page of a data set: one file, every number of describe.json on it, copies across parts shown."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from cxr.datasets.description import Described
from cxr.datasets.duplicates import NearPair
from cxr.preparation.described import read_described
from cxr.reporting.data_page import write_data_page


@pytest.fixture(scope="module")
def described(store):
    rows = len(store.image_ids)
    manifest = pd.DataFrame(
        {"image_id": store.image_ids, "patient_id": store.patient_ids, "source": "drawn", "study_id": "", "view": "PA",
         "sex": "F", "age": "50"}
    )  # fmt: skip
    return Described(manifest, store.parts, store.findings, store.labels, np.full((rows, 2), 48))


def test_a_page_needs_no_other_file(described, store, tmp_path):
    found = write_data_page(tmp_path, described, store, [], seed=1)
    page = (tmp_path / "describe.html").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "describe.json").read_text()) == json.loads(json.dumps(found))
    assert {path.name for path in tmp_path.iterdir()} == {"describe.html", "describe.json"}
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    assert "No two images of different parts look the same" in page
    for part, entry in found["parts"].items():
        assert f"<th>{part}</th>" in page
        assert f"<td>{entry['images']:,}</td>" in page
    assert page.count("crops with ") == 3


def test_pairs_that_look_the_same_are_shown(described, store, tmp_path):
    first, second = (int(np.flatnonzero(store.parts == part)[0]) for part in ("train", "test"))
    found = write_data_page(tmp_path, described, store, [NearPair(first, second, 3)], seed=1)
    page = (tmp_path / "describe.html").read_text(encoding="utf-8")
    assert found["near_duplicates"] == [
        {"images": [store.image_ids[first], store.image_ids[second]], "parts": ["train", "test"], "bits": 3}
    ]
    assert "1 pair of images in different parts look the same" in page
    assert f"{store.image_ids[first]} (train), {store.image_ids[second]} (test): 3 bits" in page


def test_what_is_described_comes_in_the_order_of_the_store(make_source, make_settings, make_params, tmp_path):
    from cxr.preparation.prepare import prepare
    from cxr.preparation.store import open_stores, pooled

    params = make_params(split={"scheme": "kfold", "folds": 3, "val": 0.3})
    files, _ = prepare([make_source(tmp_path / "images")], make_settings(tmp_path), params, None, workers=1)
    stores = open_stores(files, params.findings)
    data, hashes = read_described(files, stores)
    whole = pooled(stores)
    assert data.manifest["image_id"].to_list() == whole.image_ids.tolist()
    assert set(data.parts) == {"fold 0", "fold 1", "fold 2"}
    assert hashes.shape == (39, 4)
    assert (data.sizes > 0).all()
    write_data_page(tmp_path, data, whole, [], seed=1)
