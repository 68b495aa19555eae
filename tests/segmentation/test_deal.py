from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.config.errors import UserError
from cxr.config.lungs import PairSplit
from cxr.segmentation.deal import deal_pairs
from cxr.segmentation.pairs import Pair


def make_pairs(sources, train_only=()):
    """sources: name -> images of each of its patients."""
    return [
        Pair(f"{source}-{patient}-{image}", Path(), Path(), source, f"{source}:{patient}", source in train_only)
        for source, patients in sources.items()
        for patient, images in enumerate(patients)
        for image in range(images)
    ]


SOURCES = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), st.lists(st.integers(1, 4), min_size=8, max_size=40), min_size=2
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(SOURCES, st.sampled_from(["patients", "kfold", "sources"]), st.integers(0, 5), st.booleans())
def test_no_patient_is_in_two_parts_and_what_is_measured_was_never_seen(sources, scheme, seed, with_helper):
    pairs = make_pairs(sources | ({"helper": [1] * 9} if with_helper else {}), train_only=("helper",))
    split = PairSplit(scheme=scheme, folds=3, val=0.2, test=0.2)
    rounds = deal_pairs(pairs, split, seed)
    patients = np.array([pair.patient for pair in pairs])
    helper = np.array([pair.train_only for pair in pairs])
    for one in rounds:
        seen = [set(patients[one.parts == part]) for part in ("train", "val", "test")]
        assert not (seen[0] & seen[1] or seen[0] & seen[2] or seen[1] & seen[2])
        assert seen[0]
        assert seen[1]
        assert set(one.parts[helper]) <= {"train"}
    assert rounds[-1].name == ""
    again = deal_pairs(pairs, split, seed)
    assert all((one.parts == other.parts).all() for one, other in zip(rounds, again, strict=True))
    tested = sum((one.parts == "test").astype(int) for one in rounds)
    if scheme == "patients":
        assert len(rounds) == 1
        assert 0 < tested.sum() < len(pairs)
    else:
        np.testing.assert_array_equal(tested, ~helper)  # every pair is measured once
        assert not (rounds[-1].parts == "test").any()
    if scheme == "sources":
        assert [one.name for one in rounds[:-1]] == [f"without-{name}" for name in sources]


def test_every_fold_has_its_share_of_every_source():
    pairs = make_pairs({"large": [1] * 455, "small": [1] * 138})
    rounds = deal_pairs(pairs, PairSplit(scheme="kfold", folds=5), 1)
    sources = np.array([pair.source for pair in pairs])
    for one in rounds[:-1]:
        held_out = sources[one.parts == "test"]
        assert abs((held_out == "large").sum() - 91) <= 1
        assert abs((held_out == "small").sum() - 27.6) <= 1
        val = sources[one.parts == "val"]
        assert abs((val == "large").sum() - 0.15 * 364) <= 1


def test_shares_are_those_asked_for():
    pairs = make_pairs({"a": [3] * 100})
    (one,) = deal_pairs(pairs, PairSplit(val=0.15, test=0.25), 4)
    counts = {part: int((one.parts == part).sum()) for part in ("train", "val", "test")}
    assert counts == {"train": 180, "val": 45, "test": 75}


def test_what_cannot_be_dealt_is_one_sentence():
    pairs = make_pairs({"a": [1] * 9})
    with pytest.raises(UserError, match=r"not train_only; there is 'a'$"):
        deal_pairs(pairs, PairSplit(scheme="sources"), 1)
    with pytest.raises(UserError, match="every set is train_only"):
        deal_pairs(make_pairs({"a": [1] * 9}, train_only="a"), PairSplit(), 1)
    for few in ({"a": [1, 1]}, {"a": [14]}):
        with pytest.raises(
            UserError, match=r"of \d measured patients leave none for .*; at least 3 patients are needed"
        ):
            deal_pairs(make_pairs(few), PairSplit(), 1)
