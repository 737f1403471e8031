"""Stored states of posts: their rows in `post`, `revision` and `mention`, and their words in the search index."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from sqlalchemy import bindparam, delete, func, select, text
from sqlalchemy import update as update_rows

from storage import search_index
from storage.columns import storable
from storage.database import Transaction
from storage.reading import PostState, Rank, Wording, wording
from storage.records import PostKey
from storage.rows import MENTION_COLUMNS, POST_COLUMNS, M, P, to_post, with_mention
from storage.schema import erased as erased_table
from storage.schema import mention, post, revision
from storage.statements import chunks
from storage.statements import replace as replace_rows

_POST_WIDTH = len(POST_COLUMNS)


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
    found: set[PostKey] = set()
    for source, ids in _by_source(keys):
        statement = select(columns.external_id).where(columns.source == source, columns.external_id.in_(ids))
        found |= {(source, external_id) for external_id in tx.scalars(statement)}
    return found


def load(tx: Transaction, keys: Collection[PostKey]) -> dict[PostKey, PostState]:
    """The stored states of those posts that are known."""
    states: dict[int, PostState] = {}
    for source, ids in _by_source(keys):
        statement = select(*POST_COLUMNS, P.id, P.read_at, P.engagement_at)
        for row in tx.execute(statement.where(P.source == source, P.external_id.in_(ids))):
            of = to_post(row[:_POST_WIDTH])
            number, read_at, engagement_at = row[_POST_WIDTH:]
            states[number] = PostState(of, (of.edited_at or of.created_at, read_at), engagement_at, id=number)
    for numbers in chunks(states):
        _load_mentions(tx, numbers, states)
        _load_revisions(tx, numbers, states)
    return {state.post.key: state for state in states.values()}


def insert(tx: Transaction, states: Sequence[PostState]) -> None:
    """Store posts that were not known; each state is given its `id`."""
    if not states:
        return
    for number, state in zip(_new_ids(tx, len(states)), states, strict=True):
        state.id = number
    tx.execute(post.insert(), [_post_row(state) for state in states])
    replace_rows(tx, revision, [row for state in states for row in _revision_rows(state, state.revisions)])
    mentions = [_mention_row(state, brand) for state in states for brand in state.mentions]
    if mentions:
        tx.execute(mention.insert(), mentions)
    search_index.add(tx, [(state.id, wording(state.post)) for state in states])


def update(tx: Transaction, changed: Sequence[tuple[PostState, PostState]]) -> None:
    """Store the second state of every pair, where the first was stored."""
    if not changed:
        return
    rows = [{"known_id": new.id, **_post_row(new)} for _, new in changed]
    values = {name: bindparam(name) for name in rows[0] if name not in ("known_id", "id")}
    tx.execute(
        update_rows(post).where(P.id == bindparam("known_id")).values(values), [_without_id(row) for row in rows]
    )
    for old, new in changed:
        _update_revisions(tx, old, new)
        _update_mentions(tx, old, new)
    edited = [(old, new) for old, new in changed if wording(old.post) != wording(new.post)]
    search_index.remove(tx, [(old.id, wording(old.post)) for old, _ in edited])
    search_index.add(tx, [(new.id, wording(new.post)) for _, new in edited])


def _by_source(keys: Collection[PostKey]) -> list[tuple[str, list[str]]]:
    ids: dict[str, list[str]] = {}
    for source, external_id in keys:
        ids.setdefault(source, []).append(external_id)
    return [(source, part) for source, of_source in ids.items() for part in chunks(of_source)]


def _load_mentions(tx: Transaction, numbers: Sequence[int], states: Mapping[int, PostState]) -> None:
    statement = select(*MENTION_COLUMNS, M.post_id, M.version_at, M.read_at).where(M.post_id.in_(numbers))
    for row in tx.execute(statement.order_by(M.post_id, M.brand)):
        number, version_at, read_at = row[-3:]
        mentioned = with_mention(states[number].post, row[:-3])
        states[number].mentions[mentioned.mention.brand] = (mentioned, (version_at, read_at))


def _load_revisions(tx: Transaction, numbers: Sequence[int], states: Mapping[int, PostState]) -> None:
    columns = revision.c
    statement = select(columns.post_id, columns.title, columns.text, columns.version_at, columns.read_at)
    for number, title, words, version_at, read_at in tx.execute(statement.where(columns.post_id.in_(numbers))):
        states[number].revisions[(title, words)] = (version_at, read_at)


def _new_ids(tx: Transaction, count: int) -> Iterable[int]:
    if tx.dialect.name == "postgresql":
        statement = text("SELECT nextval('post_id') FROM generate_series(1, :count)")
        return list(tx.scalars(statement, {"count": count}))
    largest = int(tx.scalar(select(func.coalesce(func.max(P.id), 0))) or 0)
    return range(largest + 1, largest + 1 + count)


def _post_row(state: PostState) -> dict[str, Any]:
    of = state.post
    counts = of.engagement
    return {
        "id": state.id, "source": of.source, "external_id": of.external_id, "kind": of.kind.value,
        "thread_id": of.thread_id, "parent_id": of.parent_id, "repost_of": of.repost_of, "url": of.url,
        "author": of.author, "author_name": of.author_name, "author_reach": of.author_reach, "title": of.title,
        "text": of.text, "language": of.language, "created_at": of.created_at, "edited_at": of.edited_at,
        "collected_at": of.collected_at, "read_at": state.rank[1], "engagement_at": state.engagement_at,
        "likes": counts.likes, "shares": counts.shares, "replies": counts.replies, "views": counts.views,
        "brands": of.brands,
    }  # fmt: skip


def _without_id(row: dict[str, Any]) -> dict[str, Any]:
    del row["id"]
    return row


def _mention_row(state: PostState, brand: str) -> dict[str, Any]:
    mentioned, rank = state.mentions[brand]
    match, score = mentioned.mention, mentioned.score
    return {
        "post_id": state.id, "brand": brand, "created_at": state.post.created_at, "relevance": match.relevance,
        "matched": match.matched, "reason": match.reason, "compound": score.compound, "label": score.label.value,
        "scorer": score.scorer, "scorer_version": score.version, "uncertainty": score.uncertainty,
        "content_key": mentioned.content_key, "kinds": mentioned.kinds, "version_at": rank[0], "read_at": rank[1],
    }  # fmt: skip


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


def _update_mentions(tx: Transaction, old: PostState, new: PostState) -> None:
    for brand in old.mentions.keys() - new.mentions.keys():
        tx.execute(delete(mention).where(M.post_id == new.id, M.brand == brand))
    moved = old.post.created_at != new.post.created_at
    fresh = [brand for brand, kept in new.mentions.items() if moved or old.mentions.get(brand) != kept]
    replace_rows(tx, mention, [_mention_row(new, brand) for brand in fresh])


def as_storable(of: Any) -> Any:
    """A post with its words as both engines can keep them."""
    return replace(of, text=storable(of.text), title=storable(of.title))
