"""An answer in, boxes around the hot places of a finding out, in pixels of the original."""

from cxr.images.lies import BY_NAME
from cxr.prediction.answers import Answer, heat_of
from cxr.prediction.bundle import Bundle
from cxr.visualization.map_boxes import MAP_PX, BoxRule, find_boxes


def boxes_of(bundle: Bundle, answer: Answer, finding: int) -> list[list[float]]:
    """Return x0, y0, x1, y1 and score of each box, the highest first; none of a finding that is not called.

    Where there is no threshold, boxes are made whatever the probability. Maps are looked at as `./cxr localize` does,
    which is where fitted parameters come from.
    """
    if answer.calls[finding] is False:
        return []
    cut, crop = bundle.record.boxes, answer.crop
    heat = BY_NAME[crop.lies].turn(heat_of(bundle, answer, finding, MAP_PX))
    side, found = crop.box.x1 - crop.box.x0, []
    for *shares, score in find_boxes(heat, BoxRule(cut.threshold, cut.min_area, cut.merge), cut.score).tolist():
        x0, x1 = (min(max(crop.box.x0 + share * side, 0), crop.width_px) for share in shares[::2])
        y0, y1 = (min(max(crop.box.y0 + share * side, 0), crop.height_px) for share in shares[1::2])
        if x1 > x0 and y1 > y0:  # the crop may reach beyond the image
            found.append([*(round(corner, 1) for corner in (x0, y0, x1, y1)), round(score, 4)])
    return found
