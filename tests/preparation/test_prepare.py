import json
import os
import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cxr.config.errors import UserError
from cxr.config.labels import Findings
from cxr.images.files import read_image
from cxr.preparation.prepare import LungSource, prepare, prepared_files
from cxr.preparation.store import open_store

FINDINGS = ("Effusion", "Mass")
METRICS = {"dice": {"mean": 0.97}, "pairs": {"test": 5}}


@pytest.fixture
def lungs(lung_net):
    return LungSource(lambda: lung_net, "hash of the weights", METRICS)


@pytest.fixture
def params(make_params):
    return make_params(findings={"set": list(FINDINGS)}, crop={"mode": "crop", "image_px": 32})


@pytest.fixture
def source(make_chests, tmp_path):
    """24 chests, four of which cannot be read, and two rows that the source itself refused."""
    rejected = pd.DataFrame(
        {"source": "drawn", "row": [25, 26], "path": ["x.png", "y.png"], "reason": ["the image does not exist"] * 2}
    )
    return replace(make_chests(tmp_path / "images", broken=4), rejected=rejected)


@pytest.fixture
def run(source, params, lungs, make_settings, tmp_path):
    """A function that prepares; keyword arguments replace one of the parts."""

    def prepare_them(progress=None, **changes):
        parts = {"sources": [source], "settings": make_settings(tmp_path), "params": params, "lungs": lungs, **changes}
        return prepare(*parts.values(), workers=1, on_progress=progress)

    return prepare_them


