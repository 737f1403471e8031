"""The table of faults names tests that exist, and leaves out no fault."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "faults.md"
NUMBERED = re.compile(r"^\| (?P<number>\d+) \| (?P<rest>.*) \|$", re.MULTILINE)
NAMED = re.compile(r"`(?P<file>[\w/]+\.py)::(?P<name>\w+)`")
COMMAND = re.compile(r"`(benchmarks\.[\w.]+)")


@cache
def defined_in(file: str) -> set[str]:
    """The tests that pytest collects from a file."""
    module = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    found = (one for one in module.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))
    return {one.name for one in found if one.name.startswith("test_")} if Path(file).name.startswith("test_") else set()


def test_every_fault_has_a_row_that_names_its_tests_or_says_why_not() -> None:
    rows = {int(row["number"]): row["rest"] for row in NUMBERED.finditer(PAGE.read_text(encoding="utf-8"))}
    assert sorted(rows) == list(range(1, 54))
    bare = [number for number, rest in rows.items() if not NAMED.search(rest)]
    assert [number for number in bare if "not in the tests" not in rows[number]] == []


def test_every_test_of_the_table_exists() -> None:
    named = {(one["file"], one["name"]) for one in NAMED.finditer(PAGE.read_text(encoding="utf-8"))}
    assert len(named) > 120
    assert {
        (file, name) for file, name in named if not (TESTS / file).exists() or name not in defined_in(file)
    } == set()


def test_every_command_of_the_table_exists() -> None:
    for module in set(COMMAND.findall(PAGE.read_text(encoding="utf-8"))):
        place = TESTS.parent / module.replace(".", "/")
        assert place.is_dir() or place.with_suffix(".py").exists(), module
