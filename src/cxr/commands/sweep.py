"""`cxr sweep GROUP --over KEY=[...]`: the group trained at every point, and compared on validation."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from cxr.commands.context import read_config
from cxr.commands.progress import show_progress
from cxr.config.errors import UserError
from cxr.config.grid import check_comparable, grid_points, parse_axes, point_overrides
from cxr.config.load import Config
from cxr.config.params import Params, checked_group
from cxr.engines.startup import load_keras
from cxr.preparation.prepare import open_prepared


def run(options: argparse.Namespace) -> None:
    """Train every point that is not trained, write the table after each, and print it."""
    config = read_config(options)
    values = grid_points(parse_axes(options.over), options.random, config.params.seed)
    params = _point_params(options, values, config)
    folder = config.sweep_dir(_name(options.name or options.group))
    stores = open_prepared(config.settings, config.params)
    load_keras()  # only now that all points are valid and the data are there
    from cxr.classification.execution import Execution
    from cxr.classification.sweep import name_points, run_point
    from cxr.reporting.sweep_results import in_order, sweep_lines, write_sweep

    points = name_points(options.group, values, params, stores[""])
    rows = []
    for number, point in enumerate(points, 1):
        progress = partial(_progress, f"point {number} of {len(points)}")
        place, settings = folder / point.name, config.settings
        how = Execution(settings.engine, progress, smoke=config.smoke, devices=settings.devices)
        row = run_point(options.group, point, stores[""], place, how)
        rows.append(row | {"values": point.values})
        write_sweep(folder, rows)
    print("\n".join(f"sweep: {line}" for line in sweep_lines(rows)))
    print(f"sweep: written: {folder / 'sweep.csv'}")
    best = in_order(rows)[0]
    if best["auroc"] is None:
        raise UserError(f"{folder / 'sweep.csv'}: no point has a result")
    print(f"sweep: ./cxr average NAME {folder / best['point']} makes the first a group, to be measured on test")


def _point_params(options: argparse.Namespace, values: Sequence[Mapping[str, Any]], base: Config) -> list[Params]:
    """Return the parameters of every point; one UserError with all mistakes of all points."""
    base.params.group(options.group)
    scheme = base.params.split.scheme
    if scheme in ("kfold", "test"):
        why = "has no image to train on" if scheme == "test" else "tests every image in some fold"
        raise UserError(f'split.scheme "{scheme}" {why}: a sweep needs a validation part by itself; choose another')
    problems: dict[str, None] = {}  # in order, each once
    params = []
    for point in values:
        overrides = [*options.set, *point_overrides(dict(point))]
        try:
            config = read_config(argparse.Namespace(**vars(options) | {"set": overrides}))
            check_comparable(dict(point), config.params, base.params)
            config.params.group(options.group)
            params.append(config.params)
        except UserError as error:
            problems |= dict.fromkeys(str(error).splitlines())
    if problems:
        raise UserError("\n".join(problems))
    return params


def _name(name: str) -> str:
    try:
        return checked_group(name)
    except ValueError as error:
        raise UserError(f"--name: {error}") from error


def _progress(point: str, title: str) -> Callable[[int, int], None]:
    return show_progress(f"{point}: {title}")
