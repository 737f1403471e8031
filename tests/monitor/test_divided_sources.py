"""A source divided by brand: each part asks for its own brands, and what both find is one voice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config.settings import Settings
from monitor.assembly import assemble, build_collector
from monitor.pipeline import Batch
from monitor.voices import Role, VoiceFold
from storage import posts
from storage.database import Database
from storage.records import Post

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def divided(options: dict[str, Any]) -> list[Any]:
    """The collectors of a source that is read for one brand here and for two there."""
    sources = [
        {"name": "phones", "brands": ["Norrvik", "Tallwind"], **options},
        {"name": "foods", "brands": ["Brandal"], **options},
    ]
    brands = [{"name": name} for name in ("Norrvik", "Tallwind", "Brandal")]
    settings = Settings.model_validate({"brands": brands, "sources": sources})
    return [build_collector(source, settings, lambda: NOON) for source in settings.sources]


def test_queries_and_rules_of_x_are_of_the_brands_of_each_part() -> None:
    phones, foods = divided({"type": "twitter", "bearer_token": {"env": "X_TOKEN"}, "stream": True})
    assert phones._rules == phones._queries == ["(Norrvik OR Tallwind) -is:retweet"]
    assert foods._rules == foods._queries == ["(Brandal) -is:retweet"]
    assert not phones._the_line()._rules.keys() & foods._the_line()._rules.keys(), "each keeps its own in step"


def test_each_part_picks_its_own_brands_out_of_the_network() -> None:
    access = {"identifier": "norrvik.example", "app_password": {"env": "BLUESKY"}}
    phones, foods = divided({"type": "bluesky", "stream": True, **access})
    assert phones._connections[0]._named.pattern != foods._connections[0]._named.pattern
    assert phones._connections[0]._named.search("My Tallwind melted")
    assert not phones._connections[0]._named.search("My Brandal is mouldy")
    assert foods._connections[0]._named.search("My Brandal is mouldy")


@pytest.mark.parametrize("brand", ["Norrvik", "Brandal"])
def test_a_post_that_both_parts_find_is_two_posts_and_one_voice(sqlite_database: Database, brand: str) -> None:
    settings = Settings.model_validate({"brands": [{"name": "Norrvik"}, {"name": "Brandal"}]})
    pipeline = assemble(settings, sqlite_database)
    for part in ("phones", "foods"):
        found = Post(part, "1", NOON, "Norrvik and Brandal are both a disgrace", author="lena")
        pipeline.ingest(Batch([found]))
    with sqlite_database.read() as tx:
        told = [item for item in posts.window(tx, NOON - HOUR, NOON + HOUR) if item.mention.brand == brand]
    assert sorted(item.post.source for item in told) == ["foods", "phones"]
    assert [heard.role for heard in VoiceFold().hear(told)] == [Role.VOICE, Role.COPY]
