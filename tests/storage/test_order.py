"""Whatever the order, batching and repetition of what is read, the database ends the same."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from storage import bins, posts
from storage.database import Database, Transaction
from storage.ingest import Intake, write
from storage.records import BIN_SECONDS, Engagement, EngagementSample, Label, Post, PostKind
from storage.schema import bin_, engagement_sample, mention, metadata, revision
from storage.schema import post as post_table
from tests.storage.examples import NOON, after, mentioned

minutes = st.sampled_from([0, 4, 5, 6, 600])
counts = st.none() | st.integers(0, 3)
engagements = st.builds(Engagement, likes=counts, shares=counts)


@st.composite
def readings(draw: st.DrawFn) -> Intake:
    """One reading of one of a few posts: edited or not, with or without mentions, perhaps only its engagement."""
    key = {"source": draw(st.sampled_from(["forum", "news"])), "external_id": draw(st.sampled_from("ab"))}
    if draw(st.integers(0, 4)) == 0:
        return Intake(samples=[EngagementSample(**key, at=after(minutes=draw(minutes)), engagement=draw(engagements))])
    read = Post(
        **key,
        created_at=after(minutes=draw(st.sampled_from([0, 0, 0, 7]))),
        text=draw(st.sampled_from(["Acme is late", "Acme is late", "Acme was late 迟到", "sorry"])),
        kind=draw(st.sampled_from([PostKind.POST, PostKind.REPOST])),
        author_reach=draw(st.sampled_from([None, 10, 20])),
        edited_at=draw(st.none() | minutes.map(lambda passed: after(minutes=passed))),
        collected_at=draw(st.none() | minutes.map(lambda passed: after(minutes=passed))),
        engagement=draw(engagements),
        brands=draw(st.sampled_from([(), ("Acme",), ("Bolt", "Acme")])),
    )
    brands = draw(st.lists(st.sampled_from(["Acme", "Bolt"]), unique=True, max_size=2))
    labels = st.sampled_from(list(Label))
    return Intake(posts=[read], mentions=[mentioned(read, brand, draw(labels)) for brand in brands])


def shuffled(pages: list[Intake], seed: int) -> list[Intake]:
    """The same readings in another order, some twice, in batches of other sizes."""
    chance = random.Random(seed)
    given_again = [*pages, *chance.choices(pages, k=2)]
    chance.shuffle(given_again)
    batches = []
    while given_again:
        size = chance.randint(1, 4)
        batches.append(joined(given_again[:size]))
        del given_again[:size]
    return batches


def joined(pages: list[Intake]) -> Intake:
    return Intake(
        posts=[post for page in pages for post in page.posts],
        mentions=[mentioned for page in pages for mentioned in page.mentions],
        samples=[sample for page in pages for sample in page.samples],
    )


def written(database: Database, pages: list[Intake]) -> dict[str, Any]:
    """Everything that the database holds after the pages were written into an empty one."""
    with database.write() as tx:
        empty(tx)
    for page in pages:
        with database.write() as tx:
            write(tx, page)
    with database.read() as tx:
        return content(tx)


def content(tx: Transaction) -> dict[str, Any]:
    names = {row.id: (row.source, row.external_id) for row in tx.execute(select(post_table))}
    found: dict[str, Any] = {}
    for table in (post_table, revision, mention, engagement_sample, bin_):
        rows = [dict(row) for row in tx.execute(select(table)).mappings()]
        for row in rows:
            row.pop("id", None)
            row["post"] = names.get(row.pop("post_id", None))
        found[table.name] = sorted(rows, key=repr)
    for word in ("late", "was", "迟", "sorry"):
        found[word] = sorted(names[number] for number in search(tx, word))
    return found


def search(tx: Transaction, word: str) -> list[int]:
    if tx.dialect.name == "sqlite":
        rows = tx.exec_driver_sql("SELECT rowid FROM post_search WHERE post_search MATCH ?", (word,))
    else:
        query = "SELECT post_id FROM post_search WHERE words @@ plainto_tsquery('simple', %s)"
        rows = tx.exec_driver_sql(query, (word,))
    return list(rows.scalars())


def empty(tx: Transaction) -> None:
    if tx.dialect.name == "sqlite":
        tx.exec_driver_sql("INSERT INTO post_search (post_search) VALUES ('delete-all')")
    for table in reversed(metadata.sorted_tables):
        tx.execute(table.delete())


def counted(tx: Transaction) -> Counter[tuple[str, str, datetime, str]]:
    """The bins as somebody would count them who has only the mentioned posts."""
    found: Counter[tuple[str, str, datetime, str]] = Counter()
    for each in posts.window(tx, NOON, after(days=1)):
        seconds = int(each.post.created_at.timestamp())
        start = datetime.fromtimestamp(seconds - seconds % BIN_SECONDS, tz=NOON.tzinfo)
        of_bin = (each.mention.brand, each.post.source, start)
        found[(*of_bin, "posts")] += 1
        found[(*of_bin, "reach")] += each.post.author_reach or 0
        found[(*of_bin, "reposts")] += each.post.kind is PostKind.REPOST
        found[(*of_bin, str(each.score.label))] += 1
    return found


def stored_counts(tx: Transaction) -> Counter[tuple[str, str, datetime, str]]:
    found: Counter[tuple[str, str, datetime, str]] = Counter()
    for brand in ("Acme", "Bolt"):
        for each in bins.series(tx, brand, NOON, after(days=1)):
            neutral = each.posts - each.negative - each.positive - each.unscored
            for name in ("posts", "reach", "reposts", "negative", "positive", "unscored"):
                found[(brand, each.source, each.start, name)] = getattr(each, name)
            found[(brand, each.source, each.start, "neutral")] = neutral
    return found


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    for name in one:
        assert one[name] == other[name], name


some_readings = st.lists(readings(), min_size=1, max_size=9)
seeds = st.integers(0, 2**16)
on_one_database = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(pages=some_readings, seed=seeds)
@settings(on_one_database, max_examples=150)
def test_order_batching_and_repetition_change_nothing(memory: Database, pages: list[Intake], seed: int) -> None:
    assert_same(written(memory, pages), written(memory, shuffled(pages, seed)))


@given(pages=some_readings)
@settings(on_one_database, max_examples=100)
def test_bins_are_the_counts_of_the_mentions_stored(memory: Database, pages: list[Intake]) -> None:
    written(memory, pages)
    with memory.read() as tx:
        assert +stored_counts(tx) == +counted(tx)


@pytest.mark.postgresql
@given(pages=some_readings, seed=seeds)
@settings(on_one_database, max_examples=12)
def test_order_changes_nothing_on_postgresql_either(postgresql_url: str, pages: list[Intake], seed: int) -> None:
    with Database.open(postgresql_url) as database:
        assert_same(written(database, pages), written(database, shuffled(pages, seed)))
        with database.read() as tx:
            assert +stored_counts(tx) == +counted(tx)


@pytest.mark.postgresql
@given(pages=some_readings)
@settings(on_one_database, max_examples=8)
def test_both_engines_end_with_the_same(postgresql_url: str, memory: Database, pages: list[Intake]) -> None:
    with Database.open(postgresql_url) as database:
        assert_same(written(memory, pages), written(database, pages))


@pytest.fixture(name="memory", scope="module")
def _memory() -> Iterator[Database]:
    with Database.open("sqlite://") as opened:
        yield opened