def read(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def marks(folder):
    """Name, size and time of every file that is not written anew each time."""
    kept = [path for path in folder.iterdir() if not path.name.startswith(("splits-", "subsets-"))]
    return {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in kept}


def test_every_row_is_in_the_manifest_or_rejected_with_a_reason(run, source):
    files, fresh = run()
    assert fresh
    manifest, rejected, crops = (read(path) for path in (files.manifest, files.rejected, files.crop_table))
    assert len(manifest) + len(rejected) == len(source.rows) + len(source.rejected) == 26
    assert set(manifest["image_id"]).isdisjoint(rejected["path"])
    reasons = dict(zip(rejected["path"], rejected["reason"], strict=True))
    wanted = {
        "x.png": "the image does not exist", "c003.png": "is truncated", "c007.png": "is neither PNG nor JPEG",
        "c010.png": "cannot be read", "c011.png": "has no contrast", "y.png": "the image does not exist",
    }  # fmt: skip
    assert reasons.keys() == wanted.keys()
    assert all(reasons[path].startswith(reason) for path, reason in wanted.items())
    assert set(rejected["source"]) == {"drawn"}
    np.testing.assert_array_equal(crops["image_id"], manifest["image_id"])
    used = source.rows[source.rows["image_id"].isin(manifest["image_id"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(manifest, used.drop(columns="row"))
    rows = dict(zip(rejected["path"], rejected["row"], strict=True))
    assert {rows[path] for path in ("c003.png", "c007.png", "c010.png", "c011.png")} == {"4", "8", "11", "12"}


def test_the_record_counts_what_the_tables_hold(run):
    files, _ = run()
    record = json.loads(files.record.read_text())
    manifest, crops = read(files.manifest), read(files.crop_table)
    assert record["images"] == len(manifest) == 20
    assert record["patients"] == manifest["patient_id"].nunique()
    assert record["rejected"] == 6
    assert record["fallbacks"] == (crops["fallback"] == "1").sum() == 3
    assert record["lungs"] == METRICS
    assert record["synthetic"] is False
    assert record["crop"]["mode"] == "crop"


def test_a_second_call_changes_nothing_and_says_so(run):
    files, _ = run()
    before = marks(files.folder)
    again, fresh = run()
    assert not fresh
    assert again == files
    assert marks(files.folder) == before
    assert {path.name for path in files.folder.iterdir()} == {
        "manifest.csv", "rejected.csv", "crops.npy", "lungs.npy", "crops.csv", "prepared.json",
        files.split.name, files.split_record.name, files.subsets.name, "boxes.csv",
    }  # fmt: skip


def touch(folder, lungs):
    os.utime(folder / "c000.png", ns=(1, 1))
    return lungs


def change(folder, lungs):
    image = folder / "c000.png"
    time = image.stat().st_mtime_ns
    shutil.copy(folder / "c001.png", image)
    os.utime(image, ns=(time, time))
    return lungs


def mend(folder, lungs):
    shutil.copy(folder / "c000.png", folder / "c010.png")
    return lungs


def other_weights(folder, lungs):
    return replace(lungs, file_hash="hash of other weights")


@pytest.mark.parametrize("alter", [touch, change, mend, other_weights])
def test_changed_images_or_lung_weights_are_prepared_anew(run, lungs, tmp_path, alter):
    files, _ = run()
    stale = files.folder / "splits-of-another-seed.csv"
    stale.write_text("image_id,split\n")
    altered = alter(tmp_path / "images", lungs)
    again, fresh = run(lungs=altered)
    assert fresh
    assert again == files
    assert not stale.exists()
    assert len(read(files.manifest)) == 20 + (alter is mend)
    assert not run(lungs=altered)[1]


@pytest.mark.parametrize(("alter", "same"), [(touch, True), (other_weights, True), (change, False), (mend, False)])
def test_what_models_depend_on_is_what_the_crops_hold(run, lungs, tmp_path, alter, same):
    """Prepared data may be deleted and made again without making trained models look foreign."""
    files, _ = run()
    before = json.loads(files.record.read_text())["content"]
    run(lungs=alter(tmp_path / "images", lungs))
    assert (json.loads(files.record.read_text())["content"] == before) is same


@pytest.mark.parametrize("name", ["manifest", "rejected", "crop_table", "crops", "record"])
def test_a_folder_that_lost_a_file_is_prepared_anew(run, name):
    files, _ = run()
    getattr(files, name).unlink()
    assert run()[1]
    assert getattr(files, name).is_file()
    assert len(open_store(files, Findings(set=list(FINDINGS))).rows) == 20


def test_the_lung_network_is_opened_only_when_crops_have_to_be_made(run, lungs):
    opened = []
    counting = replace(lungs, open=lambda: opened.append(1) or lungs.open())
    run(lungs=counting)
    run(lungs=counting)
    assert opened == [1]


class Killed(BaseException):
    pass


def test_an_interrupted_preparation_is_not_taken_for_a_finished_one(run):
    def kill(done, total):
        raise Killed

    with pytest.raises(Killed):
        run(kill)
    files, fresh = run()
    assert fresh
    complete = marks(files.folder)
    os.utime(files.folder.parents[1] / "images" / "c000.png", ns=(1, 1))
    with pytest.raises(Killed):
        run(kill)
    with pytest.raises(UserError, match="the data are not prepared yet"):
        open_store(files, Findings(set=list(FINDINGS)))
    assert run()[1]
    assert marks(files.folder).keys() == complete.keys()


def test_other_parameters_have_a_folder_of_their_own(make_settings, make_params, params, tmp_path):
    settings = make_settings(tmp_path)
    files = prepared_files(settings, params)
    assert re.fullmatch(r"drawn-[0-9a-f]{12}", files.folder.name)
    for crop in ({"mode": "mask", "image_px": 32}, {"mode": "crop", "image_px": 33}):
        assert prepared_files(settings, make_params(crop=crop)).folder != files.folder
    crop = {"mode": "crop", "image_px": 32}
    learnt = [
        prepared_files(settings, make_params(crop=crop, segmentation={"weights": "train", "seed": seed})).folder
        for seed in (1, 5)
    ]
    assert len({*learnt, files.folder}) == 3
    assert prepared_files(settings, make_params(crop=crop, segmentation={"seed": 5})) == files  # weights are shipped
    reseeded = prepared_files(settings, make_params(crop=crop, seed=4))
    assert reseeded.folder == files.folder  # the split has a file of its own in it
    assert reseeded.split != files.split
    assert prepared_files(settings, make_params(crop=crop, training={"epochs": 9})) == files
    whole = {"mode": "none", "image_px": 32}
    without = [prepared_files(settings, make_params(crop=whole, segmentation={"seed": seed})) for seed in (1, 5)]
    assert without[0] == without[1]  # no lungs are sought, so the lung network does not matter


def test_the_split_is_written_again_each_time_and_holds_whole_patients(run, make_params):
    files, _ = run()
    split = read(files.split)
    files.split.write_text("image_id,split,fold\n")
    run()
    pd.testing.assert_frame_equal(read(files.split), split)
    patients = read(files.manifest).set_index("image_id")["patient_id"]
    parts = split.groupby(split["image_id"].map(patients))["split"].nunique()
    assert (parts == 1).all()
    assert set(split["split"]) == {"train", "val", "test"}


def test_images_that_were_moved_are_found_without_being_cropped_again(run, source, tmp_path):
    files, _ = run()
    before = files.crops.stat().st_mtime_ns
    (tmp_path / "images").rename(tmp_path / "elsewhere")
    _, fresh = run(sources=[replace(source, root=tmp_path / "elsewhere")])
    assert not fresh
    assert files.crops.stat().st_mtime_ns == before
    assert all(path.is_file() for path in open_store(files, Findings(set=list(FINDINGS))).paths)


def test_images_none_of_which_can_be_used_stop_and_the_reasons_are_listed(run, source, tmp_path):
    for path in (tmp_path / "images").iterdir():
        path.write_bytes(b"")
    with pytest.raises(UserError, match="none of 24 images can be used; the reasons are listed there") as raised:
        run()
    rejected = tmp_path / "prepared"
    (listed,) = rejected.glob("*/rejected.csv")
    assert str(listed) in str(raised.value)
    assert len(read(listed)) == 26
    assert not list(rejected.glob("*/prepared.json"))


def test_several_sources_keep_their_images_apart(run, make_chests, tmp_path):
    sources = [make_chests(tmp_path / name, count=8, name=name) for name in ("one", "two")]
    files, _ = run(sources=sources)
    store = open_store(files, Findings(set=list(FINDINGS)))
    assert len(set(store.image_ids)) == 16
    assert {image_id.partition(":")[0] for image_id in store.image_ids} == {"one", "two"}
    for image_id, path in zip(store.image_ids, store.paths, strict=True):
        assert path == tmp_path / image_id.replace(":", "/")


def test_boxes_are_kept_in_pixels_of_the_original(run, source):
    shares = pd.DataFrame({"image_id": ["c000.png", "c003.png", "gone.png"], "finding": "Mass",
                           "x": 0.25, "y": 0.5, "width": 0.1, "height": 0.25})  # fmt: skip
    files, _ = run(sources=[replace(source, boxes=shares)])
    height, width = read_image(source.root / "c000.png").shape
    [box] = pd.read_csv(files.boxes).to_dict("records")  # c003 is broken, the other does not exist
    assert box == {"image_id": "c000.png", "finding": "Mass", "x": round(width / 4, 2), "y": round(height / 2, 2),
                   "width": round(width / 10, 2), "height": round(height / 4, 2)}  # fmt: skip
    run()
    assert pd.read_csv(files.boxes).empty


@pytest.mark.parametrize("where", ["_write_tables", "machine_record"])
def test_a_run_killed_after_its_crops_were_moved_into_place_does_not_crop_again(run, monkeypatch, where):
    def kill(*_):
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(f"cxr.preparation.prepare.{where}", kill)
        with pytest.raises(Killed):
            run()
    monkeypatch.setattr("cxr.preparation.chunks.crop_images", None)
    files, fresh = run()
    assert fresh
    assert len(read(files.manifest)) == 20
    assert not list(files.folder.glob(".part-*"))
    assert run()[1] is False


def test_a_row_that_a_source_refuses_later_is_counted(run, source):
    files, _ = run()
    more = pd.DataFrame({"source": "drawn", "row": [27], "path": ["z.png"], "reason": ["the image does not exist"]})
    again, fresh = run(sources=[replace(source, rejected=pd.concat([source.rejected, more]))])
    assert (again, fresh) == (files, True)
    assert len(read(files.rejected)) == 7
    assert json.loads(files.record.read_text())["rejected"] == 7


def test_blanks_that_mean_zero_are_no_finding_where_nothing_is_written(run, source, make_settings, tmp_path, params):
    blank = source.rows.assign(Mass=source.rows["Mass"].replace({"0": "", "-1": ""}), Effusion="")
    dataset = {"format": "table", "root": str(tmp_path), "csv": "x.csv", "name": "drawn", "blank": "zero",
               "columns": {"path": "p", "patient_id": "q", "findings": {"Mass": "m", "Effusion": "e"}}}  # fmt: skip
    settings = make_settings(tmp_path, datasets=[dataset])
    files, _ = run(sources=[replace(source, rows=blank)], settings=settings)
    store = open_store(files, params.findings, settings.zero_blanks)
    assert set(np.unique(store.labels)) == {0, 1}
    np.testing.assert_array_equal(store.no_finding, (store.labels == 0).all(axis=1))
    assert 0 < store.no_finding.sum() < len(store.no_finding)
    assert set(read(files.subsets)["label"]) == {"Mass", "No Finding"}
    unknown = open_store(files, params.findings)
    assert not unknown.no_finding.any()
