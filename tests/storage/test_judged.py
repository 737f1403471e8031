"""Posts count for detection when they were written; what a feed or front page shows late, when it was first seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from storage import ingest, posts
from storage.database import Database
from storage.ingest import Intake
from storage.records import Label, Mention, MentionedPost, Post, PostKind, Score

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def mentioned(name: str, written: datetime, seen: datetime | None, kind: PostKind) -> MentionedPost:
    post = Post("place", name, written, f"about us, {name}", kind, collected_at=seen)
    score = Score(0.0, Label.NEUTRAL, "test", "1")
    return MentionedPost(post, Mention("Norrvik", "place", name, 1.0), score, name)


def judged(database: Database, item: MentionedPost, since: datetime, until: datetime) -> list[str]:
    with database.write() as tx:
        ingest.write(tx, Intake(mentions=[item]))
    with database.read() as tx:
        return [found.post.external_id for found in posts.judged(tx, since, until)]


@pytest.mark.parametrize("kind", list(PostKind))
def test_what_is_seen_at_once_counts_when_it_was_written(database: Database, kind: PostKind) -> None:
    item = mentioned("p", NOW - timedelta(minutes=1), NOW, kind)
    assert judged(database, item, NOW - HOUR, NOW) == ["p"]
    assert judged(database, item, NOW, NOW + HOUR) == []


@pytest.mark.parametrize("kind", [PostKind.ARTICLE, PostKind.STORY])
def test_an_article_shown_hours_late_counts_when_it_was_first_seen(database: Database, kind: PostKind) -> None:
    item = mentioned("p", NOW - 5 * HOUR, NOW, kind)
    assert judged(database, item, NOW - 6 * HOUR, NOW) == []
    assert judged(database, item, NOW, NOW + HOUR) == ["p"]


def test_a_comment_that_comes_hours_late_counts_when_it_was_written(database: Database) -> None:
    item = mentioned("p", NOW - 5 * HOUR, NOW, PostKind.COMMENT)
    assert judged(database, item, NOW - 6 * HOUR, NOW) == ["p"]
    assert judged(database, item, NOW, NOW + HOUR) == []


def test_an_article_of_last_week_is_old_news_whenever_it_is_seen(database: Database) -> None:
    item = mentioned("p", NOW - timedelta(days=7), NOW, PostKind.ARTICLE)
    assert judged(database, item, NOW, NOW + HOUR) == []
    assert judged(database, item, NOW - timedelta(days=8), NOW) == ["p"]


def test_history_without_a_reading_time_counts_when_it_was_written(database: Database) -> None:
    assert judged(database, mentioned("p", NOW - 5 * HOUR, None, PostKind.ARTICLE), NOW - 6 * HOUR, NOW) == ["p"]


def test_a_post_is_counted_once_whatever_the_span(database: Database) -> None:
    item = mentioned("p", NOW - HOUR / 2, NOW, PostKind.ARTICLE)
    assert judged(database, item, NOW - HOUR, NOW + HOUR) == ["p"]


def test_what_is_read_company_by_company_counts_no_posts_of_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posts, "count", lambda *_: pytest.fail("all posts of the span were counted for one company"))
    at = NOW - timedelta(minutes=1)
    with database.write() as tx:
        ingest.write(tx, Intake(mentions=[mentioned("p", at, NOW, PostKind.POST)]))
    with database.read() as tx:
        assert len(posts.judged(tx, NOW - HOUR, NOW, ["Norrvik", "Sundelin"])) == 1
