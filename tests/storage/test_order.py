"""Whatever the order, batching and repetition of what is read, the database ends the same."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from storage import bins, erasure, incidents, posts, stored_days
from storage.database import Database, Transaction
from storage.ingest import Intake, write
from storage.records import BIN_SECONDS, Engagement, EngagementSample, Label, PostKind
from storage.schema import bin_, bin_day, engagement_sample, mention, metadata, revision
from storage.schema import post as post_table
from tests.storage.examples import NOON, after, incident, mentioned, post

minutes = st.integers(0, 4)
counts = st.none() | st.integers(0, 3)
engagements = st.builds(Engagement, likes=counts, shares=counts)
labels = st.sampled_from([Label.NEGATIVE, Label.NEUTRAL, Label.UNSCORED])


@st.composite
def engagement_readings(draw: st.DrawFn) -> Intake:
    """The engagement of a post, known or not, at one of a few moments."""
    name = draw(st.sampled_from("ab"))
    at = after(minutes=draw(st.sampled_from([0, 3])))
    return Intake(samples=[EngagementSample("forum", name, at=at, engagement=draw(engagements))])


@st.composite
def rewordings(draw: st.DrawFn) -> Intake:
    """A post that is worded and judged anew again and again; nothing else about it changes."""
    text = draw(st.sampled_from(["Acme is late", "Acme was late 迟到", "sorry"]))
    reach = draw(st.sampled_from([10, 20]))
    read = post("a", text=text, author_reach=reach, collected_at=after(minutes=draw(minutes)))
    brands = draw(st.sampled_from([("Acme",), ("Acme", "Bolt"), ()]))
    return Intake(posts=[read], mentions=[mentioned(read, brand, draw(labels)) for brand in brands])


@st.composite
def any_readings(draw: st.DrawFn) -> Intake:
    """A reading in which anything may differ from the last."""
    times = st.none() | minutes.map(lambda passed: after(minutes=passed))
    read = post(
        draw(st.sampled_from("ab")),
        source=draw(st.sampled_from(["forum", "news"])),
        created_at=after(minutes=draw(st.sampled_from([0, 0, 0, 7]))),
        text=draw(st.sampled_from(["Acme is late", "sorry"])),
        kind=draw(st.sampled_from([PostKind.POST, PostKind.REPOST])),
        author_reach=draw(st.sampled_from([None, 10, 20])),
        edited_at=draw(times),
        collected_at=draw(times),
        engagement=draw(engagements),
        brands=draw(st.sampled_from([(), ("Acme",), ("Bolt", "Acme")])),
    )
    brands = draw(st.lists(st.sampled_from(["Acme", "Bolt"]), unique=True, max_size=2))
    return Intake(posts=[read], mentions=[mentioned(read, brand, draw(labels)) for brand in brands])


def shuffled(pages: list[Intake], chance: random.Random) -> list[Intake]:
    """The same readings in another order, some twice, in batches of other sizes."""
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
        posts=[each for page in pages for each in page.posts],
        mentions=[each for page in pages for each in page.mentions],
        samples=[each for page in pages for each in page.samples],
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
    for table in (post_table, revision, mention, engagement_sample, bin_, bin_day):
        rows = [dict(row) for row in tx.execute(select(table)).mappings()]
        for row in rows:
            row.pop("id", None)
            row["post"] = names.get(row.pop("post_id", None))
        found[table.name] = sorted(rows, key=repr)
    for word in ("late", "was", "迟", "sorry"):
        found[word] = sorted(names[number] for number in search(tx, word))
    return found


def summed(tx: Transaction) -> Counter[tuple[str, str, datetime, str]]:
    """The bins, summed up by day."""
    found: Counter[tuple[str, str, datetime, str]] = Counter()
    for row in tx.execute(select(bin_)).mappings():
        day = row["start"].replace(hour=0, minute=0)
        found.update({(row["brand"], row["source"], day, name): row[name] for name in COUNTS})
    return +found


def stored_sums(tx: Transaction) -> Counter[tuple[str, str, datetime, str]]:
    rows = tx.execute(select(bin_day)).mappings()
    return +Counter({(row["brand"], row["source"], row["start"], name): row[name] for row in rows for name in COUNTS})


COUNTS = ("posts", "negative", "positive", "unscored", "reposts", "reach")


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
    for name, rows in one.items():
        assert rows == other[name], name


some_readings = st.one_of(
    st.lists(rewordings(), min_size=2, max_size=5),
    st.lists(engagement_readings() | any_readings(), min_size=1, max_size=8),
)
chances = st.randoms(use_true_random=False)
on_one_database = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(pages=some_readings, chance=chances)
@settings(on_one_database, max_examples=75)
def test_order_batching_and_repetition_change_nothing(
    memory: Database, pages: list[Intake], chance: random.Random
) -> None:
    assert_same(written(memory, pages), written(memory, shuffled(pages, chance)))


@given(pages=some_readings)
@settings(on_one_database, max_examples=60)
def test_bins_are_the_counts_of_the_mentions_stored(memory: Database, pages: list[Intake]) -> None:
    written(memory, pages)
    with memory.read() as tx:
        assert +stored_counts(tx) == +counted(tx)
        assert stored_sums(tx) == summed(tx)


@given(pages=some_readings)
@settings(on_one_database, max_examples=30)
def test_every_post_has_its_number_among_those_of_its_day(memory: Database, pages: list[Intake]) -> None:
    written(memory, pages)
    with memory.read() as tx:
        assert_within_their_days(tx)


def assert_within_their_days(tx: Transaction) -> None:
    for row in tx.execute(select(post_table.c.id, post_table.c.source, post_table.c.created_at)).all():
        until = row.created_at + timedelta(minutes=1)
        first, last = stored_days.numbers(tx, row.created_at, until, row.source) or (0, 0)
        assert first <= row.id <= last


@given(pages=some_readings, later=some_readings, before=st.sampled_from([after(minutes=5), after(days=2)]))
@settings(on_one_database, max_examples=40)
def test_what_is_old_goes_whenever_it_was_stored(
    memory: Database, pages: list[Intake], later: list[Intake], before: datetime
) -> None:
    written(memory, pages)
    kept = ("forum", "a")
    with memory.write() as tx:
        incidents.insert(tx, incident(origin=kept))
        for given_then in ([], later):
            for page in given_then:
                write(tx, page)
            columns = post_table.c
            stored = tx.execute(select(columns.source, columns.external_id, columns.created_at)).all()
            for source in ("forum", "news"):
                while erasure.prune(tx, source, before, limit=1):
                    pass
            left = {tuple(row) for row in tx.execute(select(columns.source, columns.external_id))}
            assert left == {row[:2] for row in stored if row.created_at >= before or row[:2] == kept}
            assert_within_their_days(tx)


@pytest.mark.postgresql
@given(pages=some_readings, chance=chances)
@settings(on_one_database, max_examples=12)
def test_order_changes_nothing_on_postgresql_either(
    postgresql_url: str, pages: list[Intake], chance: random.Random
) -> None:
    with Database.open(postgresql_url) as database:
        assert_same(written(database, pages), written(database, shuffled(pages, chance)))
        with database.read() as tx:
            assert +stored_counts(tx) == +counted(tx)
            assert stored_sums(tx) == summed(tx)


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
