"""The worked example of docs/detectors/new-detector.md does what it says: its file and its test are run."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import monitor.detectors
import tests.monitor.detectors
from config.load import load
from config.plugins import options_of
from config.problems import ConfigurationError
from monitor.judge import JudgeSettings

PAGE = Path(__file__).parents[3] / "docs" / "detectors" / "new-detector.md"
BLOCK = re.compile(r"## The (?:file|test): `(?P<path>[^`]+)`.*?```python\n(?P<code>.*?)```", re.DOTALL)
USE = re.compile(r"## Using it\s+```toml\n(?P<table>.*?)```", re.DOTALL)
NAMES = ("monitor.detectors.watched", "tests.monitor.detectors.test_watched")
BRAND = '[[brands]]\nname = "Acme"\n'


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module of the example's test, with its detector in place."""
    for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        path = tmp_path / block["path"]
        path.parent.mkdir(parents=True)
        path.write_text(block["code"], encoding="utf-8")
    for package in (monitor.detectors, tests.monitor.detectors):
        here = str(tmp_path / package.__name__.replace(".", "/"))
        monkeypatch.setattr(package, "__path__", [*package.__path__, here])
    importlib.invalidate_caches()
    yield importlib.import_module(NAMES[1])
    for name in NAMES:
        sys.modules.pop(name, None)
        parent, _, child = name.rpartition(".")
        vars(sys.modules[parent]).pop(child, None)


def test_its_own_test_passes(example: ModuleType) -> None:
    own = [value for name, value in vars(example).items() if name.startswith("test_")]
    assert len(own) == 2
    for test in own:
        test()


def test_it_is_used_where_the_configuration_names_it(example: ModuleType, tmp_path: Path) -> None:
    assert set(options_of("monitor.detectors", "watched").model_fields) == {"authors", "posts", "severity"}
    found = USE.search(PAGE.read_text(encoding="utf-8"))
    assert found is not None
    file = tmp_path / "tocsin.toml"
    file.write_text(BRAND + found["table"])
    assert set(JudgeSettings.from_settings(load(file, complete=False)).own) == {"watched"}
    file.write_text(BRAND + found["table"].replace("authors", "autors"))
    with pytest.raises(ConfigurationError, match='did you mean "authors"'):
        load(file, complete=False)


def test_one_that_is_switched_off_or_unknown_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "tocsin.toml"
    file.write_text(f'{BRAND}[[detectors]]\ntype = "acme_tocsin.nowhere"\n')
    with pytest.raises(ConfigurationError, match="there is no module acme_tocsin"):
        load(file, complete=False)
