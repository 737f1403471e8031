"""Which posts were deleted of late, so that whoever has others in memory need not read those again.

Every write makes another edition of the posts (storage/edition.py). Of deletions it is kept from which edition to which
they led, and what was deleted, as digests of names: a row beside the states, written in the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

import msgspec

from storage import edition, state
from storage.database import Transaction
from storage.records import PostKey

_NAME = "deletions"
MOST = 5_000
"""Digests that are kept, and more only of the last deletion."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """What is gone: posts with certain names, and any of those published before `until`."""

    names: frozenset[bytes]
    until: datetime | None

    def has(self, key: PostKey) -> bool:
        """Whether a post was deleted by its name."""
        return _digest(key) in self.names


class _Deletion(msgspec.Struct, array_like=True, frozen=True):
    before: int
    after: int
    names: list[bytes]
    until: datetime | None


@contextmanager
def noted(
    tx: Transaction, at: datetime, keys: Collection[PostKey] = (), until: datetime | None = None
) -> Iterator[None]:
    """Keep what is deleted inside: posts of these names, or any of those published before `until`."""
    before = edition.of(tx)
    yield
    after = edition.of(tx)
    if before is None or after is None:
        return
    kept = [*_all(tx), _Deletion(before, after, list(map(_digest, keys)), until)]
    while len(kept) > 1 and sum(1 + len(one.names) for one in kept) > MOST:
        del kept[0]
    state.save(tx, _NAME, at, msgspec.msgpack.encode(kept))


def since(tx: Transaction, seen: int) -> Deleted | None:
    """What was deleted since the edition `seen`; `None` where anything else was written as well, or it is not known."""
    now, at = edition.of(tx), seen
    names: set[bytes] = set()
    ends: list[datetime] = []
    for one in _all(tx):
        if one.before == at:
            at = one.after
            names.update(one.names)
            ends += [one.until] if one.until else []
    return Deleted(frozenset(names), max(ends, default=None)) if at == now else None


def _all(tx: Transaction) -> Iterable[_Deletion]:
    found = state.load(tx, _NAME)
    return msgspec.msgpack.decode(found[1], type=list[_Deletion]) if found else []


def _digest(key: PostKey) -> bytes:
    return blake2b("\x1f".join(key).encode("utf-8", "surrogatepass"), digest_size=8).digest()
