import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxr.visualization.map_boxes import BoxRule, Pieces, find_boxes, hot_pieces, merge_pieces

MAPS = arrays(np.float64, (9, 9), elements=st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.8, 1.0]))


def flood(hot):
    """Pieces of hot pixels, corners counting as touching, by flooding: the slow and plain way."""
    left, pieces = {tuple(place) for place in np.argwhere(hot)}, []
    while left:
        front, piece = [left.pop()], set()
        while front:
            y, x = front.pop()
            piece.add((y, x))
            for near in [(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]:
                if near in left:
                    left.remove(near)
                    front.append(near)
        pieces.append(piece)
    return pieces


@settings(deadline=None)
@given(MAPS, st.sampled_from([0.2, 0.5, 1.0]))
def test_pieces_are_those_of_a_flood(heat, threshold):
    found = hot_pieces(heat, threshold)
    if heat.max() == 0:
        assert len(found.areas) == 0
        return
    expected = []
    for piece in flood(heat >= threshold * heat.max()):
        (y0, x0), (y1, x1) = np.min(list(piece), axis=0), np.max(list(piece), axis=0) + 1
        values = [heat[place] for place in piece]
        expected.append((x0, y0, x1, y1, len(piece), round(sum(values), 9), max(values)))
    got = np.column_stack([found.corners, found.areas, found.sums.round(9), found.maxima])
    assert sorted(map(tuple, got.tolist())) == sorted(tuple(map(float, one)) for one in expected)


@settings(max_examples=60, deadline=None)
@given(MAPS, st.sampled_from([0.0, 1.0, 3.0]), st.randoms(use_true_random=False))
def test_merging_does_not_depend_on_the_order_and_leaves_none_near(heat, reach, random):
    pieces = hot_pieces(heat, 0.5)
    order = list(range(len(pieces.areas)))
    random.shuffle(order)
    turned = Pieces(pieces.corners[order], pieces.areas[order], pieces.sums[order], pieces.maxima[order])
    merged, other = merge_pieces(pieces, reach), merge_pieces(turned, reach)
    assert sorted(map(tuple, merged.corners.tolist())) == sorted(map(tuple, other.corners.tolist()))
    assert merged.areas.sum() == pieces.areas.sum()
    for i, one in enumerate(merged.corners):
        for two in merged.corners[i + 1 :]:
            across = max(one[0], two[0]) - min(one[2], two[2])
            down = max(one[1], two[1]) - min(one[3], two[3])
            assert max(across, down) > reach


@settings(deadline=None)
@given(MAPS, st.sampled_from([0.0, 0.02, 0.5]))
def test_the_hottest_place_always_has_a_box(heat, min_area):
    boxes = find_boxes(heat, BoxRule(0.5, min_area, 0.0), "max")
    if heat.max() == 0:
        assert boxes.shape == (0, 5)
        return
    y, x = (np.argwhere(heat == heat.max())[0] + 0.5) / 9
    assert boxes[0, 4] == heat.max()
    assert any(x0 < x < x1 and y0 < y < y1 for x0, y0, x1, y1, _ in boxes)
    assert (np.diff(boxes[:, 4]) <= 0).all()


def test_small_pieces_go_and_scores_are_of_the_hot_pixels():
    heat = np.zeros((10, 10))
    heat[1:4, 1:3] = 0.6
    heat[1, 1] = 1.0
    heat[8, 8] = 0.7
    assert find_boxes(heat, BoxRule(0.5, 0.0, 0.0)) == pytest.approx(
        np.array([[0.8, 0.8, 0.9, 0.9, 0.7], [0.1, 0.1, 0.3, 0.4, 4.0 / 6]])
    )
    only = find_boxes(heat, BoxRule(0.5, 0.02, 0.0), "max")
    assert only == pytest.approx(np.array([[0.1, 0.1, 0.3, 0.4, 1.0]]))
    both = find_boxes(heat, BoxRule(0.5, 0.0, 0.5))
    assert both == pytest.approx(np.array([[0.1, 0.1, 0.9, 0.9, 4.7 / 7]]))
