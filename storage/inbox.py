"""Posts that were handed in by webhook, until their source reads them as it would read any other place.

Accepting a message is one transaction: either all of its posts are kept and it is remembered, or nothing of it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from sqlalchemy import delete, select

from storage.columns import json_text, json_value
from storage.database import Transaction
from storage.post_rows import lock
from storage.records import Letter
from storage.schema import inbox, inbox_message
from storage.statements import insert_if_new

KEEP_FOR = timedelta(days=7)
"""How long posts and messages are remembered, so that what is sent again is known again."""

_C = inbox.c


class MessageReusedError(Exception):
    """A message of this name has come before, with other content."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a message: posts that are new, and posts that were known word for word."""

    accepted: int
    known: int
    repeated: bool = False
    """The whole message has come before; nothing was changed."""


def accept(
    tx: Transaction, source: str, message_id: str, body_digest: str, posts: Sequence[Mapping[str, Any]], at: datetime
) -> Taken:
    """Keep the posts of a message, each a map with `external_id`; `MessageReusedError` when its name was another's."""
    lock(tx, {source})  # numbers become visible in their order, or the reader would pass over one
    row = {"source": source, "message_id": message_id, "digest": body_digest, "received_at": at}
    if not insert_if_new(tx, inbox_message, row):
        return _repeated(tx, source, message_id, body_digest, len(posts))
    accepted = sum(_keep(tx, source, post, at) for post in posts)
    return Taken(accepted, len(posts) - accepted)


def waiting(tx: Transaction, source: str, after: int, limit: int) -> list[Letter]:
    """The posts of a source that arrived after the one numbered `after`, in the order of their arrival."""
    columns = (_C.id, _C.external_id, _C.received_at, _C.post)
    statement = select(*columns).where(_C.source == source, _C.id > after).order_by(_C.id).limit(limit)
    return [Letter(*row) for row in tx.execute(statement)]


def newest(tx: Transaction, source: str) -> Letter | None:
    """The post that arrived last."""
    columns = (_C.id, _C.external_id, _C.received_at, _C.post)
    row = tx.execute(select(*columns).where(_C.source == source).order_by(_C.id.desc()).limit(1)).one_or_none()
    return None if row is None else Letter(*row)


def expire(tx: Transaction, source: str, read_up_to: int, now: datetime) -> None:
    """Forget posts that have been read, and messages, once nobody will send them again."""
    before = now - KEEP_FOR
    tx.execute(delete(inbox).where(_C.source == source, _C.id <= read_up_to, _C.received_at < before))
    old = (inbox_message.c.source == source, inbox_message.c.received_at < before)
    tx.execute(delete(inbox_message).where(*old))


def forget(tx: Transaction, source: str, external_ids: Sequence[str] = (), *, author: str | None = None) -> int:
    """Remove posts by their name, or those of an author by its identity or name; how many."""
    rows = tx.execute(select(_C.id, _C.external_id, _C.post).where(_C.source == source)).all()
    named = set(external_ids)
    doomed = [
        row.id for row in rows if row.external_id in named or (author is not None and author in _people(row.post))
    ]
    for number in doomed:
        tx.execute(delete(inbox).where(_C.id == number))
    return len(doomed)


def sources(tx: Transaction) -> set[str]:
    """Sources for which something was handed in."""
    return set(tx.scalars(select(_C.source).distinct()))


def _people(post: Mapping[str, Any]) -> tuple[Any, Any]:
    return post.get("author"), post.get("author_name")


def _repeated(tx: Transaction, source: str, message_id: str, body_digest: str, count: int) -> Taken:
    c = inbox_message.c
    kept = tx.scalar(select(c.digest).where(c.source == source, c.message_id == message_id))
    if kept != body_digest:
        raise MessageReusedError(message_id)
    return Taken(0, count, repeated=True)


def _keep(tx: Transaction, source: str, post: Mapping[str, Any], at: datetime) -> bool:
    text = json_text(post)
    content = json_value(text)
    row = {
        "source": source,
        "external_id": content["external_id"],
        "digest": blake2b(text.encode(), digest_size=16).hexdigest(),
        "received_at": at,
        "post": content,
    }
    return insert_if_new(tx, inbox, row)
