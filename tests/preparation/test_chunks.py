import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cxr
from cxr.config.params import Crop
from cxr.engines.keras_engine import KerasEngine
from cxr.preparation import chunks
from cxr.preparation.chunks import LungNet, crop_all, forget_chunks

COUNT, CROP = 70, Crop(image_px=32)  # three chunks: 32, 32 and 6 images
PROGRAM = """
import os, signal, sys, json
from pathlib import Path
from cxr.config.params import Crop
from cxr.preparation.chunks import LungNet, crop_all

paths, lung_px, network, folder = json.loads(sys.argv[1])

def tell(done, total):
    if done >= 64:
        os.kill(os.getpid(), signal.SIGKILL)

net = LungNet(lung_px, openvino=Path(network))
crop_all([Path(path) for path in paths], Crop(image_px=32), net, Path(folder), "inputs", "threading", 1, tell)
"""


@pytest.fixture(scope="module")
def paths(make_chests, tmp_path_factory):
    folder = tmp_path_factory.mktemp("chests")
    source = make_chests(folder, COUNT, broken=4)
    return [folder / path for path in source.rows["path"]]


@pytest.fixture(scope="module")
def expected(paths, lung_net, tmp_path_factory):
    """Files and table of a run in one process."""
    folder = tmp_path_factory.mktemp("expected")
    return folder, crop_all(paths, CROP, lung_net, folder, "inputs", "loky", 1)


def assert_same(found, expected):
    for name in ("crops.npy", "lungs.npy"):
        assert (found[0] / name).read_bytes() == (expected[0] / name).read_bytes()
    pd.testing.assert_frame_equal(found[1], expected[1])
    left = {path.name for path in found[0].iterdir()} - {".part-chunks"}  # kept until the tables are written too
    assert left == {"crops.npy", "lungs.npy"}


def test_there_is_a_row_per_path_in_its_order(expected, chest):
    folder, table = expected
    crops = np.load(folder / "crops.npy")
    lungs = np.unpackbits(np.load(folder / "lungs.npy"), axis=-1, count=36)
    assert crops.shape == (COUNT, 32, 32)
    assert lungs.shape == (COUNT, 36, 36)
    assert list(table["row"]) == list(range(COUNT))
    assert list(np.flatnonzero(table["reason"] != "")) == [3, 7, 10, 11]
    assert not crops[[3, 7, 10, 11]].any()
    assert not lungs[[3, 7, 10, 11]].any()
    fallbacks = [number for number in range(COUNT) if number % 9 == 4]
    assert list(np.flatnonzero(table["fallback"] == 1)) == fallbacks
    for number in (0, 33, 69):
        image, truth = chest(number)
        box = table.loc[number, ["x0", "y0", "x1", "y1"]].to_numpy(int)
        assert box[2] - box[0] == box[3] - box[1] < max(image.shape)
        assert table.loc[number, "lung_fraction"] == pytest.approx(truth.mean(), abs=0.03)
        assert lungs[number].mean() == pytest.approx(truth.mean(), abs=0.03)
        assert table.loc[number, "quality"] > 0.9


def test_two_processes_give_the_same_bits(paths, lung_net, expected, tmp_path):
    assert_same((tmp_path, crop_all(paths, CROP, lung_net, tmp_path, "inputs", "loky", 2)), expected)


def test_two_threads_give_the_same_bits(paths, lung_net, expected, tmp_path):
    assert_same((tmp_path, crop_all(paths, CROP, lung_net, tmp_path, "inputs", "threading", 2)), expected)


def test_an_engine_of_this_process_gives_the_same_crops(paths, dark_network, expected, tmp_path):
    net = LungNet(36, engine=KerasEngine(dark_network))
    assert_same((tmp_path, crop_all(paths, CROP, net, tmp_path, "inputs", "threading", 2)), expected)


def test_progress_counts_images_to_the_end(paths, lung_net, tmp_path):
    told = []
    crop_all(paths, CROP, lung_net, tmp_path, "inputs", "loky", 1, lambda done, total: told.append((done, total)))
    assert told == [(32, 70), (64, 70), (70, 70)]


