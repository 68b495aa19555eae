"""Files appear whole or not at all."""

import errno
import os

import pytest

from cxr.config.atomic import write_json, write_text, written_atomically


def test_what_is_written_is_there_and_nothing_else(tmp_path):
    path = tmp_path / "new" / "folder" / "text.txt"
    write_text(path, "grün\n")
    assert path.read_bytes() == "grün\n".encode()
    assert [file.name for file in path.parent.iterdir()] == ["text.txt"]


def test_a_file_is_replaced_only_when_the_new_one_is_complete(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("old")
    with written_atomically(path) as part:
        part.write_text("new")
        assert part.parent == path.parent
        assert part.suffix == path.suffix
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("failure", [OSError, KeyboardInterrupt, ValueError])
def test_a_failure_keeps_the_old_content_and_leaves_nothing(tmp_path, failure):
    path = tmp_path / "data.csv"
    path.write_text("old")
    with pytest.raises(failure), written_atomically(path) as part:
        part.write_text("half of the ne")
        raise failure
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_makes_no_file(tmp_path):
    with pytest.raises(RuntimeError), written_atomically(tmp_path / "data.csv"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_json_has_no_nan(tmp_path):
    write_json(tmp_path / "a.json", {"value": 1})
    for content in ({"value": float("nan")}, {"value": object()}):
        with pytest.raises((ValueError, TypeError)):
            write_json(tmp_path / "a.json", content)
    assert (tmp_path / "a.json").read_text() == '{\n  "value": 1\n}\n'
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_a_full_disk_names_the_file(tmp_path):
    with pytest.raises(OSError) as found, written_atomically(tmp_path / "table.csv"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert found.value.filename == str(tmp_path / "table.csv")
