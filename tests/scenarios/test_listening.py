"""The running program listens: what a platform tells is stored long before the source's turn, breaks lose nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.settings import Settings
from monitor.app import App
from storage import gaps, posts, runs
from storage.records import Gap, RunOutcome
from tests.servers.mastodon_api import TOKEN, MastodonServer, Toot
from tests.waiting import PATIENCE, wait_for


def settings(server: MastodonServer, folder: Path) -> Settings:
    """A source whose turn comes once an hour."""
    source = {
        "type": "mastodon",
        "every": "1h",
        "instance": server.url,
        "access_token": {"env": "MASTODON_TOKEN"},
        "stream": "public",
    }
    return Settings.model_validate(
        {
            "brands": [{"name": "Norrvik"}],
            "database": {"url": f"sqlite:///{folder}/tocsin.db"},
            "sources": [source],
        }
    )


def test_what_is_told_is_stored_before_the_turn_and_taken_back_and_what_a_break_swallowed_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MASTODON_TOKEN", TOKEN)
    with MastodonServer(lambda: datetime.now(UTC)) as server:
        program = App(settings(server, tmp_path))
        had: set[str] = set()

        def say(text: str, *, told: bool) -> None:
            number = 1000 + len(had)
            had.add(str(number))
            server.toots[number] = Toot(number, datetime.now(UTC), text)
            if told:
                server.tell(server.toots[number])

        def stored() -> set[str]:
            with program.database.read() as tx:
                found = posts.window(tx, datetime(2026, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
            return {each.post.external_id for each in found}

        def found(words: str) -> set[str]:
            with program.database.read() as tx:
                return {each.post.external_id for each in posts.search(tx, words)}

        def read_to_the_end() -> bool:
            with program.database.read() as tx:
                return any(run.outcome is RunOutcome.COMPLETE for run in runs.recent(tx, "mastodon"))

        def broken() -> list[Gap]:
            with program.database.read() as tx:
                known = gaps.between(tx, datetime(2026, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
            return [gap for gap in known if gap.reason.startswith("the stream broke off")]

        program.start()
        try:
            server.feed.joined.get(timeout=PATIENCE)
            wait_for(read_to_the_end)
            say("Norrvik phones burn", told=True)
            wait_for(lambda: stored() == had)
            say("Norrvik, while nobody listened", told=False)
            server.feed.hang_up()
            server.feed.joined.get(timeout=PATIENCE)
            say("Norrvik again", told=True)
            wait_for(lambda: stored() == had)
            wait_for(lambda: [gap.filled_at is not None for gap in broken()] == [True])
            server.take_back(1000)
            wait_for(lambda: stored() == had - {"1000"})
            assert found("phones") == set()
            assert found("again") == {"1002"}
        finally:
            program.stop()
