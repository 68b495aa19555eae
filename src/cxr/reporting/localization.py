"""localization/localization.json in, what the report's section on localisation shows out: table, controls, pictures."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxr.config.errors import UserError
from cxr.config.record import read_json
from cxr.reporting.embedding import picture_uri
from cxr.reporting.wording import FEW, counted

FOLDER, RECORD = "localization", "localization.json"
WIDTH_PX = 360
KEYS = ("split", "boxes", "written", "truth", "reason", "findings", "numbers", "with_place", "randomised",
        "lungs", "deletion", "examples", "intervals", "pointing_tolerance")  # fmt: skip
HITS = ("iou_0.1", "iou_0.25", "iou_0.5", "iobb_0.1", "iobb_0.25", "iobb_0.5")


@dataclass(frozen=True)
class Localization:
    """What `./cxr localize` left: `record`, localization.json; `folder` of its pictures."""

    record: dict[str, Any]
    folder: Path

    @property
    def findings(self) -> list[str]:
        """Findings in order, those without boxes too; none where nothing was scored."""
        return list(self.record["findings"] or {})


def read_localization(folder: Path, split: Mapping[str, Any]) -> Localization | None:
    """Read the record of a run's folder; None when there is none.

    Raises UserError for one that lacks a key or is of another split than the run's.
    """
    path = folder / FOLDER / RECORD
    if not path.is_file():
        return None
    record = read_json(path)
    for key in KEYS:
        if key not in record:
            raise UserError(f"{path}: lacks '{key}'; run ./cxr localize again.")
    if record["split"]["hash"] != split["hash"]:
        raise UserError(f"{path}: is of another split than the run; run ./cxr localize again.")
    return Localization(record, folder / FOLDER / "examples")


def embed_examples(localization: Localization | None, allowance: int) -> list[tuple[dict[str, Any], str]]:
    """Return [(example, JPEG data URI)] in at most `allowance` characters, the best and the worst in turn."""
    if localization is None:
        return []
    by_kind = [[one for one in localization.record["examples"] if one["kind"] == kind] for kind in ("best", "worst")]
    turns = [one for pair in zip(*by_kind, strict=False) for one in pair]
    shown = []
    for example in turns:
        uri = picture_uri(localization.folder / example["file"], WIDTH_PX)
        allowance -= len(uri)
        if allowance < 0:
            break
        shown.append((example, uri))
    return sorted(shown, key=lambda one: one[0]["kind"])


def rules_text(boxes: Mapping[str, Any]) -> str:
    """Where the parameters of the boxes come from, and what they are."""
    rules = [f"threshold {one['threshold']:g}, least area {one['min_area']:g}, merged within {one['merge']:g}"
             for one in boxes["rules"]]  # fmt: skip
    pairs = [counted(one["pairs"], "map") for one in boxes["rules"] if "pairs" in one]
    text = {
        "given": f"as given ({rules[0]})",
        "validation": f"fitted to {pairs[0] if pairs else 'maps'} of the validation part ({rules[0]})",
        "cross": "cross-fitted by patient: each half of the patients is scored with what fitted the other half "
        f"({'; '.join(f'{rule}, from {count}' for rule, count in zip(rules, pairs, strict=False))})",
    }[boxes["fit"]]
    return text + (f"; {boxes['note']}" if boxes.get("note") else "")


def same_place_text(localization: Localization) -> str:
    """Which findings with boxes of enough patients lie in much the same place in most; "" where none does."""
    counts, with_place = localization.record["findings"] or {}, localization.record["with_place"] or []
    same = [name.replace("_", " ") for name, one in counts.items() if one["patients"] >= FEW and name not in with_place]
    return f"In much the same place in most patients: {', '.join(same)}." if same else ""


def few_text(localization: Localization) -> str:
    """Which findings have so few images with boxes that their numbers say little; "" where none has."""
    counts = {name: one["images"] for name, one in (localization.record["findings"] or {}).items()}
    few = [f"{name.replace('_', ' ')} {images}" for name, images in counts.items() if 0 < images < FEW]
    return f"Fewer than {FEW} images with boxes, so that the number says little: {', '.join(few)}." if few else ""
