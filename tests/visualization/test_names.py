import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr.visualization.names import plain_names

LONGEST = 30


@given(texts=st.sets(st.text(max_size=60), min_size=1, max_size=12))
def test_names_are_plain_short_and_apart_where_case_does_not_count(texts):
    names = plain_names({text: text for text in texts}, LONGEST)
    assert len({name.casefold() for name in names.values()}) == len(texts)
    for name in names.values():
        assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._ -]*(?<![ .])", name)
        assert len(name) <= LONGEST


def test_what_is_plain_stays_and_what_is_not_is_marked():
    names = plain_names({text: text for text in ("No Finding", "Mass", "mass", "con", "Nodule")}, LONGEST)
    assert names["No Finding"] == "No Finding"
    assert names["Nodule"] == "Nodule"
    for text in ("Mass", "mass", "con"):
        assert re.fullmatch(text + "-[0-9a-f]{8}", names[text])


@pytest.mark.parametrize("other", [("Mass", "Nodule"), ("Nodule",)])
def test_a_long_name_does_not_depend_on_the_others(other):
    long = tuple(f"Finding_{number}" for number in range(9))
    texts = {long: "-".join(long), other: "-".join(other)}
    assert plain_names(texts, LONGEST)[long] == plain_names({long: "-".join(long)}, LONGEST)[long]
    assert plain_names(texts, LONGEST)[long].startswith("Finding_0-Finding_1-")
