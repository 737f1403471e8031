"""What `tocsin db forget` has erased and not yet told, so that whoever was cut off can be told of it with the next.

A receipt is printed and not kept; only until it is printed it is written down, in the transactions that erase. It holds
names of sources and identities of deliveries, and no word of a post or its author.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

import msgspec

from storage import state
from storage.database import Transaction
from storage.records import PostKey

NAME = "erasing"
"""Of the row in which it stands, among the states."""


@dataclass(frozen=True)
class Untold:
    """What was erased since `since` and nobody was told of: posts of each source, items that waited, and the deliveries
    that quoted them, by their identities."""

    since: datetime
    posts: Mapping[str, int] = field(default_factory=dict)
    waiting: int = 0
    changed: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()

    def with_posts(self, keys: Collection[PostKey], changed: Collection[str], beyond: Collection[str]) -> Self:
        """This, and these posts; a message that quoted several is named once."""
        return replace(
            self,
            posts=dict(Counter(self.posts) + Counter(source for source, _ in keys)),
            changed=tuple(dict.fromkeys((*self.changed, *changed))),
            beyond=tuple(dict.fromkeys((*self.beyond, *beyond))),
        )


def load(tx: Transaction) -> Untold | None:
    """What an erasure has erased that was cut off, or goes on; None when all was told."""
    found = state.load(tx, NAME)
    return msgspec.msgpack.decode(found[1], type=Untold) if found else None


def save(tx: Transaction, untold: Untold) -> None:
    """Keep it until it is told."""
    state.save(tx, NAME, untold.since, msgspec.msgpack.encode(untold))


def forget(tx: Transaction, untold: Untold) -> None:
    """It was told; one that began at another time stays."""
    state.forget(tx, NAME, at=untold.since)
