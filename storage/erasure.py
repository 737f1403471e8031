"""Forgetting: posts that their authors or sources took back, and posts that have become old.

Counts stay: bins hold no words and no names. What was erased is not stored again when a source offers it once more;
what was pruned may be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Table, delete, select, update

from storage import casework as casework_store
from storage import (
    deletions,
    edition,
    forgetting,
    inbox,
    post_rows,
    quarantine,
    receipts,
    search_index,
    state,
    stored_days,
)
from storage.database import Transaction
from storage.keys import plain_words
from storage.quotations import Quotations
from storage.records import PostKey
from storage.rows import P
from storage.schema import (
    alert,
    correction,
    delivery,
    engagement_sample,
    erased,
    incident,
    incident_event,
    post,
    revision,
    signal,
)
from storage.statements import by_source, insert_new, is_one_of

SHORTEST_NAME = 4
"""Shorter words are in any state by chance."""
BEGINNING = 100
"""Characters by which a text is known in a state: fewer than any part of the program keeps of one."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased; `remote_pages` are deliveries that quoted it, some of them sent (alerts/retract.py)."""

    posts: tuple[PostKey, ...]
    remote_pages: tuple[str, ...] = ()


def erase(tx: Transaction, keys: Collection[PostKey], at: datetime, reason: str) -> Erased:
    """Erase posts wherever they stand: words, mentions, samples, corrections, search, incidents' evidence, pages."""
    doomed = _rows(tx, keys)
    insert_new(
        tx, erased, [{"source": source, "external_id": name, "at": at, "reason": reason} for source, name in set(keys)]
    )
    quoted = _erase_quotes(tx, doomed)
    _remove_evidence(tx, set(keys))
    with deletions.noted(tx, at, keys):
        _delete(tx, doomed)
        _delete_samples(tx, keys)
    _delete_corrections(tx, keys)
    _forget_on_the_way(tx, keys)
    if doomed:
        forgetting.note(tx, at)
    return Erased(tuple((row.source, row.external_id) for row in doomed), tuple(quoted))


def forget_waiting(tx: Transaction, author: str, source: str | None = None) -> int:
    """Remove what an account wrote that waits to be read or was set aside; how many items there were."""
    bare = author.removeprefix("@")
    names = [source] if source is not None else sorted(quarantine.sources(tx) | inbox.sources(tx))
    waiting = sum(inbox.forget(tx, name, author=form) for name in names for form in (bare, f"@{bare}"))
    return waiting + sum(quarantine.forget_words(tx, name, {bare}) for name in names)


def posts_of(tx: Transaction, author: str, source: str | None = None) -> list[PostKey]:
    """The posts of an account, by its identity or the name that it shows, with or without @."""
    bare = author.removeprefix("@")
    names = [bare, f"@{bare}"]
    found = search_index.written_by(tx, names, names)
    of_them = P.author.in_(names) | P.author_name.in_(names)
    statement = select(P.source, P.external_id).select_from(found.join(post, P.id == found.c.id)).where(of_them)
    if source is not None:
        statement = statement.where(P.source == source)
    return [(row.source, row.external_id) for row in tx.execute(statement.order_by(P.source, P.external_id))]


def prune(tx: Transaction, source: str, before: datetime, *, limit: int = 2_000) -> int:
    """Delete at most `limit` posts of a source published before a time, the oldest first; how many. Call it until it
    gives 0.

    Their engagement goes with them. Posts that incidents rest on stay with them.
    """
    post_rows.lock(tx, [source])
    doomed = _prunable(tx, source, before, limit)
    if not doomed:
        return 0
    with deletions.noted(tx, before, until=before):
        _delete(tx, doomed)
        _delete_samples(tx, [(row.source, row.external_id) for row in doomed])
    forgetting.note(tx, before)
    return len(doomed)


def _prunable(tx: Transaction, source: str, before: datetime, limit: int) -> list[Any]:
    """The oldest posts of the source that may go, at most `limit`.

    Day by day: no index has the posts of a source in the order of time, and all of them would be sorted. A day of which
    nothing is left that may go is not looked through again, as it would be at each hour for ever.
    """
    kept = {name for of, name in _evidence(tx) if of == source}
    doomed: list[Any] = []
    for day in stored_days.of_source(tx, source, before):
        rows = _oldest_of_day(tx, source, day, before, limit - len(doomed) + len(kept))
        doomed += [row for row in rows if row.external_id not in kept]
        if len(doomed) >= limit:
            return doomed[:limit]
        if day.day + stored_days.DAY <= before:
            stored_days.narrow(tx, source, day, [row.id for row in rows if row.external_id in kept])
    return doomed


def _oldest_of_day(
    tx: Transaction, source: str, day: stored_days.StoredDay, before: datetime, limit: int
) -> Sequence[Any]:
    statement = select(P.id, P.source, P.external_id, P.title, P.text, P.author, P.author_name)
    of_day = P.created_at >= day.day, P.created_at < min(before, day.day + stored_days.DAY)
    # So spelled that SQLite, which has no statistics, leaves the indexes of both alone and walks along the time.
    of_source = P.source.concat("") == source, (P.id + 0).between(day.first_id, day.last_id)
    return tx.execute(statement.where(*of_day, *of_source).order_by(P.created_at, P.id).limit(limit)).all()


