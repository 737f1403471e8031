"""What people made of incidents beside taking and ending them: as the timelines say it, kept where it can be asked for.

The timelines are the truth (monitor/casework.py reads them); these rows are made from them in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace as replaced
from typing import Any

import msgspec
from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, delete, exists, select, update

from storage.database import Transaction
from storage.records import Casework, Incident, Part, PostKey, Severity
from storage.schema import casework, incident, incident_link, incident_tag
from storage.statements import insert_new, replace

_C = casework.c

# What is asked whenever an incident is told of, put together once: that takes longer than to be answered.
_NAMES: BindParameter[str] = bindparam("names", expanding=True)
_OF = select(casework).where(_C.incident_id.in_(_NAMES))
_MERGED_INTO = select(_C.incident_id).where(_C.merged_into.in_(_NAMES)).order_by(_C.incident_id)
_TAGS = select(incident_tag).where(incident_tag.c.incident_id.in_(_NAMES)).order_by(incident_tag.c.tag)
_LINKS = select(incident_link).where(incident_link.c.incident_id.in_(_NAMES)).order_by(incident_link.c.other_id)
_SPLIT_FROM = select(_C.incident_id).where(_C.split_from.in_(_NAMES)).order_by(_C.incident_id)


class _Shaping(msgspec.Struct):
    headline: str | None = None
    kind: str | None = None
    severity: Severity | None = None
    severity_then: Severity | None = None
    is_member: bool = False
    merged_episode: int = 1
    parts: tuple[Part, ...] = ()


_SHAPING = tuple(_Shaping.__struct_fields__)


def of(tx: Transaction, incident_id: str) -> Casework:
    """What people made of one incident; nothing where they did nothing."""
    return of_many(tx, [incident_id])[incident_id]


def of_many(tx: Transaction, incident_ids: Collection[str]) -> dict[str, Casework]:
    """What people made of incidents, by their ids."""
    ids = list(dict.fromkeys(incident_ids))
    found = {name: Casework(name) for name in ids}
    rows = tx.execute(_OF, {"names": ids}).all() if ids else []
    worked = [row.incident_id for row in rows]
    tags, links = _listed(tx, _TAGS, worked), _listed(tx, _LINKS, worked)
    for row in rows:
        name = row.incident_id
        found[name] = _casework(row, tags.get(name, ()), links.get(name, ()))
    return found


def save(tx: Transaction, work: Casework) -> None:
    """Store what people made of an incident; what was stored of it before is overwritten.

    Without `detected` what detection knows stays as it is: that is another writer's (`remember`).
    """
    row: dict[str, Any] = {name: getattr(work, name) for name in ("incident_id", "assigned_to", "merged_into")}
    row |= {"split_from": work.split_from, "shaping": _shaping(work)}
    row |= {} if work.detected is None else {"detected": _detected(work)}
    replace(tx, casework, [row])
    for table, name, values in ((incident_tag, "tag", work.tags), (incident_link, "other_id", work.links)):
        tx.execute(delete(table).where(table.c.incident_id == work.incident_id))
        insert_new(tx, table, [{"incident_id": work.incident_id, name: value} for value in values])


def remember(tx: Transaction, incident_id: str, detected: Incident) -> None:
    """Keep what detection knows of an incident by now; what people do meanwhile is not touched."""
    told = msgspec.to_builtins(detected)
    tx.execute(update(casework).where(_C.incident_id == incident_id).values(detected=told))


def merged_into(tx: Transaction, incident_ids: Collection[str]) -> list[Casework]:
    """The casework of what is part of these incidents, directly."""
    return _related(tx, _MERGED_INTO, incident_ids)


def split_from(tx: Transaction, incident_ids: Collection[str]) -> list[Casework]:
    """The casework of what was split off these incidents, directly, and still stands by itself."""
    return [one for one in _related(tx, _SPLIT_FROM, incident_ids) if not is_put_back(one)]


def is_put_back(work: Casework) -> bool:
    """Whether the incident was split off and put back again."""
    return work.split_from is not None and work.merged_into == work.split_from and not work.is_member


def tags(tx: Transaction) -> list[str]:
    """Every tag in use."""
    return list(tx.scalars(select(incident_tag.c.tag).distinct().order_by(incident_tag.c.tag)))


def people(tx: Transaction) -> list[str]:
    """Everybody to whom an incident is assigned."""
    statement = select(_C.assigned_to).where(_C.assigned_to.is_not(None)).distinct().order_by(_C.assigned_to)
    return [str(name) for name in tx.scalars(statement)]


def is_chosen(tag: str = "", assigned_to: str = "") -> list[ColumnElement[bool]]:
    """Conditions on incidents: those with the tag, and those that somebody carries; nothing asked, none."""
    conditions: list[ColumnElement[bool]] = []
    if tag:
        tagged = exists().where(incident_tag.c.incident_id == incident.c.id, incident_tag.c.tag == tag)
        conditions.append(tagged)
    if assigned_to:
        conditions.append(exists().where(_C.incident_id == incident.c.id, _C.assigned_to == assigned_to))
    return conditions


def stands_by_itself() -> ColumnElement[bool]:
    """The condition on incidents that nobody merged them into another."""
    return ~exists().where(_C.incident_id == incident.c.id, _C.merged_into.is_not(None))


def remove_posts(tx: Transaction, keys: Collection[PostKey]) -> None:
    """Take posts out of what detection knows, and out of what was split off."""
    for work in _shaped(tx):
        parts = tuple(replaced(part, posts=_left(part.posts, keys)) for part in work.parts)
        detected = None if work.detected is None else _without(work.detected, keys)
        _rewrite(tx, work, replaced(work, parts=parts, detected=detected))


def reword(tx: Transaction, without: Callable[[Any], Any]) -> None:
    """Put every text that may quote a post through `without`."""
    for work in _shaped(tx):
        detected = work.detected
        if detected is not None:
            headline, facts = without(detected.headline), without(dict(detected.facts))
            detected = replaced(detected, headline=headline, facts=facts)
        parts = tuple(replaced(part, terms=tuple(without(part.terms))) for part in work.parts)
        _rewrite(tx, work, replaced(work, headline=without(work.headline), parts=parts, detected=detected))


def _shaped(tx: Transaction) -> list[Casework]:
    return [_casework(row, (), ()) for row in tx.execute(select(casework).where(_C.detected.is_not(None))).all()]


def _rewrite(tx: Transaction, before: Casework, after: Casework) -> None:
    if after != before:
        statement = update(casework).where(_C.incident_id == after.incident_id)
        tx.execute(statement.values(shaping=_shaping(after), detected=_detected(after)))


def _shaping(work: Casework) -> Any:
    return msgspec.to_builtins(_Shaping(**{name: getattr(work, name) for name in _SHAPING}))


def _detected(work: Casework) -> Any:
    return None if work.detected is None else msgspec.to_builtins(work.detected)


def _left(posts: Iterable[PostKey], keys: Collection[PostKey]) -> tuple[PostKey, ...]:
    return tuple(key for key in posts if key not in keys)


def _without(of: Incident, keys: Collection[PostKey]) -> Incident:
    origin = None if of.origin in keys else of.origin
    return replaced(of, evidence=_left(of.evidence, keys), origin=origin)


def _related(tx: Transaction, statement: Select[Any], incident_ids: Collection[str]) -> list[Casework]:
    ids = list(incident_ids)
    names = tx.scalars(statement, {"names": ids}) if ids else ()
    return list(of_many(tx, list(names)).values())


def _listed(tx: Transaction, statement: Select[Any], ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for incident_id, value in tx.execute(statement, {"names": ids}) if ids else ():
        found[incident_id] = (*found.get(incident_id, ()), value)
    return found


def _casework(row: Any, tags: tuple[str, ...], links: tuple[str, ...]) -> Casework:
    shaping = msgspec.convert(row.shaping, _Shaping)
    return Casework(
        incident_id=row.incident_id,
        assigned_to=row.assigned_to,
        tags=tags,
        links=links,
        merged_into=row.merged_into,
        split_from=row.split_from,
        detected=None if row.detected is None else msgspec.convert(row.detected, Incident),
        **{name: getattr(shaping, name) for name in _SHAPING},
    )
