"""Whose posts of a source are stored, so that accounts of strangers that are gone cost nothing (decision 205)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from monitor.remembered import minded
from storage import posts as post_store
from storage.database import Transaction
from storage.records import Post

READ_AGAIN_AFTER = timedelta(days=1)
"""Old posts are deleted every day, and with some the last that their author had."""


class Authors:
    """The authors of one source, read when somebody first asks, then added to with every page, and read anew daily."""

    def __init__(self, source: str) -> None:
        """Nobody is known before the first question."""
        self._source = source
        self._known: set[str] | None = None
        self._read_at: datetime | None = None
        minded(self)

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._known or ())

    def let_go(self) -> None:
        """Remember nobody; the next question reads them anew."""
        self._known = None

    def add(self, posts: Iterable[Post]) -> None:
        """Take in those whose posts are about to be stored."""
        if (known := self._known) is not None:
            known.update(post.author for post in posts if post.author)

    def among(self, tx: Transaction, names: Collection[str], now: datetime) -> set[str]:
        """Which of the names are authors of what is stored."""
        known = self._known
        if known is None or self._read_at is None or not self._read_at <= now < self._read_at + READ_AGAIN_AFTER:
            known = self._known = post_store.authors(tx, self._source)
            self._read_at = now
        return known.intersection(names)