def _rows(tx: Transaction, keys: Collection[PostKey]) -> list[Any]:
    return [
        row
        for source, ids in by_source(keys).items()
        for row in tx.execute(select(post).where(P.source == source, is_one_of(tx, P.external_id, ids)))
    ]


def _delete(tx: Transaction, doomed: Sequence[Any]) -> None:
    edition.renew(tx)
    search_index.remove(tx, [(row.id, row.title, row.text, row.author, row.author_name) for row in doomed])
    if doomed:
        tx.execute(delete(post).where(is_one_of(tx, P.id, [row.id for row in doomed])))


def _delete_samples(tx: Transaction, keys: Collection[PostKey]) -> None:
    edition.renew(tx)
    columns = engagement_sample.c
    for source, ids in by_source(keys).items():
        tx.execute(delete(engagement_sample).where(columns.source == source, is_one_of(tx, columns.external_id, ids)))


def _delete_corrections(tx: Transaction, keys: Collection[PostKey]) -> None:
    columns = correction.c
    for source, ids in by_source(keys).items():
        tx.execute(delete(correction).where(columns.source == source, is_one_of(tx, columns.external_id, ids)))


def _forget_on_the_way(tx: Transaction, keys: Collection[PostKey]) -> None:
    """What waits to be read, or was set aside, may be of the same posts."""
    for source, ids in by_source(set(keys)).items():
        inbox.forget(tx, source, ids)
        quarantine.forget_words(tx, source, {name for name in ids if len(name) >= SHORTEST_NAME})


def _evidence(tx: Transaction) -> set[PostKey]:
    lists = [*tx.scalars(select(incident.c.evidence)), *tx.scalars(select(signal.c.evidence))]
    origins = tx.execute(select(incident.c.origin_source, incident.c.origin_id))
    return {tuple(key) for keys in lists for key in keys} | {tuple(row) for row in origins}


def _remove_evidence(tx: Transaction, keys: set[PostKey]) -> None:
    for table in (incident, signal):
        identity = table.primary_key.columns
        for row in tx.execute(select(*identity, table.c.evidence)).all():
            left = [key for key in row.evidence if tuple(key) not in keys]
            if len(left) < len(row.evidence):
                _change(tx, table, row, {"evidence": left})
    casework_store.remove_posts(tx, keys)
    for begun in tx.execute(select(incident.c.id, incident.c.origin_source, incident.c.origin_id)).all():
        if (begun.origin_source, begun.origin_id) in keys:
            _change(tx, incident, begun, {"origin_source": None, "origin_id": None})


_QUOTING = ((incident, ("headline", "facts")), (signal, ("facts",)), (incident_event, ("details",)))
"""Where incidents tell of posts in words."""


def _erase_quotes(tx: Transaction, doomed: Sequence[Any]) -> list[str]:
    words = _words(tx, doomed)
    if not words:
        return []
    _forget_states(tx, words)
    quotations = Quotations(words)
    for table, names in _QUOTING:
        for row, left in _rewritten(tx, table, names, quotations):
            _change(tx, table, row, left)
    casework_store.reword(tx, quotations.removed_from)
    changed: list[str] = []
    for table in (alert, delivery):
        for row, left in _rewritten(tx, table, ("page", "why"), quotations):
            _change(tx, table, row, left)
            changed += [row.id] if table is delivery else []
    return changed


def _rewritten(
    tx: Transaction, table: Table, names: Sequence[str], quotations: Quotations
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The rows that quote, each with what is left of its columns."""
    columns = [*table.primary_key.columns, *(table.c[name] for name in names)]
    for row in tx.execute(select(*columns)).all():
        told = {name: getattr(row, name) for name in names}
        left = quotations.removed_from(told)
        if left != told:
            yield row, left


def _words(tx: Transaction, doomed: Sequence[Any]) -> set[str]:
    fields = ("title", "text", "author", "author_name", "url", "external_id")
    words = {getattr(row, name) for row in doomed for name in fields}
    if doomed:
        ids = [row.id for row in doomed]
        other_wordings = select(revision.c.title, revision.c.text).where(is_one_of(tx, revision.c.post_id, ids))
        words |= {part for wording in tx.execute(other_wordings) for part in wording}
    return {word.strip() for word in words if word and word.strip()}


def _forget_states(tx: Transaction, words: Collection[str]) -> None:
    """Forget the states that hold the words; whoever needs one goes on from an older one, or from the beginning.

    Detection keeps beginnings: of texts, and of what they say, however that was written (`plain_words`).
    """
    forms = {form[:BEGINNING] for word in words for form in (word, plain_words(word))}
    telling = [form.encode() for form in forms if len(form) >= SHORTEST_NAME]
    for name, blob in state.every(tx):
        if name != receipts.NAME and any(word in blob for word in telling):
            state.forget(tx, state.whole(name))


def _change(tx: Transaction, table: Table, row: Any, values: Mapping[str, Any]) -> None:
    same = [column == getattr(row, column.name) for column in table.primary_key.columns]
    tx.execute(update(table).where(*same).values(**values))
