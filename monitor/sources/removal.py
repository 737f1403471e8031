"""Erasing posts everywhere, messages to people included, as one transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from alerts.retract import Retracted, retract
from alerts.routing import Routing
from storage import erasure
from storage.database import Transaction
from storage.records import PostKey


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed: posts, and what is done about messages that quoted them."""

    posts: tuple[PostKey, ...] = ()
    messages: Retracted = field(default_factory=Retracted)


def remove(tx: Transaction, routing: Routing, keys: Collection[PostKey], at: datetime, reason: str) -> Removed:
    """Erase posts from the database, and enqueue the change of every message that quoted them."""
    if not keys:
        return Removed()
    gone = erasure.erase(tx, keys, at, reason)
    return Removed(gone.posts, retract(tx, routing, gone.remote_pages, at))
