"""Whatever stands in the file, loading gives settings or problems, never another failure."""

from __future__ import annotations

import copy
import math
import tomllib
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.load import load
from config.problems import ConfigurationError, KeyPath, Problem
from config.wording import toml
from tests.config.conftest import GOOD
from tests.config.test_load import keys

SOUND = tomllib.loads(GOOD)
PATHS = list(keys(SOUND))
NAMES = st.one_of(st.sampled_from(sorted({str(path[-1]) for path in PATHS})), st.text(min_size=1, max_size=8))
LEAVES = st.one_of(
    st.text(max_size=12),
    st.integers(min_value=-(2**63), max_value=2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.sampled_from(
        ["5m", "keen", "Harbour & Pine", "carillon", "UTC", "letterbox.source", "a.b", "..", "sqlite:///x"]
    ),
    st.sampled_from([time(22), date(2024, 5, 1), datetime(2024, 5, 1, 12)]),  # noqa: DTZ001  (TOML has local times)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)


def text_of(raw: dict[str, Any]) -> str:
    """The values as TOML, a line for each table at the top."""
    return "\n".join(f"{toml_key(key)} = {written(value)}" for key, value in raw.items())


def written(value: Any) -> str:
    """A value on one line; keys quoted, since any text may be one."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{toml_key(key)} = {written(inner)}' for key, inner in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    return toml(value).replace("\x7f", "\\u007f")


def toml_key(key: str) -> str:
    return toml(key).replace("\x7f", "\\u007f")


def changed(path: KeyPath, value: Any) -> dict[str, Any]:
    """The sound values with another value at one place."""
    raw = copy.deepcopy(SOUND)
    here: Any = raw
    for part in path[:-1]:
        here = here[part]
    here[path[-1]] = value
    return raw


def problems_of(file: Path) -> list[Problem]:
    """What is wrong with the file, empty when nothing is."""
    try:
        load(file, kinds={"outage"})
    except ConfigurationError as error:
        return error.problems
    return []


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tocsin.toml"


anything = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@anything
@given(path=st.sampled_from(PATHS), value=VALUES)
def test_any_value_at_any_place_is_taken_or_refused_in_words(file: Path, path: KeyPath, value: Any) -> None:
    text = text_of(changed(path, value))
    file.write_text(text, encoding="utf-8")
    for problem in problems_of(file):
        assert 0 <= problem.line <= len(text.splitlines())
        assert problem.message
        assert "\n" not in problem.message
        assert "ctx" not in problem.message


@anything
@given(raw=st.dictionaries(NAMES, VALUES, max_size=4))
def test_any_file_is_taken_or_refused_in_words(file: Path, raw: dict[str, Any]) -> None:
    file.write_text(text_of(raw), encoding="utf-8")
    found = problems_of(file)
    assert found
    assert all(problem.message for problem in found)


def test_the_writer_of_these_tests_writes_what_it_is_given(file: Path) -> None:
    assert tomllib.loads(text_of(SOUND)) == SOUND
    assert math.isfinite(tomllib.loads(text_of({"x": 1e300}))["x"])
