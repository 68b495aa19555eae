"""The command line in, parsed options out; standard library only, so that `--help` answers at once."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from cxr import __version__

STEPS = {
    "segment": "the lung network: train it, evaluate it on pairs of X-ray and mask, predict masks of a folder",
    "prepare": "data sets -> manifest, lungs, crops, split",
    "describe": "what is in the prepared data -> describe.html: counts, parts, samples, near-duplicates",
    "train": "train every member of a group and average their predictions",
    "average": "make finished models, of any group or run, a group of their own without training",
    "sweep": "train a group with every combination of some values, and compare them on validation",
    "evaluate": "AUROC with intervals by patient -> metrics.json, figures",
    "compare": "runs on the same test images: paired differences with intervals and p -> a table and a figure",
    "score": "predictions made elsewhere: a CSV of image names and probabilities, measured against a label table",
    "ablate": "what the crop does: raw, crop and mask trained alike; and images with the lungs blacked out, or alone",
    "visualize": "heatmaps of test images: the highest-scored, a sample, or all -> gradcam/, gallery.html",
    "localize": "boxes from the heatmaps of all test images, scored where there are true boxes -> localization/",
    "report": "everything of a group on one page -> report.html",
    "export": "a finished group -> a bundle: one folder with all that new images need",
    "predict": "new images -> findings, by a bundle; needs neither Keras nor TensorFlow",
    "app": "a page and a JSON API on this machine that answer X-rays by a bundle",
    "tfrecords": "the prepared crops with labels and split -> TFRecord shards in a folder",
    "convert": "chest X-ray weights of torchxrayvision -> a classifier of ours, ready or to begin training from",
    "download": "fetch and unpack the archives of NIH ChestX-ray14 into a folder",
    "phantoms": "write synthetic X-rays with their truth into a folder of their own",
    "schema": "show the table of parameters, or write schemas and table with --write",
}
GROUP_STEPS = ("train", "evaluate", "ablate", "visualize", "localize", "report", "export")


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of one step; argparse itself answers `--help` and mistakes (exit code 2)."""
    parser = argparse.ArgumentParser(
        prog="cxr", description="Chest X-rays in, believable answers out. Research use only, not a medical device."
    )
    parser.add_argument("--version", action="version", version=f"cxr {__version__}")
    steps = parser.add_subparsers(dest="step", metavar="STEP", required=True)
    for step, purpose in STEPS.items():
        one = steps.add_parser(step, help=purpose, description=purpose)
        if step == "schema":
            one.add_argument("--write", action="store_true", help="write both schemas and the table of README.md")
            continue
        if step == "phantoms":
            _add_phantoms(one)
            continue
        if step == "download":
            _add_download(one)
            continue
        if step == "segment":
            _add_segment(one)
            continue
        if step == "convert":
            _add_convert(one)
            continue
        if step == "predict":
            _add_predict(one)
            continue
        if step == "app":
            _add_app(one)
            continue
        if step == "tfrecords":
            one.add_argument("folder", type=Path, help="a folder that does not exist yet, or is empty")
        if step == "average":
            one.add_argument("name", help="of the new group: its folder in models/")
            one.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="of a finished member or group")
        if step == "sweep":
            _add_sweep(one)
            continue
        if step == "compare":
            _add_compare(one)
            continue
        if step == "score":
            _add_score(one)
            continue
        if step == "ablate":
            one.add_argument("what", choices=("crop",), help="what is varied")
            one.add_argument("--control", action="store_true", help="train nothing: only black out lungs, or the rest")
        if step in GROUP_STEPS:
            one.add_argument("group", help="a group of PARAMS.json, for example Ensemble")
        if step == "visualize":
            more = one.add_mutually_exclusive_group()
            more.add_argument("--all", action="store_true", help="the whole test part too, a folder per set of labels")
            more.add_argument(
                "--sample", type=_count, metavar="N", help="N test images per finding too, labelled with it alone"
            )
        if step == "export":
            one.add_argument("folder", type=Path, metavar="DIR", help="of the bundle: does not exist yet, or is empty")
        if step == "evaluate":
            other = one.add_mutually_exclusive_group()
            other.add_argument("--on", type=Path, metavar="FILE", help="a SETTINGS file: the group on other data")
            other.add_argument("--labels", type=Path, metavar="TABLE", help="a second label table for its predictions")
        _add_configuration(one)
        one.add_argument("--overwrite", action="store_true", help="replace a run made with other parameters")
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)


