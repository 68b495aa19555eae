import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.visualization.caption import FONT_PX, LEFT_PX, TEXT_COLOUR, _parts, font, write_caption


@given(text=st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=60))
@settings(max_examples=40, deadline=None)
def test_parts_hold_every_character_and_fit_their_line(text):
    parts = list(_parts(text, font(FONT_PX), 120))
    assert "".join(parts) == text
    assert all(font(FONT_PX).getlength(part) <= 120 for part in parts)


def test_a_long_text_breaks_at_a_space():
    assert list(_parts("Pleural Thickening", font(FONT_PX), 100)) == ["Pleural", "Thickening"]


@pytest.mark.parametrize("width_px", [90, 220, 686])
def test_nothing_is_cut_off(width_px):
    """Right and lower rim stay free, however long a name is; a wider strip needs fewer lines."""
    pieces = [
        ("Enlarged Cardiomediastinum 0.432", TEXT_COLOUR),
        ("x" * 90 + ".png", TEXT_COLOUR),
        ("crop", TEXT_COLOUR),
    ]
    strip = write_caption(pieces, width_px)
    background = strip[0, 0]
    assert strip.shape[1] == width_px
    assert (strip[:, -LEFT_PX + 1 :] == background).all()
    assert (strip[-2:] == background).all()
    assert len(write_caption(pieces, 2 * width_px)) < len(strip)


def test_every_piece_has_its_colour():
    colours = [(250, 0, 0), (0, 250, 0), (0, 0, 250)]
    strip = write_caption([("III", colour) for colour in colours], 200)
    lefts = [np.nonzero(strip[..., channel] > 150)[1].min() for channel in range(3)]
    assert lefts == sorted(lefts)
