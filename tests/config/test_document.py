"""The documentation made of the classes is the one in the repository, and it says what the classes do."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from cxr.config.document import SCHEMAS, TABLE_END, TABLE_START, parameter_table, schema_text, with_table
from cxr.config.params import Params
from cxr.config.settings import Settings

ROOT = Path(__file__).parents[2]
CONFIG_DIR = ROOT / "src" / "cxr" / "config"
FILES = {"settings.schema.json": "SETTINGS.json", "params.schema.json": "PARAMS.json"}


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """Every model class that an annotation mentions, and those its fields mention."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_in(field.annotation)
    for part in get_args(annotation):
        yield from models_in(part)


@pytest.fixture(params=SCHEMAS)
def name(request):
    return request.param


@pytest.fixture
def validator(name):
    return Draft202012Validator(json.loads((CONFIG_DIR / name).read_text(encoding="utf-8")))


def test_the_schemas_in_the_package_are_up_to_date(name):
    written = (CONFIG_DIR / name).read_text(encoding="utf-8")
    assert written == schema_text(SCHEMAS[name]), f"{name} is out of date: run ./cxr schema --write"


def test_the_schemas_are_json_schemas(validator):
    Draft202012Validator.check_schema(validator.schema)


def test_the_schemas_accept_the_files_of_the_repository(name, validator):
    content = json.loads((ROOT / FILES[name]).read_text(encoding="utf-8"))
    assert [error.message for error in validator.iter_errors(content)] == []
    assert (ROOT / content["$schema"]).samefile(CONFIG_DIR / name)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("settings.schema.json", ["modelsdir"]),
        ("settings.schema.json", ["datasets", 0, "patient"]),
        ("settings.schema.json", ["lung_masks", 0, "sed"]),
        ("params.schema.json", ["trainig"]),
        ("params.schema.json", ["training", "epoch"]),
        ("params.schema.json", ["crop", "margins", "side"]),
        ("params.schema.json", ["members", "tiny", "networks"]),
    ],
)
def test_the_schemas_refuse_a_misspelt_key(name, path, validator):
    content = json.loads((ROOT / FILES[name]).read_text(encoding="utf-8"))
    target = content
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = 1
    assert not validator.is_valid(content)


@pytest.mark.parametrize("kind", sorted({*models_in(Settings), *models_in(Params)}, key=lambda kind: kind.__name__))
def test_every_key_is_described(kind):
    assert kind.__doc__
    undescribed = [name for name, field in kind.model_fields.items() if not (field.description or "").strip()]
    assert undescribed == []


def table_rows(title: str) -> dict[str, str]:
    """Default by key of one file's part of the table, every row with three cells and a meaning."""
    part = parameter_table().partition(f"| **{title}** | | |\n")[2].partition("| **")[0]
    cells = [re.fullmatch(r"\| `([^`]+)` \| (.*?) \| (.+) \|", line).groups() for line in part.splitlines()]
    defaults = {key: default for key, default, _ in cells}
    assert len(defaults) == len(cells)
    return defaults


def test_the_table_has_a_row_for_every_key():
    settings, params = table_rows("SETTINGS.json"), table_rows("PARAMS.json")
    for model, keys in ((Settings, settings), (Params, params)):
        assert {field.alias or name for name, field in model.model_fields.items()} <= keys.keys()
    assert settings["datasets.N(phantom).seed"] == "`7`"
    assert settings["datasets.N(nih).root"] == "*required*"
    assert settings["lung_masks.N(pairs).images"] == "*required*"
    assert settings["prepared_dir"] == '`"data/prepared"`'
    assert params["crop.margins.top"] == "`0.07`"
    assert params["members.NAME.weights"] == "`null`"
    assert "members.NAME.training" in params
    assert not [key for key in params if key.startswith("members.NAME.training.")]  # told once, at `training`


def test_the_table_is_renewed_between_its_markers_only():
    readme = f"# Title\n\n{TABLE_START}\nold\n{TABLE_END}\n\nThe end.\n"
    renewed = with_table(readme)
    assert renewed == f"# Title\n\n{TABLE_START}\n{parameter_table()}\n{TABLE_END}\n\nThe end.\n"
    assert with_table(renewed) == renewed


def test_the_table_of_the_readme_is_up_to_date():
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    if TABLE_START not in text or TABLE_END not in text:
        pytest.skip("README.md has no table of parameters yet")
    assert with_table(text) == text, "the table of README.md is out of date: run ./cxr schema --write"