def _path(text: str) -> Path:
    """Not an empty one, as of a shell variable that is not set: that would be all of the current folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty path; name a file or a folder")
    return Path(text)


def _add_predict(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", type=Path, help="a folder that ./cxr export wrote")
    parser.add_argument(
        "paths", type=_path, nargs="+", metavar="PATH", help="an image, a folder of images, or a CSV with a column path"
    )
    parser.add_argument(
        "--out", type=_path, required=True, metavar="DIR", help="for predictions.csv and what goes with it"
    )
    _add_engine(parser)
    parser.add_argument(
        "--precision",
        choices=("f32", "bf16", "int8", "auto"),
        default="f32",
        help="bf16 and int8 are faster, where the bundle offers them; auto: bf16 where the CPU knows it too, else f32",
    )
    parser.add_argument(
        "--overlays", action="store_true", help="write heatmaps of the findings that are called, or of the highest"
    )
    parser.add_argument(
        "--dicom", action="store_true", help="write a secondary capture and a structured report of every DICOM image"
    )
    parser.add_argument(
        "--force", action="store_true", help="answer also for images without usable lungs, by the whole image"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the results of other images or options")


def _add_app(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", type=Path, help="a folder that ./cxr export wrote")
    parser.add_argument("--host", default="127.0.0.1", help="another than this opens it to others, without a password")
    parser.add_argument("--port", type=int, default=8000, help="0: any that is free")
    _add_engine(parser)


def _add_engine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--engine", choices=("auto", "openvino", "onnx", "keras"), default="auto", help="auto: the fastest installed"
    )


def _add_sweep(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("group", help="a group of PARAMS.json, for example Ensemble")
    parser.add_argument(
        "--over",
        action="append",
        required=True,
        metavar="KEY=[VALUE,...]",
        help="e.g. training.optimizer.learning_rate=[0.001,0.0003]; may be repeated: all combinations are trained",
    )
    parser.add_argument("--random", type=int, metavar="N", help="only N of the combinations, drawn with `seed`")
    parser.add_argument("--name", help="of its folder in models/sweeps/; the group's name when not given")
    _add_configuration(parser)


def _add_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="a group, the folder of a group or member, or a predictions.csv; differences are to the first; one group "
        "alone is compared with its members",
    )
    parser.add_argument("--name", help="of its folder in models/comparisons/; made of the runs' names when not given")
    _add_configuration(parser)


def _add_score(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "predictions", type=Path, help="a CSV: an image column, and a column of probabilities per finding"
    )
    parser.add_argument(
        "--labels",
        type=Path,
        required=True,
        metavar="TABLE",
        help="NIH's Data_Entry CSV, or one with image_id, patient_id and a column per finding (1, 0, -1, empty)",
    )
    parser.add_argument("--list", type=Path, metavar="FILE", help="of the test images, one a line; all when not given")
    parser.add_argument(
        "--val-list", type=Path, metavar="FILE", help="of the validation images: for calibration, thresholds"
    )
    parser.add_argument(
        "--findings", metavar="SET", help="a finding set, or names with commas; all that are labelled if not given"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="for metrics.json and what goes with it"
    )
    _add_configuration(parser)


def _add_segment(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    purposes = {
        "train": "learn from lung_masks, and measure on pairs that were held out",
        "evaluate": "measure the weights of segmentation.weights on all of lung_masks",
        "predict": "write a mask for every X-ray of a folder, and masks.csv with their quality",
    }
    for action, purpose in purposes.items():
        one = actions.add_parser(action, help=purpose, description=purpose)
        if action == "predict":
            one.add_argument("images", type=Path, help="a folder of PNG, JPEG or DICOM files")
            one.add_argument("folder", type=Path, help="for the masks: a folder that does not exist yet, or is empty")
        _add_configuration(one)


def _add_phantoms(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="a folder that does not exist yet, or is empty")
    parser.add_argument(
        "--layout",
        choices=("nih", "chexpert", "dicom", "negatives"),
        default="nih",
        help="files and tables as in that data set; negatives: hands, lateral views, noise, text, uniform grey",
    )
    parser.add_argument("--patients", type=int, default=100, help="one to five images each (negatives: of each kind)")
    parser.add_argument("--seed", type=int, default=7, help="patients of another seed are other patients")
    parser.add_argument("--image-px", type=int, default=320, help="height and width in pixels")
    parser.add_argument("--prevalence", type=float, default=0.7, help="share of patients with findings")
    parser.add_argument(
        "--frequencies", choices=("even", "nih"), default="even", help="of the findings: even, or as in NIH's table"
    )
    parser.add_argument("--label-noise", type=float, default=0.0, help="share of missed and of invented labels")


def _add_download(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="where NIH's tables and images are to lie")
    parser.add_argument("--archives", metavar="N,N-N", help="only these of the 12 archives, for example 1,3-5")
    parser.add_argument("--sources", type=Path, metavar="FILE", help="another list of addresses and checksums (JSON)")
    parser.add_argument("--keep", action="store_true", help="keep the archives after they are unpacked")


def _add_convert(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="a .pt file of torchxrayvision")
    parser.add_argument("folder", type=Path, help="for model.keras and run.json: does not exist yet, or is empty")
    parser.add_argument(
        "--findings",
        metavar="SET",
        help="what it is to answer: a finding set, or names with commas; all it has if left out",
    )
    parser.add_argument("--trust", metavar="SHA256", help="convert a file that is not known, if this is its SHA-256")


def _add_configuration(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--settings", type=Path, default=Path("SETTINGS.json"), metavar="FILE", help="where data lie")
    parser.add_argument("--params", type=Path, default=Path("PARAMS.json"), metavar="FILE", help="how it is done")
    parser.add_argument("--experiment", metavar="NAME", help="lay experiments/NAME.json over the parameters")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="e.g. training.epochs=3; may be repeated"
    )
    parser.add_argument("--smoke", action="store_true", help="the same path at reduced size, to see that it works")
