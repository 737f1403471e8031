"""Putting what goes out in one message together: a claimed delivery with those that wait for the same digest.

This is done in the transaction of the claim. What is not worth telling any more is recorded there and then, what is
left is bound to one identity, and its words are those of now. So whoever finds the message again after a crash knows
exactly which deliveries were told in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerts.channels.contract import Message
from alerts.digests import MOST_ENTRIES, QUIET, digest_page
from alerts.freshness import Freshness, Ready
from alerts.page import Page, to_json
from alerts.speak import page_then
from alerts.verdict import Verdict
from storage import digests, incidents, outbox
from storage.database import Transaction
from storage.records import Delivery, Reason

_PASSING = (Reason.UPDATE, Reason.REMINDER)


@dataclass(frozen=True, slots=True)
class Parcel:
    """Claimed deliveries that are one message; `ready` where its words are known already. Empty: nothing to send."""

    deliveries: tuple[Delivery, ...]
    ready: Ready | None = None

    @property
    def first(self) -> Delivery:
        """The delivery that stands for all: its identity is the message's, and it is kept as long as any of them."""
        first = self.deliveries[0]
        lasting = next((item.reason for item in self.deliveries if item.reason not in _PASSING), first.reason)
        return first if len(self.deliveries) == 1 else replace(first, reason=lasting)


@dataclass(frozen=True, slots=True)
class Gathering:
    """Puts messages together; `url` is where all incidents are seen."""

    freshness: Freshness
    url: str = ""

    def parcel(self, tx: Transaction, first: Delivery, now: datetime, owner: str, lease: timedelta) -> Parcel:
        """What is sent with a delivery that was just claimed in `tx`."""
        if first.reason is Reason.RETRACTED:
            return Parcel((first,), self._retraction(tx, first, now) if first.digest_id else None)
        others = digests.companions(tx, first, now, owner, lease, MOST_ENTRIES - 1)
        if not others and first.digest_id is None:
            return Parcel((first,))
        told = [(item, ready) for item in (first, *others) if (ready := self._examined(tx, item, now)) is not None]
        if len(told) < 2 and first.digest_id is None:
            return Parcel(tuple(item for item, _ in told), told[0][1] if told else None)
        bound = [replace(item, page=to_json(ready.message.page)) for item, ready in told]
        if first.digest_id is None:
            bound = digests.bind(tx, bound)
        return Parcel(tuple(bound), Ready(self._message(bound, [ready.message.page for _, ready in told], now)))

    def _examined(self, tx: Transaction, item: Delivery, now: datetime) -> Ready | None:
        """The words of one delivery; `None` where it is not to be told, which is recorded."""
        ready = self.freshness.examine(tx, item, now)
        if isinstance(ready, Ready):
            return ready
        _settle(tx, item, ready, now)
        return None

    def _message(self, bound: Sequence[Delivery], pages: Sequence[Page], now: datetime) -> Message:
        names = Counter(item.digest or QUIET for item in bound)
        since = min(item.created_at for item in bound)
        page = digest_page(pages, names.most_common(1)[0][0], since, now, self.url)
        return Message(bound[0].digest_id or bound[0].id, bound[0].target, page)

    def _retraction(self, tx: Transaction, change: Delivery, now: datetime) -> Ready | None:
        """The digest in the words that are left of it, where it stands; `None` where nothing is left of it."""
        known = digests.members(tx, change.digest_id or "")
        pages = [page_then(item.page, told) for item in known if (told := incidents.get(tx, item.incident_id))]
        if not pages:
            return None
        page = replace(self._message(known, pages, now).page, reason=Reason.UPDATE)
        return Ready(Message(change.id, change.target, page, change.remote_id, is_retraction=True))


def _settle(tx: Transaction, item: Delivery, verdict: Verdict, now: datetime) -> None:
    outbox.record(tx, item.id, item.fence, state=verdict.state, now=now, due_at=verdict.due_at, error=verdict.error)
