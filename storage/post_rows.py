"""Stored states of posts: their rows in `post`, `revision` and `mention`, and their words in the search index."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import delete, func, select, text

from storage import search_index, stored_days
from storage.columns import json_text
from storage.database import Transaction
from storage.reading import PostState, Rank, Wording, wording
from storage.records import PostKey
from storage.rows import MENTION_COLUMNS, POST_COLUMNS, M, P, to_post, with_mention
from storage.schema import erased as erased_table
from storage.schema import mention, post, revision
from storage.statements import by_source, engine_time, insert_bulk, is_one_of, update_bulk
from storage.statements import replace as replace_rows

_POST_WIDTH = len(POST_COLUMNS)
_POST_NAMES = tuple(post.columns.keys())
_MENTION_NAMES = tuple(mention.columns.keys())


def lock(tx: Transaction, sources: Iterable[str]) -> None:
    """Let no other writer of these sources in until the transaction ends.

    SQLite's transaction does so by itself. Posts, mentions and bins are all kept per source, so writers of different
    sources never wait for one another on PostgreSQL.
    """
    if tx.dialect.name == "postgresql":
        for source in sorted(sources):
            tx.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:source, 7233042))"), {"source": source})


def erased(tx: Transaction, keys: Collection[PostKey]) -> set[PostKey]:
    """Those of the keys whose posts were erased."""
    columns = erased_table.c
    if not tx.scalar(select(columns.source).limit(1)):
        return set()  # nearly always, and cheaper to see than to look for every key
    found: set[PostKey] = set()
    for source, ids in by_source(keys).items():
        statement = select(columns.external_id).where(columns.source == source, is_one_of(tx, columns.external_id, ids))
        found |= {(source, external_id) for external_id in tx.scalars(statement)}
    return found


def load(tx: Transaction, keys: Collection[PostKey]) -> dict[PostKey, PostState]:
    """The stored states of those posts that are known."""
    states: dict[int, PostState] = {}
    for source, ids in by_source(keys).items():
        statement = select(*POST_COLUMNS, P.id, P.read_at, P.engagement_at)
        for row in tx.execute(statement.where(P.source == source, is_one_of(tx, P.external_id, ids))):
            of = to_post(row[:_POST_WIDTH])
            number, read_at, engagement_at = row[_POST_WIDTH:]
            states[number] = PostState(of, (of.edited_at or of.created_at, read_at), engagement_at, id=number)
    if states:
        _load_mentions(tx, states)
        _load_revisions(tx, states)
    return {state.post.key: state for state in states.values()}


def insert(tx: Transaction, states: Sequence[PostState]) -> None:
    """Store posts that were not known; each state is given its `id`."""
    if not states:
        return
    for number, state in zip(_new_ids(tx, len(states)), states, strict=True):
        state.id = number
    time = engine_time(tx)
    insert_bulk(tx, post, _POST_NAMES, [_post_values(state, time) for state in states])
    edited = [state for state in states if state.revisions]
    replace_rows(tx, revision, [row for state in edited for row in _revision_rows(state, state.revisions)])
    mentions = [_mention_values(state, brand, time) for state in states if state.mentions for brand in state.mentions]
    insert_bulk(tx, mention, _MENTION_NAMES, mentions)
    search_index.add(tx, [(state.id, wording(state.post)) for state in states])
    stored_days.widen(tx, states)


def update(tx: Transaction, changed: Sequence[tuple[PostState, PostState]]) -> None:
    """Store the second state of every pair, where the first was stored."""
    if not changed:
        return
    time = engine_time(tx)
    rows = [_post_values(new, time) for _, new in changed]
    update_bulk(tx, post, _POST_NAMES, rows)
    for old, new in changed:
        _update_revisions(tx, old, new)
    _update_mentions(tx, changed)
    edited = [(old, new) for old, new in changed if wording(old.post) != wording(new.post)]
    search_index.remove(tx, [(old.id, wording(old.post)) for old, _ in edited])
    search_index.add(tx, [(new.id, wording(new.post)) for _, new in edited])
    stored_days.widen(tx, [new for old, new in changed if new.post.created_at != old.post.created_at])


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


def _new_ids(tx: Transaction, count: int) -> Iterable[int]:
    if tx.dialect.name == "postgresql":
        statement = text("SELECT nextval('post_id') FROM generate_series(1, :count)")
        return list(tx.scalars(statement, {"count": count}))
    largest = int(tx.scalar(select(func.coalesce(func.max(P.id), 0))) or 0)
    return range(largest + 1, largest + 1 + count)


def _post_values(state: PostState, time: Callable[[datetime], Any]) -> tuple[Any, ...]:
    of, counts = state.post, state.post.engagement
    edited_at, collected_at, engagement_at, read_at = of.edited_at, of.collected_at, state.engagement_at, state.rank[1]
    read = time(read_at)
    return (
        state.id, of.source, of.external_id, of.kind.value, of.thread_id, of.parent_id, of.repost_of, of.url,
        of.author, of.author_name, of.author_reach, of.title, of.text, of.language,
        read if of.created_at is read_at else time(of.created_at),
        time(edited_at) if edited_at else None, time(collected_at) if collected_at else None, read,
        (read if engagement_at is read_at else time(engagement_at)) if engagement_at else None,
        counts.likes, counts.shares, counts.replies, counts.views, _json(of.brands),
    )  # fmt: skip


def _mention_values(state: PostState, brand: str, time: Callable[[datetime], Any]) -> tuple[Any, ...]:
    mentioned, rank = state.mentions[brand]
    match, score = mentioned.mention, mentioned.score
    return (
        state.id, brand, time(state.post.created_at), match.relevance, _json(match.matched), match.reason,
        score.compound, score.label.value, score.scorer, score.version, score.uncertainty, mentioned.content_key,
        _json(mentioned.kinds), time(rank[0]), time(rank[1]),
    )  # fmt: skip


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
    time = engine_time(tx)
    for old, new in changed:
        for brand in old.mentions.keys() - new.mentions.keys():
            tx.execute(delete(mention).where(M.post_id == new.id, M.brand == brand))
    fresh: list[tuple[Any, ...]] = []
    moved: list[tuple[Any, ...]] = []
    for old, new in changed:
        is_moved = old.post.created_at != new.post.created_at
        for brand, kept in new.mentions.items():
            if brand not in old.mentions:
                fresh.append(_mention_values(new, brand, time))
            elif is_moved or kept != old.mentions[brand]:
                moved.append(_mention_values(new, brand, time))
    insert_bulk(tx, mention, _MENTION_NAMES, fresh)
    update_bulk(tx, mention, _MENTION_NAMES, moved)
