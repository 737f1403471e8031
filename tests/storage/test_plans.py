"""Questions that are asked all the time are answered from an index, however long the history."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from storage import (
    bins,
    erasure,
    incidents,
    ingest,
    outbox,
    post_rows,
    posts,
    pulse,
    rejudging,
    remarks,
    samples,
    schedule,
    search,
    threads,
)
from storage.database import Database, Transaction
from storage.ingest import Intake
from tests.storage.examples import NOON, after, post

HOUR = after(hours=1)
KEYS = [("forum", "1"), ("news", "2")]

QUESTIONS: dict[str, Callable[[Transaction], Any]] = {
    "what a tick judges": lambda tx: posts.judged(tx, NOON, HOUR),
    "a window": lambda tx: posts.window(tx, NOON, HOUR),
    "a brand's window": lambda tx: posts.window(tx, NOON, HOUR, "Acme"),
    "a brand's bins": lambda tx: bins.series(tx, "Acme", NOON, HOUR),
    "samples": lambda tx: posts.samples(tx, NOON, HOUR),
    "samples of posts": lambda tx: samples.of_posts(tx, KEYS),
    "engagement as it was": lambda tx: samples.counted_at(tx, KEYS, HOUR),
    "posts by name": lambda tx: posts.get(tx, KEYS),
    "states of posts": lambda tx: post_rows.load(tx, KEYS),
    "a thread": lambda tx: posts.thread(tx, "forum", "1"),
    "what was answered": lambda tx: threads.answered(tx, KEYS),
    "brands of posts": lambda tx: threads.brands_of(tx, KEYS),
    "replies that do not count": lambda tx: threads.replies_without(tx, ("forum", "1"), "Acme"),
    "replies of threads": lambda tx: threads.replies(tx, KEYS),
    "a page of history": lambda tx: rejudging.page(tx, rejudging.Position(NOON, 1), until=HOUR, limit=5),
    "a page of newest posts": lambda tx: rejudging.page(tx, rejudging.Position(HOUR, 1), since=NOON, newest_first=True),
    "the ends of history": lambda tx: (posts.earliest(tx), posts.latest(tx)),
    "posts with words": lambda tx: posts.search(tx, "parcel late", brand="Acme"),
    "posts with words in a span": lambda tx: posts.search(tx, "parcel late", since=NOON, until=HOUR),
    "posts of an author": lambda tx: posts.search(tx, author="ann", brand="Acme"),
    "posts of accounts that are gone": lambda tx: posts.by_authors(tx, "forum", {"ann", "bob"}),
    "posts of whoever asks to be forgotten": lambda tx: erasure.posts_of(tx, "ann", "forum"),
    "a brand's pulse": lambda tx: pulse.pulse(tx, "Acme", NOON, HOUR, timedelta(minutes=5)),
    "a brand's months": lambda tx: pulse.total(tx, "Acme", NOON, after(days=90)),
    "many brands' counts": lambda tx: pulse.brands_counted(tx, ["Acme", "Bolt"], NOON, after(days=9)),
    "who speaks of a brand": lambda tx: pulse.voices(tx, "Acme", NOON, HOUR),
    "a brand's newest": lambda tx: remarks.newest(tx, NOON, HOUR, "Acme", 5),
    "posts of a brand": lambda tx: posts.search(tx, brand="Acme", since=NOON),
    "live incidents": incidents.live,
    "an incident by fingerprint": lambda tx: incidents.by_fingerprint(tx, "f"),
    "recent incidents": lambda tx: incidents.recent(tx, since=NOON),
    "a claim": lambda tx: outbox.claim(tx, NOON, "one", timedelta(seconds=30)),
    "unfinished deliveries": outbox.unfinished,
    "an incident's deliveries": lambda tx: outbox.history(tx, "i1"),
    "due sources": lambda tx: schedule.due(tx, NOON),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_frequent_question_reads_no_table_from_end_to_end(sqlite_database: Database, name: str) -> None:
    plans = _plans(sqlite_database, QUESTIONS[name])
    scans = [step for step in plans if step.startswith("SCAN") and "VIRTUAL TABLE" not in step]
    scans = [step for step in scans if not step.startswith(("SCAN anon_", "SCAN found"))]  # what another step has found
    assert plans
    assert [step for step in scans if "USING INDEX" not in step and "CONSTANT ROW" not in step] == []
    assert [step for step in plans if "ix_post_created_at (created_at<?)" in step] == []
    assert [step for step in plans if step.endswith("sqlite_autoindex_post_1 (source=?)")] == []


@pytest.mark.parametrize(("near", "is_sorted"), [(1, False), (0, True)])
def test_all_posts_of_a_source_are_sorted_only_where_too_few_of_the_newest_posts_are_of_it(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, near: int, is_sorted: bool
) -> None:
    two = [post("old"), post("new", created_at=HOUR), post("later", source="news", created_at=after(days=3))]
    with sqlite_database.write() as tx:
        ingest.write(tx, Intake(posts=two))
    monkeypatch.setattr(search, "NEAR", near)
    found: list[list[search.Found]] = []
    plans = _plans(sqlite_database, lambda tx: found.append(posts.search(tx, source="forum", limit=2)))
    assert [one.post.external_id for one in found[0]] == ["new", "old"]
    assert ("USE TEMP B-TREE FOR ORDER BY" in plans) is is_sorted


def test_whether_posts_were_erased_is_asked_by_their_names(sqlite_database: Database) -> None:
    with sqlite_database.write() as tx:
        erasure.erase(tx, KEYS, NOON, "asked")
    plans = _plans(sqlite_database, lambda tx: post_rows.erased(tx, KEYS))
    assert "SEARCH erased USING PRIMARY KEY (source=? AND external_id=?)" in plans


def test_what_is_old_of_a_source_is_found_along_the_time(sqlite_database: Database) -> None:
    with sqlite_database.write() as tx:
        ingest.write(tx, Intake(posts=[post("1"), post("2", created_at=after(days=1)), post("3", source="news")]))
    plans = _plans(sqlite_database, lambda tx: erasure.prune(tx, "forum", after(days=2)))
    assert "SEARCH post USING INDEX ix_post_created_at (created_at>? AND created_at<?)" in plans
    assert [step for step in plans if "TEMP B-TREE" in step or step.startswith("SCAN post")] == []
    assert [step for step in plans if step.endswith("sqlite_autoindex_post_1 (source=?)")] == []


def _plans(database: Database, ask: Callable[[Transaction], Any]) -> list[str]:
    """The steps by which SQLite answers."""
    plans: list[str] = []

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "WITH")):
            rows = connection.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[3] for row in rows)

    event.listen(database.engine, "before_cursor_execute", explain)
    with database.write() as tx:
        ask(tx)
    return plans
