"""Stored states of posts: their rows in `post`, `revision` and `mention`, and their words in the search index."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

from msgspec.structs import astuple
from sqlalchemy import bindparam, delete, func, select, text

from storage import edition, search_index, stored_days
from storage.columns import json_text
from storage.database import Transaction
from storage.reading import NO_ENGAGEMENT, PostState, Rank, Readings, Wording, rank_of
from storage.records import Engagement, EngagementSample, Label, MentionedPost, Post, PostKey, PostKind
from storage.rows import MENTION_COLUMNS, POST_COLUMNS, M, P, columns_of, to_post, with_mention
from storage.schema import erased as erased_table
from storage.schema import mention, revision
from storage.schema import post as post_table
from storage.statements import EngineTimes, Question, by_source, insert_bulk, insert_columns, is_one_of, update_bulk
from storage.statements import replace as replace_rows

E = erased_table.c
_POST_WIDTH = len(POST_COLUMNS)
_MENTION_NAMES = tuple(mention.columns.keys())
_STATES = Question(select(*POST_COLUMNS, P.id, P.read_at, P.engagement_at), P.source, P.external_id)
_ANY_BETWEEN = (
    select(P.id)
    .where(P.source == bindparam("source"), P.external_id.between(bindparam("first"), bindparam("last")))
    .limit(1)
)
_LARGEST_ID = select(func.max(P.id))
_ERASED = Question(select(E.external_id), E.source, E.external_id)
_ANY_ERASED = select(E.source).limit(1)
_KIND_NAMES = {kind: kind.value for kind in PostKind}
_LABEL_NAMES = {label: label.value for label in Label}


def lock(tx: Transaction, sources: Iterable[str]) -> None:
    """Let no other writer of these sources in until the transaction ends.

    SQLite's transaction does so by itself. Posts, mentions and bins are all kept per source, so writers of different
    sources never wait for one another on PostgreSQL.
    """
    if tx.dialect.name == "postgresql":
        for source in sorted(set(sources)):
            tx.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:source, 7233042))"), {"source": source})


def erased(tx: Transaction, keys: Collection[PostKey]) -> set[PostKey]:
    """Those of the keys whose posts were erased."""
    if not tx.scalar(_ANY_ERASED):
        return set()  # nearly always, and cheaper to see than to look for every key
    return {
        (source, external_id)
        for source, ids in by_source(keys).items()
        for external_id in _ERASED.ask(tx, source, ids).scalars()
    }


def load(tx: Transaction, keys: Collection[PostKey]) -> dict[PostKey, PostState]:
    """The stored states of those posts that are known."""
    states: dict[int, PostState] = {}
    for source, ids in by_source(keys).items():
        for row in _STATES.ask(tx, source, ids) if _may_be_known(tx, source, ids) else ():
            of = to_post(row[:_POST_WIDTH])
            number, read_at, engagement_at = row[_POST_WIDTH:]
            states[number] = PostState(of, (of.edited_at or of.created_at, read_at), engagement_at, id=number)
    if states:
        _load_mentions(tx, states)
        _load_revisions(tx, states)
    return {state.post.key: state for state in states.values()}


def _may_be_known(tx: Transaction, source: str, names: Collection[str]) -> bool:
    """Whether any post has a name between the first and the last of these: hardly ever where names of one length rise.

    One question instead of one for each name. PostgreSQL's order of texts is that of a language.
    """
    if tx.dialect.name != "sqlite":
        return True
    return tx.scalar(_ANY_BETWEEN, {"source": source, "first": min(names), "last": max(names)}) is not None


def insert(tx: Transaction, firsts: Readings) -> list[EngagementSample]:
    """Store posts that were not known, each with its only reading; what their sources counted in it."""
    if not firsts:
        return []
    edition.renew(tx)
    ids, given = _new_ids(tx, len(firsts)), firsts.columns
    version_at = _first_known(given["edited_at"], given["created_at"])
    read_at = _first_known(given["collected_at"], version_at)
    counts = given["engagement"]
    counted_at = [None if one == NO_ENGAGEMENT else at for one, at in zip(counts, read_at, strict=True)]
    times = EngineTimes(tx)
    insert_columns(tx, post_table, _post_columns(times, ids, given, read_at, counted_at))
    rows = [
        _mention_values(number, reading.post, mentioned, rank_of(reading.post), times)
        for number, reading in zip(ids, firsts.each, strict=True)
        for mentioned in reading.mentions
    ]
    insert_bulk(tx, mention, _MENTION_NAMES, rows)
    _find_by_words_and_days(tx, ids, given)
    counted = zip(given["source"], given["external_id"], counted_at, counts, strict=True)
    return [EngagementSample(source, name, at, one) for source, name, at, one in counted if at]


def insert_states(tx: Transaction, states: Sequence[PostState]) -> None:
    """Store posts that were not known; each state is given its `id`."""
    if not states:
        return
    edition.renew(tx)
    ids, given = _new_ids(tx, len(states)), columns_of([state.post for state in states])
    for number, state in zip(ids, states, strict=True):
        state.id = number
    times = EngineTimes(tx)
    insert_columns(tx, post_table, _state_columns(times, states))
    edited = [state for state in states if state.revisions]
    replace_rows(tx, revision, [row for state in edited for row in _revision_rows(state, state.revisions)])
    mentions = [_values_of(state, brand, times) for state in states for brand in state.mentions]
    insert_bulk(tx, mention, _MENTION_NAMES, mentions)
    _find_by_words_and_days(tx, ids, given)


def update(tx: Transaction, changed: Sequence[tuple[PostState, PostState]]) -> None:
    """Store the second state of every pair, where the first was stored."""
    if not changed:
        return
    edition.renew(tx)
    columns = _state_columns(EngineTimes(tx), [new for _, new in changed])
    update_bulk(tx, post_table, tuple(columns), list(zip(*columns.values(), strict=True)))
    for old, new in changed:
        _update_revisions(tx, old, new)
    _update_mentions(tx, changed)
    pairs = [(_entry(old.id, old.post), _entry(new.id, new.post)) for old, new in changed]
    edited = [(old, new) for old, new in pairs if old != new]
    search_index.remove(tx, [old for old, _ in edited])
    search_index.add(tx, [new for _, new in edited])
    moved = [new for old, new in changed if new.post.created_at != old.post.created_at]
    stored_days.widen(tx, [(new.id, new.post.source, new.post.created_at) for new in moved])


def _load_mentions(tx: Transaction, states: Mapping[int, PostState]) -> None:
    statement = select(*MENTION_COLUMNS, M.post_id, M.version_at, M.read_at).where(is_one_of(tx, M.post_id, states))
    for row in tx.execute(statement.order_by(M.post_id, M.brand)):
        number, version_at, read_at = row[-3:]
        mentioned = with_mention(states[number].post, row[:-3])
        states[number].mentions[mentioned.mention.brand] = (mentioned, (version_at, read_at))


def _load_revisions(tx: Transaction, states: Mapping[int, PostState]) -> None:
    columns = revision.c
    statement = select(columns.post_id, columns.title, columns.text, columns.version_at, columns.read_at)
    for number, title, words, version_at, read_at in tx.execute(
        statement.where(is_one_of(tx, columns.post_id, states))
    ):
        states[number].revisions[(title, words)] = (version_at, read_at)


def _new_ids(tx: Transaction, count: int) -> Sequence[int]:
    if tx.dialect.name == "postgresql":
        statement = text("SELECT nextval('post_id') FROM generate_series(1, :count)")
        return list(tx.scalars(statement, {"count": count}))
    largest = int(tx.scalar(_LARGEST_ID) or 0)
    return range(largest + 1, largest + 1 + count)


def _first_known(times: Sequence[datetime | None], otherwise: Sequence[datetime]) -> Sequence[datetime]:
    """A column of times, where there are none those of another."""
    return [at or other for at, other in zip(times, otherwise, strict=True)] if any(times) else otherwise


def _state_columns(times: EngineTimes, states: Sequence[PostState]) -> dict[str, Sequence[Any]]:
    return _post_columns(
        times,
        [state.id for state in states],
        columns_of([state.post for state in states]),
        [state.rank[1] for state in states],
        [state.engagement_at for state in states],
    )


def _post_columns(
    times: EngineTimes,
    ids: Sequence[int],
    given: Mapping[str, Sequence[Any]],
    read_at: Sequence[datetime],
    counted_at: Sequence[datetime | None],
) -> dict[str, Sequence[Any]]:
    """The rows of posts by column, as the driver takes them."""
    kept = {name: column for name, column in given.items() if name != "engagement"}
    counts = zip(*map(astuple, given["engagement"]), strict=True)
    return {
        "id": ids,
        **kept,
        "kind": list(map(_KIND_NAMES.__getitem__, given["kind"])),
        "created_at": times.column(given["created_at"]),
        "edited_at": times.column(given["edited_at"]),
        "collected_at": times.column(given["collected_at"]),
        "read_at": times.column(read_at),
        "engagement_at": times.column(counted_at),
        **dict(zip(Engagement.__struct_fields__, counts, strict=True)),
        "brands": [json_text(brands) if brands else "[]" for brands in given["brands"]],
    }


def _values_of(state: PostState, brand: str, times: EngineTimes) -> tuple[Any, ...]:
    mentioned, rank = state.mentions[brand]
    return _mention_values(state.id, state.post, mentioned, rank, times)


def _mention_values(number: int, of: Post, mentioned: MentionedPost, rank: Rank, times: EngineTimes) -> tuple[Any, ...]:
    match, score = mentioned.mention, mentioned.score
    return (
        number, match.brand, times[of.created_at], match.relevance, _json(match.matched), match.reason,
        score.compound, _LABEL_NAMES[score.label], score.scorer, score.version, score.uncertainty,
        mentioned.content_key, _json(mentioned.kinds), times[rank[0]], times[rank[1]],
    )  # fmt: skip


def _find_by_words_and_days(tx: Transaction, ids: Sequence[int], given: Mapping[str, Sequence[Any]]) -> None:
    said = (given[name] for name in ("title", "text", "author", "author_name"))
    search_index.add(tx, zip(ids, *said, strict=True))
    stored_days.widen(tx, zip(ids, given["source"], given["created_at"], strict=True))


def _entry(number: int, of: Post) -> search_index.Entry:
    return (number, of.title, of.text, of.author, of.author_name)


def _json(values: tuple[str, ...]) -> str:
    return json_text(values) if values else "[]"


def _revision_rows(state: PostState, revisions: Mapping[Wording, Rank]) -> list[dict[str, Any]]:
    return [
        {
            "post_id": state.id, "digest": _digest(of), "title": of[0], "text": of[1], "version_at": rank[0],
            "read_at": rank[1],
        }
        for of, rank in revisions.items()
    ]  # fmt: skip


def _digest(of: Wording) -> str:
    return blake2b("\x00".join(of).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _update_revisions(tx: Transaction, old: PostState, new: PostState) -> None:
    columns = revision.c
    for gone in old.revisions.keys() - new.revisions.keys():
        tx.execute(delete(revision).where(columns.post_id == new.id, columns.digest == _digest(gone)))
    fresh = {of: rank for of, rank in new.revisions.items() if old.revisions.get(of) != rank}
    replace_rows(tx, revision, _revision_rows(new, fresh))


def _update_mentions(tx: Transaction, changed: Sequence[tuple[PostState, PostState]]) -> None:
    times = EngineTimes(tx)
    for old, new in changed:
        for brand in old.mentions.keys() - new.mentions.keys():
            tx.execute(delete(mention).where(M.post_id == new.id, M.brand == brand))
    fresh: list[tuple[Any, ...]] = []
    moved: list[tuple[Any, ...]] = []
    for old, new in changed:
        is_moved = old.post.created_at != new.post.created_at
        for brand, kept in new.mentions.items():
            if brand not in old.mentions:
                fresh.append(_values_of(new, brand, times))
            elif is_moved or kept != old.mentions[brand]:
                moved.append(_values_of(new, brand, times))
    insert_bulk(tx, mention, _MENTION_NAMES, fresh)
    update_bulk(tx, mention, _MENTION_NAMES, moved)
