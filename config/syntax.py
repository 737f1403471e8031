"""Reading TOML, and saying in plain words what is wrong with its syntax."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from config.problems import ConfigurationError, Problem

_AT = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)")
_MOST = 20
_CONSEQUENCES = ("Cannot declare", "Cannot overwrite", "Cannot mutate", "Cannot define")
"""Errors that may only exist because a broken line before them was passed over."""

_OPEN = ("Illegal character '\\n'", "Unterminated", "Unclosed array", "Unclosed inline table")
"""Errors after which nothing that follows can be trusted."""
_BEGINS_ANEW = re.compile(r"^\s*([\w.-]+\s*=|\[\[?[\w. -]+\])")

_PLAIN: tuple[tuple[str, str, str], ...] = (
    (
        "Illegal character '\\n'",
        "a text is not closed at the end of its line",
        "close it with the quote that opened it",
    ),
    ("Unterminated string", "a text is not closed", "close it with the quotes that opened it"),
    ("Expected '='", "a key without a value", "a line is a [table], a key = value, or a # comment"),
    ("Expected newline", "something follows the value that does not belong to it", ""),
    ("Unclosed array", "a list is not closed", "close it with ], and put commas between its elements"),
    ("Unclosed inline table", "an inline table is not closed", "close it with } on the same line"),
    ("Cannot overwrite", "the key stands twice", "remove one; a list of tables is written [[name]] throughout"),
    ("Cannot declare", "the table stands twice", "join the two, or write [[name]] for each of a list of tables"),
    ("Duplicate inline table key", "the key stands twice in one inline table", "remove one"),
    ("Unescaped", "a backslash begins no known escape", "write two backslashes, or use single quotes around the text"),
    ("Invalid statement", "a line begins with what begins no key", "a key is made of letters, digits, _ and -"),
    ("Invalid initial character for a key", "a key part begins wrongly", "a key is made of letters, digits, _ and -"),
    ("Invalid value", "this is no value", ""),
)
"""How a tomllib message begins, what it means, and what to do when the line itself tells nothing more exact."""

_ADVICE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile("[“”„‘’«»]"), 'use straight quotes ("), not typographic ones'),
    (re.compile("\u00a0"), "replace the no-break space by an ordinary one"),
    (re.compile(r"^\s*[\w.-]+\s*:"), "TOML puts = between a key and its value, not a colon"),
    (re.compile(r"=\s*(True|False|TRUE|FALSE|yes|no|on|off)\b"), "write true or false, in lower case"),
    (re.compile(r"=\s*(None|null|nil)\b"), "leave the line out to have no value"),
    (re.compile(r"=\s*\d+(\.\d+)?\s*(ms|s|m|h|d|w|min|sec)\b"), 'put quotes around a duration: "5m"'),
    (re.compile(r"=\s*\d\d?:\d\d\s*(#.*)?$"), 'put quotes around a time of day: "22:00"'),
    (re.compile(r"=\s*(#.*)?$"), "write a value after the ="),
    (re.compile(r"=\s*[^\s\"'\[{\d+-]"), 'put quotes around text: key = "text"'),
    (re.compile(r"^\s*[^\W\d][\w .-]*,\s*(#.*)?$"), 'put quotes around text: "text",'),
    (re.compile(r"^\s*\[\[[^\]]*\](?!\])"), "close the name of a list of tables with ]]"),
    (re.compile(r"^\s*\[[^\]]*$"), "close the bracket"),
    (re.compile(r"^\s*[\w.-]+\s+[\w.-]+\s*="), "a key of several words needs quotes, or _ between them"),
)


def read(path: Path) -> tuple[bytes, dict[str, Any]]:
    """The bytes and the values of the file; `ConfigurationError` when it cannot be read or is not TOML."""
    try:
        source = path.read_bytes()
    except OSError as error:
        raise ConfigurationError([_unreadable(path, error)]) from error
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        advice = "save it as UTF-8 in your editor"
        raise ConfigurationError([Problem(path, line, "", "the file is not UTF-8 text", advice)]) from error
    try:
        return text.encode(), tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(list(_problems(path, text))) from error


def _unreadable(path: Path, error: OSError) -> Problem:
    if isinstance(error, FileNotFoundError):
        return Problem(
            path, 0, "", "there is no such file", 'make one with "tocsin init", or name another: --config FILE'
        )
    return Problem(path, 0, "", f"the file cannot be read: {error.strerror}", "look at its path and permissions")


def _problems(path: Path, text: str) -> Iterator[Problem]:
    """Every syntax error that concerns one line alone: each is blanked and the rest is read again; the first other."""
    lines = text.replace("\r\n", "\n").split("\n")
    for found in range(_MOST):
        try:
            tomllib.loads("\n".join(lines))
        except RecursionError:
            yield Problem(path, 0, "", "not TOML: lists or tables lie too deep in one another")
            return
        except tomllib.TOMLDecodeError as error:
            message = _cause(str(error), lines)
            if found and message.startswith(_CONSEQUENCES):
                return
            number = _line_of(message, lines)
            yield _problem(path, number, message, lines[number - 1])
            if message.startswith(_OPEN) or not lines[number - 1].strip():
                return
            lines[number - 1] = ""
        else:
            return


def _cause(message: str, lines: list[str]) -> str:
    """The message, or what really is to blame: a list open since above, when what is "no value" is the `key =` or the
    `[table]` of a later line; an inline table that goes on to the next line, which TOML does not allow."""
    match = _AT.search(message)
    if match is None or match[1] is None:
        return message
    line, column = lines[int(match[1]) - 1], int(match[2])
    if message.startswith("Invalid value") and _BEGINS_ANEW.match(line) and not line[: column - 1].strip(" \t["):
        return f"Unclosed array{match[0]}"
    if message.startswith("Invalid initial character") and line.count("{") > line.count("}"):
        return f"Unclosed inline table{match[0]}"
    return message


def _line_of(message: str, lines: list[str]) -> int:
    """The line that is to blame, from 1: the one named, the one that opens what is never closed, or the last."""
    match = _AT.search(message)
    if match and match[1]:
        number = int(match[1])
        return _last(lines[: number - 1], "[") if message.startswith("Unclosed array") else number
    for quotes in ('"""', "'''"):
        if message.startswith("Unterminated") and any(line.count(quotes) % 2 for line in lines):
            return max(number for number, line in enumerate(lines, 1) if line.count(quotes) % 2)
    return _last(lines, "")


def _last(lines: list[str], text: str) -> int:
    """The last line that has `text` in it and is not blank, from 1; 1 when there is none."""
    return max((number for number, line in enumerate(lines, 1) if line.strip() and text in line), default=1)


def _problem(path: Path, number: int, message: str, line: str) -> Problem:
    bare = _AT.sub("", message)
    known = ((plain, advice) for start, plain, advice in _PLAIN if bare.startswith(start))
    plain, general = next(known, (bare[:1].lower() + bare[1:], ""))
    blamed_elsewhere = bare.startswith(("Cannot", "Duplicate", "Unescaped", "Unclosed array"))
    exact = "" if blamed_elsewhere else next((advice for pattern, advice in _ADVICE if pattern.search(line)), "")
    return Problem(path, number, "", f"not TOML: {plain}", exact or general)
