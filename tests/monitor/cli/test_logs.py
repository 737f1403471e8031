"""The log shows no secret, and nothing that would move the cursor."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from config.load import load
from monitor.cli import logs
from tests.monitor.cli import letterbox

SECRET = "hunter2hunter2"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the log wrote; its settings of before come back at the end."""
    before = structlog.get_config()
    target = io.StringIO()
    monkeypatch.setattr(sys, "stderr", target)
    logs.begin([SECRET, "abc", ""])
    monkeypatch.undo()
    yield target
    structlog.configure(**before)


def test_a_secret_is_hidden_wherever_it_stands(log: io.StringIO) -> None:
    try:
        int(SECRET)
    except ValueError:
        structlog.get_logger().error(f"with {SECRET}", token=SECRET, deep={"list": [SECRET, 3]}, exc_info=True)
    assert SECRET not in log.getvalue()
    assert json.loads(log.getvalue())["deep"] == {"list": ["***", 3]}


def test_short_values_are_not_hidden_since_they_stand_in_every_word(log: io.StringIO) -> None:
    structlog.get_logger().info("abcde")
    assert json.loads(log.getvalue())["event"] == "abcde"


def test_control_characters_of_outsiders_are_removed(log: io.StringIO) -> None:
    structlog.get_logger().info("a post", title="one\ntwo\x1b[31m\x9b")
    assert json.loads(log.getvalue())["title"] == "one two [31m "


def test_a_line_says_when_and_how_grave(log: io.StringIO) -> None:
    structlog.get_logger().warning("late")
    line = json.loads(log.getvalue())
    assert line["level"] == "warning"
    assert line["timestamp"].endswith("Z")


def test_what_is_not_worth_it_is_not_logged(log: io.StringIO) -> None:
    structlog.get_logger().debug("a detail")
    assert log.getvalue() == ""


def test_the_secrets_of_a_configuration_are_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LETTERBOX_TOKEN", SECRET)
    file = folder / "tocsin.toml"
    text = letterbox.CONFIGURATION.replace('name = "letters"', 'name = "letters"\ntoken = { env = "LETTERBOX_TOKEN" }')
    file.write_text(text)
    assert logs.secrets_of(load(file)) == [SECRET]
    monkeypatch.delenv("LETTERBOX_TOKEN")
    assert logs.secrets_of(load(file)) == []
