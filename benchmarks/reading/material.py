"""A database of many made posts, filled by the engine itself: a few statements, not a post at a time.

What is stored is what `storage.ingest` would have stored: posts with their mentions and bins, readings of engagement,
and the index of words. Brands and authors are as unequal as in life (the largest of 200 brands has a sixth of all), one
post in two stands in a thread, and words follow Zipf's law. Everything follows from the number of the post, so that any
two databases of one size are the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

from benchmarks.speed.material import names
from config.settings import Settings
from storage import incidents, search_index
from storage.columns import to_micros
from storage.database import Database, Transaction
from storage.records import Incident, IncidentState, PostKey, Severity, Signal
from storage.schema import metadata

END = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAYS = 90
BEGIN = END - timedelta(days=DAYS)
BRANDS = 200
SOURCES = ("forum", "news", "reddit", "twitter", "youtube")
INCIDENT = "01MADE"
GROUP = 10
"""Posts in a row that are of one source and brand: a root, four replies, and five that stand alone."""
TEXTS = 20_000
VOCABULARY = 20_000
AUTHORS = 400_000
RARE = 100_000
"""One word in so many posts is shared by those alone."""
_ROLLS = 1_000_003


@dataclass(frozen=True, slots=True)
class Words:
    """Words to search for, by how many of the posts have them."""

    common: str
    frequent: str
    seldom: str
    rare: str


def settings() -> Settings:
    """The brands, the largest first."""
    tables = [{"name": name} for name in brands()]
    sources = [{"type": "files", "name": name, "paths": ["nowhere.jsonl"]} for name in SOURCES]
    return Settings.model_validate({"brands": tables, "sources": sources})


def brands() -> list[str]:
    """Names of the brands, the largest first."""
    return names(BRANDS)


def fill(database: Database, posts: int) -> None:
    """Store that many posts; the database is empty before."""
    with database.write() as tx:
        _tables(tx)
        for statement in (_POSTS, _MENTIONS, _SAMPLES, _BINS, _BIN_DAYS, _DAYS):
            tx.exec_driver_sql(_spelled(tx, statement, posts))
        tx.exec_driver_sql(_spelled(tx, _index(tx), posts))
        _drop(tx)
        if tx.dialect.name == "postgresql":
            tx.exec_driver_sql(f"SELECT setval('post_id', {posts})")
    if database.engine.dialect.name != "sqlite":  # which has no statistics in an installation either
        database.run_outside_transactions(["VACUUM ANALYZE"])
    _add_incident(database, posts)


def clear(database: Database) -> None:
    """Take everything out again."""
    with database.write() as tx:
        names = ", ".join(table.name for table in metadata.sorted_tables)
        tx.exec_driver_sql(f"TRUNCATE {names}, post_search")


def is_filled(database: Database) -> bool:
    """Whether it was filled before."""
    with database.read() as tx:
        return incidents.get(tx, INCIDENT) is not None


def incident(posts: int) -> Incident:
    """An incident of the largest brand that began six hours ago, resting on the newest thread."""
    brand, began_at = brands()[0], END - timedelta(hours=6)
    key = root_of_the_largest_thread(posts)
    return Incident(
        id=INCIDENT,
        brand=brand,
        fingerprint="made",
        state=IncidentState.OPEN,
        severity=Severity.CRITICAL,
        headline="Many are angry",
        began_at=began_at,
        opened_at=began_at + timedelta(minutes=20),
        updated_at=END - timedelta(minutes=5),
        origin=key,
        sources=SOURCES[:1],
        evidence=(key,),
    )


def _add_incident(database: Database, posts: int) -> None:
    found = incident(posts)
    window = (found.began_at - timedelta(hours=1), found.began_at)
    signal = Signal(found.brand, "backlash", "1", found.began_at, *window, 90, 10, 3, 17, 4.0, Severity.CRITICAL)
    with database.write() as tx:
        incidents.insert(tx, found)
        incidents.add_signals(tx, found.id, [signal])


def root_of_the_largest_thread(posts: int) -> PostKey:
    """The thread that five hundred of the newest posts stand in (fewer in a small database)."""
    return (SOURCES[0], str(_first_of_the_thread(posts)))


def words() -> Words:
    """Words of four frequencies."""
    vocabulary = _vocabulary()
    return Words(vocabulary[3], vocabulary[80], vocabulary[8_000], "c4711")


def _first_of_the_thread(posts: int) -> int:
    first = max(1, posts - 5_000)
    return first - first % (GROUP * len(SOURCES))  # number 0 of a group of the first source


def _tables(tx: Transaction) -> None:
    tx.exec_driver_sql("CREATE TEMPORARY TABLE made_text (number INTEGER PRIMARY KEY, words TEXT, searched TEXT)")
    tx.exec_driver_sql("CREATE TEMPORARY TABLE made_brand (number INTEGER PRIMARY KEY, name TEXT)")
    mark = "?" if tx.dialect.name == "sqlite" else "%s"
    rows = [(number, said, search_index.separated(said)) for number, said in enumerate(texts())]
    tx.exec_driver_sql(f"INSERT INTO made_text VALUES ({mark}, {mark}, {mark})", rows)  # noqa: S608
    tx.exec_driver_sql(f"INSERT INTO made_brand VALUES ({mark}, {mark})", list(enumerate(shares())))  # noqa: S608


def _drop(tx: Transaction) -> None:
    tx.exec_driver_sql("DROP TABLE made_text")
    tx.exec_driver_sql("DROP TABLE made_brand")


def shares() -> Iterator[str]:
    """A thousand places, shared out among the brands by Zipf's law."""
    weights = [1 / rank for rank in range(1, BRANDS + 1)]
    draw = random.Random(11)  # noqa: S311 - made posts, not secrets
    yield from draw.choices(brands(), weights, k=1_000)


