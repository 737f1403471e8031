"""What is not TOML is refused in plain words, with its line; errors that concern a line alone all at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.problems import ConfigurationError, Problem
from config.syntax import read
from tests.config.conftest import GOOD


def refused(path: Path, text: str | bytes) -> list[Problem]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigurationError) as caught:
        read(path)
    return caught.value.problems


CASES = [
    ("a key without a value", "a = 1\nb =\nc = 3", [2], "this is no value", "write a value after the ="),
    ("text without quotes", "a = 1\nb = hello", [2], "this is no value", "put quotes around text"),
    ("typographic quotes", "a = “hello”", [1], "this is no value", "straight quotes"),
    ("a text that is not closed", 'a = "hello\nb = 2', [1], "a text is not closed", "close it"),
    ("a long text that is not closed", 'a = 1\nb = """\nhello\nc = 3', [2], "a text is not closed", "close it"),
    ("a list that is not closed", "a = [1, 2\nb = 3\nc = 4", [1], "a list is not closed", "]"),
    ("a list without a comma", 'a = [\n "x"\n "y"\n]', [1], "a list is not closed", "commas"),
    ("a list before a table", "a = [\n 1,\n[b]\nc = 1", [1], "a list is not closed", "]"),
    ("text without quotes in a list", 'a = [\n "x",\n y,\n]', [3], "this is no value", "quotes"),
    ("an inline table over two lines", "a = { b = 1,\n c = 2 }", [1], "an inline table", ""),
    ("a colon for an equals sign", "a: 1\nb = 2", [1], "a key without a value", "not a colon"),
    ("no equals sign", "[t]\nhello\n", [2], "a key without a value", "a line is a [table]"),
    ("a table that is not closed", "[general\na = 1", [1], "expected ']'", "close the bracket"),
    ("a list of tables that is not closed", "[[brands]\na = 1", [1], "expected ']]'", "]]"),
    ("a truth in capitals", "a = True", [1], "this is no value", "lower case"),
    ("nothing as in Python", "a = None", [1], "this is no value", "leave the line out"),
    ("a duration without quotes", "a = 5m", [1], "something follows the value", 'a duration: "5m"'),
    ("a time without seconds", "a = 22:00", [1], "something follows the value", 'a time of day: "22:00"'),
    ("a key given twice", "a = 1\nb = 2\na = 3", [3], "the key stands twice", "remove one"),
    ("a table given twice", "[a]\nx = 1\n[b]\n[a]\ny = 2", [4], "the table stands twice", "[[name]]"),
    ("a backslash", 'a = "C:\\windows"', [1], "a backslash", "two backslashes"),
    ("a key of two words", "two words = 1", [1], "a key without a value", "quotes"),
    ("no key", "= 1", [1], "begins no key", "a key is made of"),
    ("two values", "a = 1 2", [1], "something follows the value", ""),
    ("two separate errors", "a = hello\nb = 2\nc = True\nd: 4", [1, 3, 4], "this is no value", "quotes"),
    ("an error and what follows from it", "[[brands\nname = 'a'\n[[brands]]\nname = 'b'", [1], "expected", ""),
]


@pytest.mark.parametrize(("text", "lines", "message", "advice"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_refused_in_plain_words(tmp_path: Path, text: str, lines: list[int], message: str, advice: str) -> None:
    found = refused(tmp_path / "tocsin.toml", text)
    assert [problem.line for problem in found] == lines, [str(problem) for problem in found]
    assert message in found[0].message
    assert advice in found[0].suggestion


def test_a_file_that_is_not_there_points_to_init(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r'no such file; make one with "tocsin init"'):
        read(tmp_path / "tocsin.toml")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read(tmp_path)


def test_another_encoding_is_named_with_its_line(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path / "tocsin.toml", b"a = 1\nb = 'caf\xe9'\n")
    assert (problem.line, problem.message) == (2, "the file is not UTF-8 text")


def test_a_byte_order_mark_and_windows_line_ends_are_borne(tmp_path: Path) -> None:
    file = tmp_path / "tocsin.toml"
    file.write_bytes(b"\xef\xbb\xbfa = 1\r\nb = 2\r\n")
    assert read(file)[1] == {"a": 1, "b": 2}


def test_nesting_without_end_is_refused(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path / "tocsin.toml", "a = " + "[" * 50_000)
    assert "too deep" in problem.message


def test_an_unquoted_secret_is_not_repeated(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path / "tocsin.toml", "token = hunter2hunter2")
    assert "hunter2" not in str(problem)


def problems_of(path: Path) -> list[Problem]:
    """What is wrong with the file, empty when it can be read."""
    try:
        read(path)
    except ConfigurationError as error:
        return error.problems
    return []


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("syntax") / "tocsin.toml"


@given(
    st.integers(min_value=0, max_value=len(GOOD) - 1), st.sampled_from(['"', "[", "]", "=", "\n", "{", "'", "x", "#"])
)
def test_one_wrong_character_is_read_or_refused_at_a_line_of_the_file(scratch: Path, where: int, sign: str) -> None:
    text = GOOD[:where] + sign + GOOD[where + 1 :]
    scratch.write_text(text, encoding="utf-8")
    for problem in problems_of(scratch):
        assert 1 <= problem.line <= len(text.splitlines())
        assert re.match("not TOML: .+", problem.message)
