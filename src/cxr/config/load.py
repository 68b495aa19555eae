"""JSON files and command-line overrides in, validated Settings and Params out; every error reported at once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cxr.config.errors import UserError
from cxr.config.explain import explain_errors
from cxr.config.model import Model
from cxr.config.nearest import choices_sentence
from cxr.config.network import Network
from cxr.config.params import Params
from cxr.config.settings import Settings
from cxr.config.smoke import shrink_params, shrink_settings, with_own_lists
from cxr.config.training import KEYS_BY_NAME


@dataclass(frozen=True)
class Config:
    """The whole configuration of one command."""

    settings: Settings
    params: Params
    experiment: str | None
    smoke: bool

    def group_dir(self, group: str) -> Path:
        """Folder of a group's results: models/[smoke/][<experiment>/]<group>."""
        folder = self.settings.models_dir / "smoke" if self.smoke else self.settings.models_dir
        return folder / self.experiment / group if self.experiment else folder / group

    def sweep_dir(self, name: str) -> Path:
        """Folder of a sweep's points and table, beside the groups."""
        return self.group_dir("sweeps") / name

    def comparison_dir(self, name: str) -> Path:
        """Folder of a comparison of runs, beside the groups."""
        return self.group_dir("comparisons") / name

    def ablation_dir(self, kind: str, group: str) -> Path:
        """Folder of an ablation's groups and results, beside the groups."""
        return self.group_dir("ablations") / kind / group

    @property
    def lungs_dir(self) -> Path:
        """Folder of trained lung networks."""
        return (self.settings.models_dir / "smoke" if self.smoke else self.settings.models_dir) / "lungs"


def load_config(
    settings_file: Path,
    params_file: Path,
    networks: Mapping[str, Network],
    experiment: str | None = None,
    overrides: Sequence[str] = (),
    smoke: bool = False,
    experiments_dir: Path = Path("experiments"),
) -> Config:
    """Read both files, lay experiment, smoke sizes and `--set` over them (in this order), and validate all of it.

    `networks` are those that `members.*.network` may name. Relative paths of the settings start at the folder of
    `settings_file`. Raises one UserError listing every mistake with its file and JSON path.
    """
    settings, params = _read_object(settings_file), _read_object(params_file)
    sources = {"settings": str(settings_file), "params": str(params_file)}
    if experiment:
        params = _laid_over(params, _read_experiment(experiments_dir, experiment))
        sources["params"] += f" with experiment {experiment}"
    if smoke:
        settings, params = shrink_settings(settings), with_own_lists(settings, shrink_params(params))
    for override in overrides:
        _apply_override(override, settings, params)
    if overrides:
        sources = {key: f"{value} with --set" for key, value in sources.items()}
    problems: list[str] = []
    typed_settings = _validate(Settings, settings, sources["settings"], {}, problems)
    context = {"networks": networks, "findings": typed_settings.own_findings if typed_settings else ()}
    typed_params = _validate(Params, params, sources["params"], context, problems)
    if problems or typed_settings is None or typed_params is None:
        raise UserError("\n".join(problems))
    folder = settings_file.resolve().parent
    return Config(typed_settings.anchored(folder), typed_params, experiment, smoke)


def load_settings(settings_file: Path, smoke: bool = False) -> Settings:
    """Read and validate a SETTINGS file by itself; its relative paths start at its folder. Raises UserError."""
    content = _read_object(settings_file)
    problems: list[str] = []
    typed = _validate(Settings, shrink_settings(content) if smoke else content, str(settings_file), {}, problems)
    if typed is None:
        raise UserError("\n".join(problems))
    return typed.anchored(settings_file.resolve().parent)


def _read_object(path: Path) -> dict[str, Any]:
    """Read one JSON object; UserError with line and column when it is not one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_refuse_duplicates)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: is not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8"
        ) from error
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except (ValueError, RecursionError) as error:  # duplicate keys, numbers and nesting beyond Python's limits
        raise UserError(f"{path}: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds a {type(content).__name__}; a JSON object {{...}} is needed")
    return content


class _DuplicateKeyError(ValueError):
    pass


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise _DuplicateKeyError(f'key "{key}" is written twice in one object; keep one')
    return dict(pairs)


def _read_experiment(folder: Path, name: str) -> dict[str, Any]:
    """Read experiments/<name>.json without its `$` keys."""
    path = folder / f"{name}.json"
    known = sorted(file.stem for file in folder.glob("*.json") if not file.stem.endswith("_settings"))
    if name not in known:
        raise UserError(f"{path}: no such file; " + choices_sentence("experiment", name, known or ["(none yet)"]))
    return {key: value for key, value in _read_object(path).items() if not key.startswith("$")}


def _laid_over(base: Any, top: Any, at: str = "") -> Any:
    """Merge objects key by key; anything else is replaced."""
    if not isinstance(base, dict) or not isinstance(top, dict):
        return top
    if at in KEYS_BY_NAME and top.get("name", base.get("name")) != base.get("name"):
        return top
    return {**base, **{key: _laid_over(base.get(key), value, key) for key, value in top.items()}}


def _apply_override(text: str, settings: dict[str, Any], params: dict[str, Any]) -> None:
    """Set one `path.to.key=value`; the value is JSON where it can be read so, else a string."""
    path, equals, raw = text.partition("=")
    if not equals or not path:
        raise UserError(f"--set {text}: needs the form path.to.key=value, for example --set training.epochs=3")
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        value = raw
    keys = path.split(".")
    first = keys[0]
    tops = [*Settings.model_fields, *Params.model_fields]
    if first not in tops:
        raise UserError(f"--set {text}: " + choices_sentence("key", first, [t for t in tops if t != "schema_"]))
    target: Any = settings if first in Settings.model_fields else params
    for position, key in enumerate(keys):
        index = _list_index(target, key, text) if isinstance(target, list) else key
        if position == len(keys) - 1:
            if keys[-2:-1] in [[named] for named in KEYS_BY_NAME] and key == "name" and target.get(key) != value:
                target.clear()
            target[index] = value
        elif isinstance(target, list):
            target = target[index]
        else:
            if not isinstance(target.get(key), dict | list):
                target[key] = {}
            target = target[key]
        if not isinstance(target, dict | list):
            raise UserError(f"--set {text}: {'.'.join(keys[: position + 1])} is not an object or list")


def _list_index(target: list[Any], key: str, text: str) -> int:
    indices = [str(index) for index in range(len(target))]
    if key not in indices:
        raise UserError(f'--set {text}: "{key}" is no index of the list; allowed: {", ".join(indices) or "none"}')
    return indices.index(key)


def _validate(
    kind: type[Model], content: dict[str, Any], source: str, context: dict[str, Any], problems: list[str]
) -> Any:
    try:
        return kind.model_validate(content, context=context)
    except UnicodeEncodeError as error:
        problems.append(f"{source}: holds a character that is no text ({error.object[error.start : error.end]!r})")
        return None
    except ValidationError as error:
        problems += explain_errors(error, kind, source)
        return None
