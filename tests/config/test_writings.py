"""What is written about the configuration says what the models say: the example, the reference, the JSON Schema."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from config.example import example
from config.load import PACKAGES, load
from config.plugins import available, options_of
from config.reference import BEGIN, END, reference, with_reference
from config.references import SecretReference
from config.schema import schema
from config.settings import PluginTable, Settings
from config.shapes import tables_in
from config.thresholds import ThresholdSettings
from config.wording import plugin_sentence, sentence
from tests.config.conftest import GOOD

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = [(table, kind) for table, package in PACKAGES.items() for kind in available(package)]
REFRESH = "run: python -m config"


def fields(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    """Every setting of a model and of the tables in it, with its path."""
    for name, field in model.model_fields.items():
        yield (*path, name), field
        for inner in tables_in(field.annotation):
            if inner is not SecretReference:  # written as one value
                yield from fields(inner, (*path, name))


OURS = dict(fields(Settings))
EXAMPLE, REFERENCE, SCHEMA = example(), reference(), schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def test_the_example_file_is_up_to_date() -> None:
    assert (ROOT / "config" / "example.toml").read_text(encoding="utf-8") == EXAMPLE, REFRESH


def test_the_reference_is_up_to_date() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == with_reference(page), REFRESH
    assert page.count(BEGIN) == page.count(END) == 1


def test_the_written_example_is_a_configuration(tmp_path: Path) -> None:
    (tmp_path / "tocsin.toml").write_text(EXAMPLE, encoding="utf-8")
    assert load(tmp_path / "tocsin.toml").brands


def test_the_example_with_every_threshold_loads(tmp_path: Path) -> None:
    names = "|".join(ThresholdSettings.model_fields)
    text, count = re.subn(rf"^# (({names}) = )", r"\1", EXAMPLE, flags=re.MULTILINE)
    assert count == len(ThresholdSettings.model_fields)
    (tmp_path / "tocsin.toml").write_text(text, encoding="utf-8")
    assert load(tmp_path / "tocsin.toml").detection.thresholds == ThresholdSettings()


@pytest.mark.parametrize("path", OURS, ids=".".join)
def test_every_setting_stands_in_the_example_with_a_sentence(path: tuple[str, ...]) -> None:
    *tables, name = path
    words = sentence(OURS[path])
    assert words.endswith(".")
    if tables[-1:] == ["thresholds"] or name == "options":
        return  # thresholds stand under [detection.thresholds] alone, options are the plug-ins'
    text = EXAMPLE
    heading = re.compile(rf"^(?:# )?\[{{1,2}}{re.escape('.'.join(tables))}\]", re.MULTILINE)
    assert not tables or heading.search(text)
    assert " ".join(words.split()[:4]) in text.replace("\n# ", " ")
    assert tables or f"[{name}]" in text or f"[[{name}]]" in text


@pytest.mark.parametrize(("table", "kind"), PLUGINS)
def test_every_option_of_a_plug_in_stands_in_the_example_with_a_sentence(table: str, kind: str) -> None:
    model = options_of(PACKAGES[table], kind)
    text = EXAMPLE
    _, found, rest = text.partition(
        f"[[{table}]]\n# Which plug-in, by its module name; a dotted name loads one from "
        f'another distribution.\ntype = "{kind}"'
    )
    section = rest.partition("\n[")[0]
    assert found
    for name, field in model.model_fields.items():
        assert sentence(field).endswith("."), f"{kind}.{name} has no sentence"
        assert re.search(rf"^(# )?{name} = ", section, re.MULTILINE), f"{kind}.{name}"
    assert len(plugin_sentence(model)) > 20


@pytest.mark.parametrize("path", [path for path in OURS if path[-1] != "options"], ids=".".join)
def test_every_setting_stands_in_the_reference(path: tuple[str, ...]) -> None:
    text = REFERENCE
    *tables, name = path
    if tables and not list(tables_in(OURS[path].annotation)):
        assert f"| `{name}` |" in text
    elif not tables:
        assert f"[{name}]" in text


def test_the_schema_is_a_schema_and_takes_the_example_and_the_sound_file() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    for text in (EXAMPLE, GOOD):
        assert [error.message for error in VALIDATOR.iter_errors(tomllib.loads(text))] == []


CASES = tomllib.loads(Path(__file__).with_name("broken.toml").read_text("utf-8"))["cases"]
SHAPES = ("unknown key", "must be", "none of", "is missing", "must not", "not a duration", "never written", "one place")
BEYOND = ("finite", "must be at least 10s", "pattern")
"""What a schema cannot say, or says of plug-ins that it does not know."""
WRONG_SHAPES = [
    case
    for case in CASES
    if any(shape in case["message"] for shape in SHAPES)
    and not any(word in case["message"] for word in BEYOND)
    and not case["key"].startswith(("sources", "channels"))
]


@pytest.mark.parametrize("case", WRONG_SHAPES, ids=lambda case: case["sentence"])
def test_the_schema_refuses_what_has_the_wrong_shape(case: dict[str, Any]) -> None:
    broken = tomllib.loads(GOOD.replace(case["old"], case["new"], 1))
    assert list(VALIDATOR.iter_errors(broken))


@pytest.mark.parametrize(("table", "kind"), PLUGINS)
def test_the_schema_knows_the_keys_of_each_plug_in(table: str, kind: str) -> None:
    (whole,) = [entry for entry in tomllib.loads(EXAMPLE)[table] if entry["type"] == kind]
    assert not list(VALIDATOR.iter_errors({table: [whole]}))
    assert list(VALIDATOR.iter_errors({table: [whole | {"no_such_key": 1}]}))


def test_plug_in_tables_have_no_field_that_a_plug_in_might_want() -> None:
    own = {"type", "name", "enabled", "every", "brands", "options"}
    tables = [table for name in PACKAGES for table in tables_in(Settings.model_fields[name].annotation)]
    assert all(issubclass(table, PluginTable) for table in tables)
    for table, kind in PLUGINS:
        shared = own & set(options_of(PACKAGES[table], kind).model_fields)
        assert not shared & set(next(tables_in(Settings.model_fields[table].annotation)).model_fields), (kind, shared)
