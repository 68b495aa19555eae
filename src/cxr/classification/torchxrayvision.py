"""A weight file of torchxrayvision in, a finished member out: model.keras and run.json in a folder.

Nothing in the file is executed (`engines.torch_file`), and neither PyTorch nor torchxrayvision is needed.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxr.classification.networks.classifier import build_classifier
from cxr.classification.runs import RUN
from cxr.classification.torch_layers import fill_network
from cxr.config.atomic import write_json
from cxr.config.errors import UserError
from cxr.config.member import Member
from cxr.config.record import hash_of_file, machine_record
from cxr.engines.torch_file import read_torch_file
from cxr.training.epochs import BEST, save_model

RELEASES = Path(__file__).with_suffix(".json")


@dataclass(frozen=True)
class Release:
    """One file of torchxrayvision.

    outputs: how many it has. findings: our name of each that was trained -> its number. thresholds: torchxrayvision's
    operating points.
    """

    name: str
    file: str
    sha256: str | None
    network: str
    image_px: int
    outputs: int
    findings: dict[str, int]
    thresholds: dict[str, float]


def read_releases() -> list[Release]:
    """Return every file that can be converted."""
    content, found = _content(), []
    for entry in content["files"]:
        trained = [(k, name) for k, name in enumerate(content["findings"]) if entry["thresholds"][k] is not None]
        thresholds = {name: entry["thresholds"][k] for k, name in trained}
        found.append(
            Release(
                outputs=len(content["findings"]),
                **entry | {"findings": {name: k for k, name in trained}, "thresholds": thresholds},
            )
        )
    return found


def convert_release(path: Path, folder: Path, asked: Sequence[str] | None, trusted: str | None) -> dict[str, Any]:
    """Write the classifier of a file and return its run.json; `folder` must be new or empty.

    asked: the findings it is to answer, all it has when None. trusted: the SHA-256 of a file that is not known. The
    outputs are plain sigmoids: torchxrayvision's own rescaling of them, so that its operating points lie at 0.5, is
    left out, and the points are kept as `thresholds`. Raises UserError when the file is refused or does not fit.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: is not an empty folder; name one of its own")
    release, file_hash = identify_release(path, trusted)
    findings = tuple(asked or release.findings)
    if lacking := [name for name in findings if name not in release.findings]:
        raise UserError(
            f"--findings: {release.name} does not answer {', '.join(lacking)}; it has {', '.join(release.findings)}"
        )
    arrays = read_torch_file(path)
    member = Member(network=release.network, image_px=release.image_px, normalization="minus_one_to_one")
    model = build_classifier(member, len(findings))
    try:
        fill_network(model, arrays, [release.findings[name] for name in findings], release.outputs)
    except (KeyError, ValueError) as error:
        raise UserError(f"{path}: does not hold a {release.network} of torchxrayvision ({error})") from error
    save_model(model, folder / BEST)
    source = {"release": release.name, "file": path.name, "sha256": file_hash}
    run = {
        "finished": True,
        "name": folder.resolve().name,
        "network": release.network,
        "image_px": release.image_px,
        "parameters": model.count_params(),
        "epochs": 0,
        "best_epoch": 0,
        "val_auroc": None,
        "seconds": 0.0,
        "findings": list(findings),
        "thresholds": {name: release.thresholds[name] for name in findings},
        "inputs": {"converted": source, "member": member.model_dump(mode="json", exclude={"training"})},
        **machine_record(),
    }
    write_json(folder / RUN, run)
    return run


def identify_release(path: Path, trusted: str | None) -> tuple[Release, str]:
    """Return which file it is and its SHA-256.

    A file with a known SHA-256 may have any name. Another one must be called as torchxrayvision calls it, and its
    SHA-256 must be `trusted`. Raises UserError otherwise.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; torchxrayvision's lie on {_content()['page']}")
    file_hash = hash_of_file(path)
    releases = read_releases()
    for release in releases:
        if release.sha256 == file_hash:
            return release, file_hash
    release = next((one for one in releases if one.file == path.name), None)
    if release is None:
        raise UserError(
            f"{path}: neither its SHA-256 ({file_hash}) nor its name is that of a file of torchxrayvision; give it the "
            f"name it has there: {', '.join(one.file for one in releases)}"
        )
    if trusted is None:
        page = _content()["page"]
        other = (
            f"is not {release.sha256}, that of {release.name}: fetch it again from {page}"
            if release.sha256
            else f"is not known, as none of {release.name} is (the original lies on {page})"
        )
        raise UserError(
            f"{path}: its SHA-256 {file_hash} {other}; if whoever gave it to you names the same sum, give that with "
            "--trust SHA256"
        )
    if trusted.lower() != file_hash:
        raise UserError(f"{path}: its SHA-256 is {file_hash}, not {trusted} as --trust says; the file is another one")
    return release, file_hash


def _content() -> dict[str, Any]:
    return json.loads(RELEASES.read_text(encoding="utf-8"))
