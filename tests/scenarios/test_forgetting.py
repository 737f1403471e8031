"""Somebody who was quoted in a page asks to be forgotten: nothing of them is left, in any file or message."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from alerts.outbox import Sender, build_channels
from config.load import load
from monitor.assembly import assemble
from monitor.cli import settings as cli_settings
from monitor.cli.program import app
from storage import incidents, posts
from storage.database import Database
from storage.records import Post
from tests.alerts.desk import Inline
from tests.scenarios.days import END, bad_day, give
from tests.servers.slack import TOKEN, slack_server

CONFIGURATION = """
[database]
url = "sqlite:///tocsin.db"
[understanding]
languages = ["en", "es", "de"]
[[brands]]
name = "Norrvik Mobile"
aliases = ["Norrvik"]
handles = ["@norrvik"]
[[sources]]
type = "hackernews"
[[channels]]
type = "slack"
name = "room"
token = {{ env = "SLACK_TOKEN" }}
channels = ["C0ROOM"]
base_url = "{slack}"
[[routes]]
channels = ["room"]
"""


def quoted(found: list[Post], told: str) -> list[Post]:
    """Posts of which a telling piece stands in what people were told, by somebody of whom nobody else speaks."""
    words = " ".join(post.text for post in found)
    quotes = [post for post in found if len(post.text) > 40 and post.text[:40] in told]
    return [post for post in quotes if post.author and post.author not in words]


def test_whoever_is_quoted_and_asks_is_forgotten_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_TOKEN", TOKEN)
    monkeypatch.chdir(tmp_path)
    with slack_server() as slack:
        file = tmp_path / "tocsin.toml"
        file.write_text(CONFIGURATION.format(slack=slack.url))
        settings = load(file)
        with Database.open(settings.database.resolved_url()) as database:
            pipeline = assemble(settings, database)
            give(pipeline, bad_day())
            pipeline.advance(END, early=True)
            sender = Sender(
                database, build_channels(settings, lambda: END), clock=lambda: END, owner="one", executor=Inline()
            )
            sender.run_once()
            told = str([message.shown(metadata=False) for message in slack.roots()])
            with database.read() as tx:
                (incident,) = incidents.recent(tx)
                known = [item.post for item in posts.window(tx, incident.began_at, END)]
            somebody = quoted(known, told)[0]
            monkeypatch.setattr(cli_settings, "now", lambda: END)
            result = CliRunner().invoke(app, ["db", "forget", str(somebody.author), "--yes"])
            assert result.exit_code == 0, result.output
            assert "being changed: room C0ROOM" in result.output
            sender.run_once()
        shown = str([message.shown(metadata=False) for message in slack.roots()])
        assert somebody.text[:40] not in shown
        assert len(slack.roots()) == 1
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.name.startswith("tocsin.db"))
    assert somebody.text[:40].encode() not in left
    assert str(somebody.author).encode() not in left