def _vocabulary() -> Sequence[str]:
    draw, made = random.Random(13), dict[str, None]()  # noqa: S311
    while len(made) < VOCABULARY:
        made["".join(draw.choice("bdfgklmnprstvz") + draw.choice("aeiou") for _ in range(draw.choice((2, 3, 4))))] = (
            None
        )
    return list(made)


def texts() -> Iterator[str]:
    draw, vocabulary = random.Random(17), _vocabulary()  # noqa: S311
    weights = list(accumulate(1 / (rank + 2) for rank in range(VOCABULARY)))
    for _ in range(TEXTS):
        yield " ".join(draw.choices(vocabulary, cum_weights=weights, k=draw.randrange(6, 40)))


def _spelled(tx: Transaction, statement: str, posts: int) -> str:
    """The statement in the words of the engine."""
    on_sqlite = tx.dialect.name == "sqlite"
    numbers = (
        f"(WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < {posts - 1}) SELECT n FROM n) AS n"  # noqa: S608
        if on_sqlite
        else f"generate_series(0, {posts - 1}::bigint) AS n(n)"
    )
    first = _first_of_the_thread(posts)
    begin, step = to_micros(BEGIN), DAYS * 86_400_000_000 // posts
    filled = statement.format(
        numbers=numbers,
        at=_moment(f"({begin} + n * {step})", on_sqlite=on_sqlite),
        later=_moment(f"({begin} + n * {step} + 60000000)", on_sqlite=on_sqlite),
        slot=_floored("m.created_at", "5 minutes", on_sqlite=on_sqlite),
        bin_day=_floored("start", "1 day", on_sqlite=on_sqlite),
        day=_floored("created_at", "1 day", on_sqlite=on_sqlite),
        group=f"(n / {GROUP})",
        source=_chosen("n / 10 % 5", SOURCES),
        is_late=f"(n > {first} AND n % 50 IN (5, 6, 7, 8, 9))",
        first=first,
        text=_roll("n", 4, TEXTS),
        author=f"({_roll('n', 2, AUTHORS)} * {_roll('n', 3, _ROLLS)} / {_ROLLS})",
        brand=f"CASE WHEN n >= {first} AND n % 50 < 10 THEN 0 ELSE {_roll(f'(n / {GROUP})', 1, 1_000)} END",
        likes=_roll("n", 5, 50),
        rolled=_roll("n", 6, 10),
        rare=_roll("n", 7, RARE),
        largest=brands()[0],
        empty="'[]'" if on_sqlite else "'[]'::jsonb",
        text_of="CAST({} AS TEXT)",
    )
    return filled.replace("%", "%%") if not on_sqlite else filled


def _roll(number: str, salt: int, sides: int) -> str:
    """A number that looks like chance and is the same on both engines."""
    return f"(({number} * 2654435761 + {salt} * 40503001) % {_ROLLS} * 7919 % {_ROLLS} % {sides})"


def _chosen(number: str, words: Sequence[str]) -> str:
    cases = " ".join(f"WHEN {place} THEN '{word}'" for place, word in enumerate(words))
    return f"CASE {number} {cases} END"


def _moment(micros: str, *, on_sqlite: bool) -> str:
    return micros if on_sqlite else f"(timestamptz 'epoch' + {micros} * interval '1 microsecond')"


