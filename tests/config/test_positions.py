"""Every key is found on its line, however it is written."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.example import example
from config.positions import Positions
from config.problems import KeyPath

TEXT = """\
top = 1
a.b.c = 2
"quoted \\u00e9" = 3

[table]
key = "x"
inline = { one = 1, two = { three = 3 } }
list = [
  1,
  # a remark
  { four = 4 },
]

[[array]]
x = 1
[array.inner]
y = 2
[[array.deep]]
z = 3
[[array.deep]]
z = 4

[[array]]
x = 5
[[array.deep]]
z = 6
"""
LINES: list[tuple[KeyPath, int]] = [
    (("top",), 1),
    (("a", "b", "c"), 2),
    (("a", "b"), 2),
    (("quoted é",), 3),
    (("table",), 5),
    (("table", "key"), 6),
    (("table", "inline", "two", "three"), 7),
    (("table", "list"), 8),
    (("table", "list", 0), 9),
    (("table", "list", 1, "four"), 11),
    (("array",), 14),
    (("array", 0), 14),
    (("array", 0, "x"), 15),
    (("array", 0, "inner", "y"), 17),
    (("array", 0, "deep", 0, "z"), 19),
    (("array", 0, "deep", 1), 20),
    (("array", 0, "deep", 1, "z"), 21),
    (("array", 1), 23),
    (("array", 1, "x"), 24),
    (("array", 1, "deep", 0, "z"), 26),
]


@pytest.mark.parametrize(("path", "line"), LINES, ids=str)
def test_a_key_is_found_on_its_line(path: KeyPath, line: int) -> None:
    assert Positions(TEXT.encode()).line(path) == line


def test_a_missing_key_is_placed_at_its_table() -> None:
    assert Positions(TEXT.encode()).line(("array", 1, "name")) == 23
    assert Positions(TEXT.encode()).line(("table", "inline", "two", "four")) == 7


def test_what_stands_nowhere_has_no_line() -> None:
    assert Positions(TEXT.encode()).line(("other", "key")) == 0
    assert Positions(TEXT.encode()).line(()) == 0
    assert Positions(b"").line(("a",)) == 0


def leaves(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """The paths of all that is no table and no list."""
    items: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    for key, inner in items:
        yield from leaves(inner, (*path, key))
    if not items and path:
        yield path


def test_every_key_of_the_example_stands_on_the_line_that_is_named() -> None:
    text = example()
    positions = Positions(text.encode())
    for path in leaves(tomllib.loads(text)):
        key = [part for part in path if isinstance(part, str)][-1]
        assert key in text.splitlines()[positions.line(path) - 1], path


KEYS = st.text(alphabet="abcé \"'.#[]=\n", min_size=1, max_size=4)


@given(st.lists(KEYS, min_size=1, max_size=6, unique=True), st.integers(min_value=0, max_value=5))
def test_keys_of_any_letters_are_found(keys: list[str], blank: int) -> None:
    quoted = ['"' + key.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"' for key in keys]
    text = "\n" * blank + "\n".join(f"{key} = [{{ {key} = 1 }}]" for key in quoted)
    assert set(tomllib.loads(text)) == set(keys)
    positions = Positions(text.encode())
    for number, key in enumerate(keys, blank + 1):
        assert positions.line((key, 0, key)) == number


@given(st.text(alphabet="ab=[]{}\".#\n '1", max_size=60))
def test_text_that_is_no_toml_is_borne(text: str) -> None:
    assert Positions(text.encode()).line(("a",)) >= 0
