"""Whose posts of a source are stored, so that accounts of strangers that are gone cost nothing (decision 205)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from storage import posts as post_store
from storage.database import Transaction
from storage.records import Post

READ_AGAIN_AFTER = timedelta(days=1)
"""Old posts are deleted every day, and with some the last that their author had."""


class Authors:
    """The authors of one source, read when somebody first asks, then added to with every page, and read anew daily.

    Only hashes of their names are in memory, so that nobody has to be let go of when posts are deleted: to read all
    authors anew takes a look at every post. Who shares a hash by chance is looked for in vain.
    """

    def __init__(self, source: str) -> None:
        """Nobody is known before the first question."""
        self._source = source
        self._known: set[int] | None = None
        self._read_at: datetime | None = None

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._known or ())

    def add(self, posts: Iterable[Post]) -> None:
        """Take in those whose posts are about to be stored."""
        if (known := self._known) is not None:
            known.update(hash(post.author) for post in posts if post.author)

    def among(self, tx: Transaction, names: Collection[str], now: datetime) -> set[str]:
        """Which of the names are authors of what is stored."""
        known = self._known
        if known is None or self._read_at is None or not self._read_at <= now < self._read_at + READ_AGAIN_AFTER:
            known = self._known = set(map(hash, post_store.authors(tx, self._source)))
            self._read_at = now
        return {name for name in names if hash(name) in known}
