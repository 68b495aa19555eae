import numpy as np

from cxr.segmentation.negatives import TURNS, draw_negatives, spoil


def test_what_is_spoilt_is_turned_inverted_or_another_image():
    image = np.random.default_rng(0).integers(0, 256, (24, 24), dtype=np.uint8)
    drawn = draw_negatives(2, 24)
    assert drawn.shape == (10, 24, 24)
    rng, counts = np.random.default_rng(1), {}
    ways = {name: turn(image).tobytes() for name, turn in TURNS.items()}
    others = {one.tobytes() for one in drawn}
    for _ in range(400):
        spoilt = spoil(image, drawn, rng).tobytes()
        [way] = [name for name, one in ways.items() if one == spoilt] or ["drawn"]
        assert way != "drawn" or spoilt in others
        counts[way] = counts.get(way, 0) + 1
    assert counts.keys() == {*TURNS, "drawn"}
    assert 60 < counts["drawn"] < 140
    np.testing.assert_array_equal(TURNS["upside down"](image), image[::-1, ::-1])
    np.testing.assert_array_equal(TURNS["on its left side"](image), image.T[::-1])
