"""Stored states of posts: their rows in `post`, `revision` and `mention`, and their words in the search index."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import delete, func, select, text

from storage import edition, search_index, stored_days
from storage.columns import json_text
from storage.database import Transaction
from storage.reading import PostState, Rank, Reading, Wording, is_counted, rank_of
from storage.records import EngagementSample, Label, MentionedPost, Post, PostKey, PostKind
from storage.rows import MENTION_COLUMNS, POST_COLUMNS, M, P, to_post, with_mention
from storage.schema import erased as erased_table
from storage.schema import mention, revision
from storage.schema import post as post_table
from storage.statements import Question, by_source, engine_time, insert_bulk, insert_columns, is_one_of, update_bulk
from storage.statements import replace as replace_rows

E = erased_table.c
_POST_WIDTH = len(POST_COLUMNS)
_MENTION_NAMES = tuple(mention.columns.keys())
_STATES = Question(select(*POST_COLUMNS, P.id, P.read_at, P.engagement_at), P.source, P.external_id)
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
        for source in sorted(sources):
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
        for row in _STATES.ask(tx, source, ids):
            of = to_post(row[:_POST_WIDTH])
            number, read_at, engagement_at = row[_POST_WIDTH:]
            states[number] = PostState(of, (of.edited_at or of.created_at, read_at), engagement_at, id=number)
    if states:
        _load_mentions(tx, states)
        _load_revisions(tx, states)
    return {state.post.key: state for state in states.values()}


def insert(tx: Transaction, firsts: Sequence[Reading]) -> list[EngagementSample]:
    """Store posts that were not known, each with its only reading; what their sources counted in it."""
    if not firsts:
        return []
    edition.renew(tx)
    ids, posts = _new_ids(tx, len(firsts)), [post for post, _ in firsts]
    read_at = [rank_of(post)[1] for post in posts]
    counted_at = [at if is_counted(post) else None for post, at in zip(posts, read_at, strict=True)]
    insert_columns(tx, post_table, _post_columns(tx, ids, posts, read_at, counted_at))
    time = engine_time(tx)
    rows = [
        _mention_values(number, post, mentioned, rank_of(post), time)
        for number, (post, mentions) in zip(ids, firsts, strict=True)
        for mentioned in mentions
    ]
    insert_bulk(tx, mention, _MENTION_NAMES, rows)
    _find_by_words_and_days(tx, list(zip(ids, posts, strict=True)))
    counted = zip(posts, counted_at, strict=True)
    return [EngagementSample(of.source, of.external_id, at, of.engagement) for of, at in counted if at]


def insert_states(tx: Transaction, states: Sequence[PostState]) -> None:
    """Store posts that were not known; each state is given its `id`."""
    if not states:
        return
    edition.renew(tx)
    for number, state in zip(_new_ids(tx, len(states)), states, strict=True):
        state.id = number
    insert_columns(tx, post_table, _state_columns(tx, states))
    edited = [state for state in states if state.revisions]
    replace_rows(tx, revision, [row for state in edited for row in _revision_rows(state, state.revisions)])
    time = engine_time(tx)
    mentions = [_values_of(state, brand, time) for state in states for brand in state.mentions]
    insert_bulk(tx, mention, _MENTION_NAMES, mentions)
    _find_by_words_and_days(tx, [(state.id, state.post) for state in states])


def update(tx: Transaction, changed: Sequence[tuple[PostState, PostState]]) -> None:
    """Store the second state of every pair, where the first was stored."""
    if not changed:
        return
    edition.renew(tx)
    columns = _state_columns(tx, [new for _, new in changed])
    update_bulk(tx, post_table, tuple(columns), list(zip(*columns.values(), strict=True)))
    for old, new in changed:
        _update_revisions(tx, old, new)
    _update_mentions(tx, changed)
    pairs = [(_entry(old.id, old.post), _entry(new.id, new.post)) for old, new in changed]
    edited = [(old, new) for old, new in pairs if old != new]
    search_index.remove(tx, [old for old, _ in edited])
    search_index.add(tx, [new for _, new in edited])
    moved = [new for old, new in changed if new.post.created_at != old.post.created_at]
    stored_days.widen(tx, [(new.id, new.post) for new in moved])


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


def _state_columns(tx: Transaction, states: Sequence[PostState]) -> dict[str, Sequence[Any]]:
    return _post_columns(
        tx,
        [state.id for state in states],
        [state.post for state in states],
        [state.rank[1] for state in states],
        [state.engagement_at for state in states],
    )


def _post_columns(
    tx: Transaction,
    ids: Sequence[int],
    posts: Sequence[Post],
    read_at: Sequence[datetime],
    counted_at: Sequence[datetime | None],
) -> dict[str, Sequence[Any]]:
    """The rows of posts by column, as the driver takes them."""
    time, counts = engine_time(tx), [of.engagement for of in posts]
    created = [time(of.created_at) for of in posts]
    read = [made if at is of.created_at else time(at) for of, at, made in zip(posts, read_at, created, strict=True)]
    pairs = zip(counted_at, read_at, read, strict=True)
    return {
        "id": ids,
        "source": [of.source for of in posts],
        "external_id": [of.external_id for of in posts],
        "kind": [_KIND_NAMES[of.kind] for of in posts],
        "thread_id": [of.thread_id for of in posts],
        "parent_id": [of.parent_id for of in posts],
        "repost_of": [of.repost_of for of in posts],
        "url": [of.url for of in posts],
        "author": [of.author for of in posts],
        "author_name": [of.author_name for of in posts],
        "author_reach": [of.author_reach for of in posts],
        "title": [of.title for of in posts],
        "text": [of.text for of in posts],
        "language": [of.language for of in posts],
        "created_at": created,
        "edited_at": [time(of.edited_at) if of.edited_at else None for of in posts],
        "collected_at": [time(of.collected_at) if of.collected_at else None for of in posts],
        "read_at": read,
        "engagement_at": [(known if at is then else time(at)) if at else None for at, then, known in pairs],
        "likes": [one.likes for one in counts],
        "shares": [one.shares for one in counts],
        "replies": [one.replies for one in counts],
        "views": [one.views for one in counts],
        "brands": [_json(of.brands) for of in posts],
    }


def _values_of(state: PostState, brand: str, time: Callable[[datetime], Any]) -> tuple[Any, ...]:
    mentioned, rank = state.mentions[brand]
    return _mention_values(state.id, state.post, mentioned, rank, time)


def _mention_values(
    number: int, of: Post, mentioned: MentionedPost, rank: Rank, time: Callable[[datetime], Any]
) -> tuple[Any, ...]:
    match, score = mentioned.mention, mentioned.score
    return (
        number, match.brand, time(of.created_at), match.relevance, _json(match.matched), match.reason,
        score.compound, _LABEL_NAMES[score.label], score.scorer, score.version, score.uncertainty,
        mentioned.content_key, _json(mentioned.kinds), time(rank[0]), time(rank[1]),
    )  # fmt: skip


def _find_by_words_and_days(tx: Transaction, stored: Sequence[tuple[int, Post]]) -> None:
    search_index.add(tx, [_entry(number, of) for number, of in stored])
    stored_days.widen(tx, stored)


def _entry(number: int, of: Post) -> search_index.Entry:
    return search_index.Entry(number, of.title, of.text, of.author)


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
                fresh.append(_values_of(new, brand, time))
            elif is_moved or kept != old.mentions[brand]:
                moved.append(_values_of(new, brand, time))
    insert_bulk(tx, mention, _MENTION_NAMES, fresh)
    update_bulk(tx, mention, _MENTION_NAMES, moved)
