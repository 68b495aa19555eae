"""Answers in, what is written of them out: JSON-able records, and rows of predictions.csv. No names of patients."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cxr.prediction.answers import Answer, thresholds_of
from cxr.prediction.boxes import boxes_of
from cxr.prediction.bundle import Bundle

DIGITS = 6
FIXED = ("image", "status", "reason", "lung_quality", "lies", "x0", "y0", "x1", "y1")
BOX = ("x0", "y0", "x1", "y1", "score")
CALL, RAW, SPREAD = ":call", ":raw", ":spread"


def columns_of(findings: Sequence[str]) -> list[str]:
    """Return the columns of predictions.csv."""
    return [*FIXED, *(f"{finding}{end}" for finding in findings for end in ("", CALL, RAW, SPREAD))]


def record_of(bundle: Bundle, answer: Answer) -> dict[str, Any]:
    """Return one line of predictions.jsonl."""
    crop = answer.crop
    record: dict[str, Any] = {"image": answer.item.name, "status": answer.status, "reason": answer.reason or None}
    if crop is not None:
        record |= {
            "size_px": {"width": crop.width_px, "height": crop.height_px},
            "lung_quality": round(crop.lungs.quality, 4),
            "lies": crop.lies or "upright",
            "crop": list(crop.box),
        }
    if answer.probabilities is not None:
        cuts, spread = thresholds_of(bundle), answer.spread
        members = [member.name for member in bundle.record.members]
        record["findings"] = {
            finding: {
                "probability": round(float(answer.probabilities[k]), DIGITS),
                "threshold": None if answer.calls[k] is None else round(float(cuts[k]), DIGITS),
                "call": answer.calls[k],
                "raw": round(float(answer.raw[:, k].mean()), DIGITS),
                "spread": None if spread is None else round(float(spread[k]), DIGITS),
                "members": {
                    name: round(float(one), DIGITS) for name, one in zip(members, answer.raw[:, k], strict=True)
                },
                "boxes": [dict(zip(BOX, box, strict=True)) for box in boxes_of(bundle, answer, k)],
            }
            for k, finding in enumerate(bundle.findings)
        }
    return record


def box_rows(record: Mapping[str, Any]) -> Iterator[list[Any]]:
    """Yield the rows of boxes.csv that a record has, under image, finding and BOX."""
    for finding, one in record.get("findings", {}).items():
        for box in one["boxes"]:
            yield [record["image"], finding, *box.values()]


def row_of(record: Mapping[str, Any], findings: Sequence[str]) -> list[Any]:
    """Return a record as a row under `columns_of`; None where there is nothing to say."""
    row = [record["image"], record["status"], record["reason"], record.get("lung_quality"), record.get("lies")]
    row += record.get("crop", [None] * 4)
    for finding in findings:
        one = record.get("findings", {}).get(finding, {})
        call = one.get("call")
        row += [one.get("probability"), None if call is None else int(call), one.get("raw"), one.get("spread")]
    return row