_SPANS = {"5 minutes": 300_000_000, "1 day": 86_400_000_000}


def _floored(column: str, span: str, *, on_sqlite: bool) -> str:
    if on_sqlite:
        return f"{column} / {_SPANS[span]} * {_SPANS[span]}"
    return f"date_bin('{span}', {column}, timestamptz 'epoch')"


_POSTS = """
INSERT INTO post (id, source, external_id, kind, thread_id, parent_id, url, author, author_name, author_reach, title,
  text, created_at, collected_at, read_at, engagement_at, likes, replies, brands)
SELECT n + 1, {source}, CAST(n AS TEXT),
  CASE WHEN n % 10 BETWEEN 1 AND 4 OR {is_late} THEN 'reply' WHEN n / 10 % 5 = 1 AND n % 10 = 9 THEN 'article'
    ELSE 'post' END,
  CAST(CASE WHEN {is_late} THEN {first} WHEN n % 10 <= 4 THEN n - n % 10 ELSE n END AS TEXT),
  CASE WHEN {is_late} THEN CAST({first} AS TEXT) WHEN n % 10 BETWEEN 1 AND 4 THEN CAST(n - n % 10 AS TEXT) END,
  'https://example.org/' || n, 'a' || {author}, 'Name ' || {author}, {author} * 7 % 50000, '',
  t.words || ' c' || {rare},
  {at}, {later}, {later}, {later}, {likes}, 0, {empty}
FROM {numbers} JOIN made_text AS t ON t.number = {text}
"""
_MENTIONS = """
INSERT INTO mention (post_id, brand, created_at, relevance, matched, reason, compound, label, scorer, scorer_version,
  uncertainty, content_key, kinds, version_at, read_at)
SELECT n + 1, b.name, {at}, 0.9, {empty}, 'named', ({rolled} - 5) / 5.0,
  CASE WHEN {rolled} < 3 THEN 'negative' WHEN {rolled} < 6 THEN 'neutral' WHEN {rolled} < 9 THEN 'positive'
    ELSE 'unscored' END,
  'made', '1', 0.2, 'k' || {text}, {empty}, {at}, {later}
FROM {numbers} JOIN made_brand AS b ON b.number = {brand}
"""
# The newest count stands with its post (docs/decisions/0183): only of threads that were read again there are others.
_SAMPLES = """
INSERT INTO engagement_sample (source, external_id, at, likes, replies)
SELECT {source}, CAST(n AS TEXT), {at}, {likes}, 0 FROM {numbers} WHERE n % 10 = 0
"""
_BINS = """
INSERT INTO bin (brand, start, source, posts, negative, positive, unscored, reposts, reach)
SELECT m.brand, {slot}, p.source, count(*), sum(CASE WHEN m.label = 'negative' THEN 1 ELSE 0 END),
  sum(CASE WHEN m.label = 'positive' THEN 1 ELSE 0 END), sum(CASE WHEN m.label = 'unscored' THEN 1 ELSE 0 END), 0,
  sum(p.author_reach)
FROM mention AS m JOIN post AS p ON p.id = m.post_id GROUP BY 1, 2, 3
"""
_BIN_DAYS = """
INSERT INTO bin_day (brand, start, source, posts, negative, positive, unscored, reposts, reach)
SELECT brand, {bin_day}, source, sum(posts), sum(negative), sum(positive), sum(unscored), sum(reposts), sum(reach)
FROM bin GROUP BY 1, 2, 3
"""
_DAYS = """
INSERT INTO stored_day (source, day, first_id, last_id)
SELECT source, {day}, min(id), max(id) FROM post GROUP BY 1, 2
"""


def _index(tx: Transaction) -> str:
    words, number, author, name = "t.searched || ' c' || {rare}", "rowid", "'a' || {author}", "'Name ' || {author}"
    if tx.dialect.name == "postgresql":
        digits = "left(encode(sha256(convert_to({0}, 'UTF8')), 'hex'), 12)".format
        who = f"array_to_tsvector(ARRAY['\ue000' || {digits(author)}, '\ue001' || {digits(name)}])"
        words, number = f"to_tsvector('simple', {words}) || {who}", "post_id"
    else:
        raw: Any = tx.connection.driver_connection
        raw.create_function("author_words", 2, search_index.author_words, deterministic=True)
        words += f" || ' ' || author_words({author}, {name})"
    return (
        f"INSERT INTO post_search ({number}, words) SELECT n + 1, {words}"  # noqa: S608
        " FROM {numbers} JOIN made_text AS t ON t.number = {text}"
    )
