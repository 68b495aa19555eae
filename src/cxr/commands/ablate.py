"""`cxr ablate crop GROUP`: raw, crop and mask trained alike and compared; lungs blacked out or alone as a control."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from cxr.classification.compared import origins
from cxr.classification.lung_control import CONTROLS, hide, rows_with_lungs
from cxr.classification.runs import PREDICTIONS, RUN, check_run
from cxr.commands.context import group_dir, read_config
from cxr.commands.prepare import prepare_sources, read_all
from cxr.commands.progress import show_progress
from cxr.config.errors import UserError
from cxr.config.load import Config
from cxr.config.record import read_json
from cxr.datasets.manifest import read_table
from cxr.engines.startup import load_keras
from cxr.evaluation.comparison import compare_runs
from cxr.evaluation.predictions import Predictions, read_predictions, write_predictions
from cxr.preparation.prepare import open_prepared, prepared_files
from cxr.preparation.store import CROP_COLUMNS, open_stores
from cxr.reporting.comparison import comparison_lines, write_comparison

MODES = {"none": "raw", "crop": "crop", "mask": "mask"}
PARTS = {
    "val": "validation, where a choice may be made",
    "test": "TEST, for the record: who chooses by it has no test any more",
}


def run(options: argparse.Namespace) -> None:
    """Show the finished group images without lungs or without the rest; then train and compare the three crops."""
    config = read_config(options)
    if config.params.split.scheme in ("kfold", "test"):
        raise UserError(
            f'split.scheme "{config.params.split.scheme}": an ablation needs one train, val and test part; give '
            "another, as --set split.scheme=patients with an --experiment of its own"
        )
    place = config.ablation_dir("crop", options.group)
    if options.control:
        _control(config, options.group, place / "lungs")
        return
    config.params.group(options.group)
    files = {MODES[mode]: _trained(config, options.group, mode, place, options.overwrite) for mode in MODES}
    runs = {name: read_predictions(file) for name, file in files.items()}
    split = read_json(config.group_dir(options.group) / RUN)["split"]["name"]
    _compare(runs, files, split, config, place)
    if config.params.crop.mode == "none":
        print('ablate: no lungs control: with crop.mode "none" lungs are not sought')
    else:
        _control(config, options.group, place / "lungs")


def _trained(config: Config, group: str, mode: str, place: Path, overwrite: bool) -> Path:
    """Prepare and train the group with this crop, the one of its own parameters in its own folder; its predictions."""
    params = config.params.model_copy(update={"crop": config.params.crop.model_copy(update={"mode": mode})})
    one = replace(config, params=params)
    files, _ = prepare_sources(one, read_all(config.settings))
    stores = open_stores(files, params.findings, config.settings.zero_blanks)
    folder = config.group_dir(group) if mode == config.params.crop.mode else place / MODES[mode]
    load_keras()
    from cxr.classification.execution import Execution
    from cxr.classification.group import train_group

    def told(title: str) -> Callable[[int, int], None]:
        return show_progress(f"{MODES[mode]}: {title}")

    settings = config.settings
    _, trained = train_group(
        group,
        params,
        stores,
        folder,
        Execution(settings.engine, told, overwrite, config.smoke, settings.devices),
    )
    print(f"ablate: {MODES[mode]}: {'trained' if trained else 'unchanged'}: {folder}")
    return folder / PREDICTIONS


def _control(config: Config, group: str, place: Path) -> None:
    """Predict val and test images of the finished group without lungs, and without everything else."""
    params, folder = config.params, group_dir(config, group)
    if not (folder / PREDICTIONS).is_file():
        raise UserError(f"{folder / PREDICTIONS}: no such file; train or average {group} with the same options first")
    stores = open_prepared(config.settings, params)
    record, _ = check_run(params, group, folder, stores)
    (store,) = stores.values()
    crop_table = read_table(prepared_files(config.settings, params).crop_table, CROP_COLUMNS)
    hidden = {name: hide(store, crop_table, what) for name, what in CONTROLS.items()}
    rows = rows_with_lungs(store, crop_table, tuple(PARTS))
    asked = read_predictions(folder / PREDICTIONS)
    if left_out := len(asked.image_ids) - len(rows):
        print(f"ablate: {left_out} images without usable lungs are left out of the control")
    if len(rows) == 0:
        raise UserError("no image of val and test has usable lungs; there is nothing to black out")
    load_keras()
    from cxr.classification.applied import predict_group_rows

    places = {image: row for row, image in enumerate(asked.image_ids)}
    runs = {"whole crop": asked.rows([places[image] for image in store.image_ids[rows]])}
    files = {"whole crop": folder / PREDICTIONS}
    for name, changed in hidden.items():
        progress = show_progress
        runs[name] = predict_group_rows(folder, record, changed, rows, config.settings.engine, params.seed, progress)
        files[name] = place / f"{name.replace(' ', '-')}.csv"
        write_predictions(files[name], runs[name])
    _compare(runs, files, record["split"]["name"], config, place)


def _compare(
    runs: Mapping[str, Predictions], files: Mapping[str, Path], split: str, config: Config, place: Path
) -> None:
    for part, meaning in PARTS.items():
        comparison = compare_runs(runs, config.params.evaluation.resamples, config.params.seed, part, split=split)
        comparison["files"] = origins(files, place)
        write_comparison(place, comparison, part)
        print(f"ablate: {meaning}:")
        print("\n".join(f"ablate: {line}" for line in comparison_lines(comparison)))
        print(f"ablate: written: {place / f'{part}.json'}, {part}.csv, {part}.png")
