"""Erasing posts everywhere, messages to people included, as one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
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


def take_back(tx: Transaction, routing: Routing, source: str, gone: Mapping[str, str], at: datetime) -> None:
    """Remove posts of a source that are there no longer, by what it says happened to them."""
    grouped: dict[str, list[PostKey]] = defaultdict(list)
    for name, reason in gone.items():
        grouped[f"{reason} at its source"].append((source, name))
    for reason, keys in grouped.items():
        remove(tx, routing, keys, at, reason)
