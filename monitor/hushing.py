"""Silences that people make: checked, shown beforehand against what was, stored, and on record."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime, timedelta

from alerts.early_end import EarlyEnd
from alerts.words import span
from storage import audit, silences
from storage.database import Transaction
from storage.muting import Muting, muting
from storage.records import Silence

LONGEST = timedelta(days=30)
LOOK_BACK = timedelta(days=7)
MOST_SHOWN = 200
"""Incidents that a preview names, the newest; beyond them they are only counted."""
_MATCHERS = ("brand", "severity", "kind", "topic", "source", "incident_id")


class SilenceError(Exception):
    """What was asked for is no silence; the message says why and what would be one."""


def checked(rule: Silence, now: datetime) -> Silence:
    """The silence, with an identity; `SilenceError` when it makes no sense."""
    if not any(getattr(rule, name) is not None for name in _MATCHERS):
        raise SilenceError("it would silence everything; name a brand, severity, kind, topic, source or incident")
    if rule.ends_at <= max(now, rule.starts_at):
        raise SilenceError("it would be over before it begins; let it end later")
    if rule.ends_at - rule.starts_at > LONGEST:
        length = span((rule.ends_at - rule.starts_at).total_seconds())
        raise SilenceError(f"it would last {length}; 30 days are the longest, so that none is forgotten")
    if not rule.comment.strip():
        raise SilenceError("say why, for those who wonder at the silence")
    return replace(rule, id=rule.id or secrets.token_hex(4), comment=" ".join(rule.comment.split()))


def add(tx: Transaction, rule: Silence, now: datetime) -> Silence:
    """Store a silence as part of `tx`, with a line in the record of what people did."""
    made = checked(rule, now)
    silences.add(tx, made)
    audit.add(tx, now, made.author, "silence added", made.id, _details(made))
    return made


def end(tx: Transaction, name: str, by: str, now: datetime, early: EarlyEnd) -> tuple[Silence, int]:
    """End the silence called `name` (its id or the beginning of it), and let what it held go on; how much that is.

    `SilenceError` when there is none in force.
    """
    found = [rule for rule in silences.every(tx, since=now) if rule.id.startswith(name)]
    if len(found) != 1:
        several = f"{len(found)} silences begin so" if found else "no silence that still lasts is called so"
        raise SilenceError(f'"{name}": {several}; "tocsin silences list" shows them')
    held = early.end(tx, found[0], now)
    audit.add(tx, now, by, "silence ended", found[0].id, _details(found[0]))
    return replace(found[0], ends_at=min(found[0].ends_at, now)), held


def preview(tx: Transaction, rule: Silence, now: datetime) -> Muting:
    """What the silence would have held back in the last seven days."""
    return muting(tx, rule, now - LOOK_BACK, now + timedelta(seconds=1), MOST_SHOWN)


def total(muted: Muting) -> str:
    """How much that is, in a sentence."""
    if not muted.incidents:
        return "In the last 7 days it would have held nothing back."
    some = f"{muted.messages} message{_s(muted.messages)} about {muted.incidents} incident{_s(muted.incidents)}"
    return f"In the last 7 days it would have held back {some}."


def _s(number: int) -> str:
    return "" if number == 1 else "s"


def _details(rule: Silence) -> dict[str, object]:
    matchers = {name: str(value) for name in _MATCHERS if (value := getattr(rule, name)) is not None}
    ends = {"ends_at": rule.ends_at.isoformat(), "comment": rule.comment}
    return {**matchers, **ends, "include_critical": rule.include_critical}
