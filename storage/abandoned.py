"""Channels that a process does not know: of another configuration beside it, or of nobody any more."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, exists, select

from storage.database import Transaction
from storage.outbox import NOW, is_blocked, is_claimable
from storage.records import DeliveryState
from storage.schema import delivery

ABANDONED_AFTER = timedelta(minutes=2)
"""How long what is due in a channel waits for a process that knows the channel: while the program is started again
under another configuration, processes with the old and the new one run beside each other."""
_D = delivery.c


def abandoned(tx: Transaction, now: datetime, known: Collection[str]) -> list[str]:
    """The channels beside those `known` in which something is overdue and nobody has sent anything lately."""
    then = now - ABANDONED_AFTER
    return [name for name in tx.scalars(_overdue(frozenset(known)), {"now": then}) if not _is_served(tx, name, then)]


@lru_cache(maxsize=16)
def _overdue(known: frozenset[str]) -> Select[Any]:
    """Asked with every round of a sender, and put together once."""
    overdue = select(_D.channel).where(is_claimable(NOW), _D.channel.not_in(sorted(known)), ~is_blocked(NOW))
    return overdue.distinct().order_by(_D.channel)


def _is_served(tx: Transaction, name: str, since: datetime) -> bool:
    """Whether somebody sends through the channel, as well as that goes."""
    attempted = (_D.channel == name, _D.attempted_at > since, _D.state != DeliveryState.DEAD.value)
    return bool(tx.scalar(select(exists().where(*attempted))))
