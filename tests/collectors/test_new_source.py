"""The worked example of docs/sources/new-source.md does what it says: its file and its test are run as they stand."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import collectors
import tests.collectors
from config.plugins import options_of
from tests.contract import test_collectors as contract

PAGE = Path(__file__).parents[2] / "docs" / "sources" / "new-source.md"
BLOCK = re.compile(r"## The (?:file|test): `(?P<path>[^`]+)`.*?```python\n(?P<code>.*?)```", re.DOTALL)
NAMES = ("collectors.agora", "tests.collectors.test_agora")


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module of the example's test, with its source in place."""
    for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        path = tmp_path / block["path"]
        path.parent.mkdir(parents=True)
        path.write_text(block["code"], encoding="utf-8")
    monkeypatch.setattr(collectors, "__path__", [*collectors.__path__, str(tmp_path / "collectors")])
    monkeypatch.setattr(tests.collectors, "__path__", [*tests.collectors.__path__, str(tmp_path / "tests/collectors")])
    importlib.invalidate_caches()
    yield importlib.import_module(NAMES[1])
    for name in NAMES:
        sys.modules.pop(name, None)
        parent, _, child = name.rpartition(".")
        vars(sys.modules[parent]).pop(child, None)


def test_the_example_is_found_and_its_own_test_passes(example: ModuleType) -> None:
    assert "agora" in contract.sources()
    assert set(options_of("collectors", "agora").model_fields) == {"url", "pages_at_first"}
    own = [value for name, value in vars(example).items() if name.startswith("test_")]
    assert own
    for test in own:
        test()


def test_the_example_keeps_the_contract(example: ModuleType) -> None:
    held = 0
    for test, arguments in contract_tests():
        with example.scenario() as scenario:
            name = next(iter(inspect.signature(test).parameters))
            test(**{name: scenario}, **arguments)
        held += 1
    assert held > 25


def contract_tests() -> Iterator[tuple[Any, dict[str, Any]]]:
    """The tests of the contract that take a scenario, with each of their parameters."""
    for name, test in vars(contract).items():
        if name.startswith("test_") and inspect.signature(test).parameters:
            marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
            yield from ((test, {mark.args[0]: value}) for mark in marks for value in mark.args[1])
            if not marks:
                yield test, {}