@pytest.fixture
def killed(paths, lung_net, tmp_path):
    """A folder in which a process was killed after two of three chunks."""
    arguments = json.dumps([[str(path) for path in paths], lung_net.image_px, str(lung_net.openvino), str(tmp_path)])
    environment = os.environ | {"PYTHONPATH": str(Path(cxr.__file__).parents[1])}
    result = subprocess.run([sys.executable, "-c", PROGRAM, arguments], env=environment, timeout=120)
    assert result.returncode == -signal.SIGKILL
    assert not (tmp_path / "crops.npy").exists()
    return tmp_path


def test_a_killed_run_goes_on_where_it_stopped_and_gives_the_same_bits(paths, lung_net, expected, killed):
    told = []
    table = crop_all(paths, CROP, lung_net, killed, "inputs", "loky", 1, lambda done, total: told.append(done))
    assert told == [70]
    assert_same((killed, table), expected)


class Killed(BaseException):
    pass


def kill_after(count):
    def tell(done, total):
        if done >= count:
            raise Killed

    return tell


@pytest.mark.parametrize("count", [32, 64, 70])
def test_an_interrupted_run_does_only_what_is_missing(paths, lung_net, expected, tmp_path, monkeypatch, count):
    with pytest.raises(Killed):
        crop_all(paths, CROP, lung_net, tmp_path, "inputs", "loky", 1, kill_after(count))
    assert not (tmp_path / "crops.npy").exists()
    asked, crop_images = [], chunks.crop_images
    monkeypatch.setattr(chunks, "crop_images", lambda some, *rest: asked.extend(some) or crop_images(some, *rest))
    assert_same((tmp_path, crop_all(paths, CROP, lung_net, tmp_path, "inputs", "loky", 1)), expected)
    assert asked == paths[count:]


def test_changed_inputs_start_afresh(paths, lung_net, tmp_path):
    with pytest.raises(Killed):
        crop_all(paths, CROP, lung_net, tmp_path, "inputs", "loky", 1, kill_after(64))
    told = []
    table = crop_all(paths[:40], CROP, lung_net, tmp_path, "others", "loky", 1, lambda done, _: told.append(done))
    assert told == [32, 40]
    assert len(table) == len(np.load(tmp_path / "crops.npy")) == 40


@pytest.mark.parametrize("moved", [["crops.npy"], ["crops.npy", "lungs.npy"]])
def test_a_run_killed_while_it_moved_its_files_into_place_does_nothing_again(
    paths, lung_net, expected, tmp_path, moved, monkeypatch
):
    with pytest.raises(Killed):
        crop_all(paths, CROP, lung_net, tmp_path, "inputs", "loky", 1, kill_after(70))
    for name in moved:
        (tmp_path / f".part-{name}").rename(tmp_path / name)
    monkeypatch.setattr(chunks, "crop_images", None)
    assert_same((tmp_path, crop_all(paths, CROP, lung_net, tmp_path, "inputs", "loky", 1)), expected)


def test_without_a_lung_network_there_are_no_lungs(paths, lung_net, tmp_path):
    crop_all(paths[:5], CROP, lung_net, tmp_path, "inputs", "loky", 1)
    forget_chunks(tmp_path)
    table = crop_all(paths[:5], Crop(mode="none", image_px=32), None, tmp_path, "inputs", "loky", 1)
    forget_chunks(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["crops.npy"]
    assert (table["lung_fraction"] == 0).all()
    assert (table["fallback"] == 0).all()


def test_crops_of_other_inputs_are_never_taken_for_those_of_an_interrupted_run(paths, lung_net, expected, tmp_path):
    crop_all(paths[::-1], CROP, lung_net, tmp_path, "others", "loky", 1)
    with pytest.raises(Killed):
        crop_all(paths, CROP, lung_net, tmp_path, "inputs", "loky", 1, kill_after(32))
    for part in tmp_path.glob(".part-*.npy"):  # as `rm .part-*` would, which leaves the folder of chunks
        part.unlink()
    assert_same((tmp_path, crop_all(paths, CROP, lung_net, tmp_path, "inputs", "loky", 1)), expected)
