"""CSV text: nothing shifts into another column, and what cannot be read is one sentence."""

import gzip

import pytest

from cxr.config.errors import UserError
from cxr.datasets.sources.accept import patient_from
from cxr.datasets.sources.cells import read_cells


def test_packed_tables_are_read_like_plain_ones(tmp_path):
    text = 'a,b\n1,"2, 3"\n'
    (tmp_path / "t.csv").write_text(text)
    with gzip.open(tmp_path / "t.csv.gz", "wt") as stream:
        stream.write(text)
    plain, packed = (read_cells(tmp_path / name, ["a", "b"]) for name in ("t.csv", "t.csv.gz"))
    assert plain[0].equals(packed[0])
    assert plain[0].to_numpy().tolist() == [["1", "2, 3"]]
    (tmp_path / "t.csv.gz").write_bytes((tmp_path / "t.csv.gz").read_bytes()[:-12])
    with pytest.raises(UserError, match=r"t\.csv\.gz: cannot be read as a CSV table"):
        read_cells(tmp_path / "t.csv.gz", ["a"])


def test_a_packed_table_that_is_damaged_inside_is_one_sentence(tmp_path):
    whole = bytearray(gzip.compress(b"a,b\n" + bytes(range(48, 58)) * 50))
    whole[12:16] = b"\xff\xff\xff\xff"
    (tmp_path / "t.csv.gz").write_bytes(whole)
    with pytest.raises(UserError, match=r"t\.csv\.gz: cannot be read as a CSV table"):
        read_cells(tmp_path / "t.csv.gz", ["a"])


def test_columns_nobody_asked_for_may_be_doubled_or_without_name(tmp_path):
    (tmp_path / "t.csv").write_text("a,x,x,,b\n1,2,3,4,5\n")
    table, flaws = read_cells(tmp_path / "t.csv", ["a", "b"])
    assert table[["a", "b"]].to_numpy().tolist() == [["1", "5"]]
    assert flaws.to_list() == [""]


def test_a_pattern_that_does_not_match_gives_no_patient():
    patient = patient_from(r"(p\d+)(?:_|$)")
    assert [patient(text) for text in ("p1_a", "xp22", "nobody")] == ["p1", "p22", ""]
    assert patient_from(r"a(b)?")("a") == ""
