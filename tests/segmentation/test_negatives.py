import numpy as np

from cxr.images.lies import LYING
from cxr.segmentation.negatives import draw_negatives, spoil


def test_what_is_spoilt_is_turned_inverted_or_another_image():
    image = np.random.default_rng(0).integers(0, 256, (24, 24), dtype=np.uint8)
    drawn = draw_negatives(2, 24)
    assert drawn.shape == (10, 24, 24)
    rng, counts = np.random.default_rng(1), {}
    ways = {lie.name: lie.lay(image).tobytes() for lie in LYING}
    others = {one.tobytes() for one in drawn}
    for _ in range(400):
        spoilt = spoil(image, drawn, rng).tobytes()
        [way] = [name for name, one in ways.items() if one == spoilt] or ["drawn"]
        assert way != "drawn" or spoilt in others
        counts[way] = counts.get(way, 0) + 1
    assert counts.keys() == {*ways, "drawn"}
    assert 60 < counts["drawn"] < 140
