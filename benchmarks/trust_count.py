"""What the kill bench counts: the servers' own logs against what there was to say."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from alerts.freshness import REPEAT
from benchmarks import trust_whole
from benchmarks.trust_worker import TIMING, Plan
from storage import attempts, incidents, outbox
from storage import posts as post_store
from storage.attempts import Attempt
from storage.database import Database
from storage.records import Delivery, DeliveryState, Incident, Post, PostKey, Reason
from tests.servers.mail import MailServer
from tests.servers.slack import Posted, Slack


@dataclass
class Result:
    """What one run showed."""

    kills: int
    ambiguous: int
    lost: int
    repeated: int
    p50_ms: float | None
    p99_ms: float | None
    incidents: int
    resent: int
    by_point: dict[str, int]
    seconds: float
    posts: int = 0
    marked: int = 0
    late: int = 0
    stubborn: int = 0
    slowest_end_s: float = 0.0
    refused: int = 0

    @property
    def is_void(self) -> bool:
        """Whether the only repeats are those of a server that was slower than the run's timing allows."""
        return self.late > 0 and not self.lost and self.repeated <= self.late


def counted(database: Database, slack: Slack, mail: MailServer, points: Counter[str], seconds: float) -> Result:
    with database.read() as tx:
        known = incidents.recent(tx, limit=1_000_000)
        deliveries = {one.id: outbox.history(tx, one.id) for one in known}
        tries = [attempt for items in deliveries.values() for item in items for attempt in attempts.of(tx, item.id)]
    seen = Counter(slack.delivery_ids())
    mails = Counter(one.message_id.strip("<>").partition("@")[0] for one in mail.taken)
    cut_off = [one for one in tries if one.purpose == "send" and one.outcome in (None, DeliveryState.AMBIGUOUS)]
    latencies = sorted(_latencies(known, deliveries, slack, mail))
    return Result(
        kills=sum(points.values()),
        ambiguous=len(cut_off),
        lost=sum(_lost(deliveries[one.id], seen, mails) for one in known),
        repeated=sum(n - 1 for n in seen.values()) + sum(_told_twice(deliveries[one.id], seen, mails) for one in known),
        p50_ms=_share(latencies, 0.5),
        p99_ms=_share(latencies, 0.99),
        incidents=len(known),
        resent=sum(n - 1 for n in mails.values()),
        by_point=dict(sorted(points.items())),
        seconds=round(seconds, 1),
        marked=sum(_is_marked(one) for one in slack.messages),
        late=sum(_is_late(one, tries) for one in _first_copies(slack)),
        refused=sum("refused" in (one.error or "") for one in tries),
    )


def repeats(database: Database, slack: Slack) -> Iterator[str]:
    """What was tried for each Slack message that people see twice, and when its copies were taken: a line each."""
    copies: dict[str, list[float]] = {}
    for posted in slack.messages:
        copies.setdefault(posted.delivery_id or "", []).append(posted.at)
    with database.read() as tx:
        for delivery_id, taken in copies.items():
            if len(taken) < 2:
                continue
            yield f"{delivery_id} taken at {', '.join(f'{at:.2f}' for at in taken)}"
            for one in attempts.of(tx, delivery_id):
                ended = f"{one.ended_at.timestamp():.2f}" if one.ended_at else "cut off"
                began = f"{one.started_at.timestamp():.2f}"
                yield f"  {one.attempt} {one.purpose} {began} to {ended}: {one.outcome or '-'} {one.error or ''}"


def compared(result: Result, database: Database, posts: Sequence[Post], plan: Plan) -> Result:
    """The result with what the whole path lost or made twice, against a run that nobody disturbed."""
    said, wanted = Counter(trust_whole.told(database)), Counter(trust_whole.expected(posts, plan.settings()))
    with database.read() as tx:
        stored = sum(len(post_store.get(tx, keys)) for keys in _pieces([post.key for post in posts]))
    lost = (wanted - said).total() + len(posts) - stored
    repeated = result.repeated + (said - wanted).total()
    return replace(result, lost=result.lost + lost, repeated=repeated, posts=stored, p50_ms=None, p99_ms=None)


def _pieces(keys: Sequence[PostKey], size: int = 500) -> Iterator[Sequence[PostKey]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


def _first_copies(slack: Slack) -> Iterator[Posted]:
    """The first copy of every message that people see twice."""
    copies: dict[str, list[Posted]] = {}
    for posted in slack.messages:
        copies.setdefault(posted.delivery_id or "", []).append(posted)
    yield from (found[0] for found in copies.values() if len(found) > 1)


def _is_late(posted: Posted, tries: Sequence[Attempt]) -> bool:
    """Whether the server took a message later than the provider is given for it, so that looking for it was vain."""
    began = [
        one.started_at.timestamp()
        for one in tries
        if one.delivery_id == posted.delivery_id and one.purpose == "send" and one.started_at.timestamp() <= posted.at
    ]
    return bool(began) and posted.at - max(began) > (TIMING.deadline + TIMING.settle).total_seconds()


def _is_marked(posted: Posted) -> bool:
    return REPEAT in json.dumps(posted.blocks, ensure_ascii=False) or REPEAT in posted.text


def _lost(items: Sequence[Delivery], seen: Counter[str], mails: Counter[str]) -> int:
    """Places that did not hear of the end of an incident, and messages recorded as sent that nobody has."""
    lost = 0
    for channel, taken in (("slack", seen), ("mail", mails)):
        here = [item for item in items if item.channel == channel]
        lost += not any(item.reason is Reason.RESOLVED and taken[item.id] for item in here)
        lost += sum(item.state is DeliveryState.SENT and not taken[item.id] for item in here)
        lost += sum(item.state is DeliveryState.DEAD for item in here)
    return lost


def _told_twice(items: Sequence[Delivery], seen: Counter[str], mails: Counter[str]) -> int:
    """Beginnings and ends of an episode that a place was told more than once, under different identities."""
    taken = {"slack": seen, "mail": mails}
    told = Counter(
        (item.episode, item.channel, item.reason)
        for item in items
        if item.reason in (Reason.OPENED, Reason.RESOLVED) and taken[item.channel][item.id]
    )
    return sum(times - 1 for times in told.values())


def _latencies(
    known: Sequence[Incident], deliveries: dict[str, list[Delivery]], slack: Slack, mail: MailServer
) -> Iterator[float]:
    """Milliseconds from the decision to the first server that took anything about an incident."""
    at: dict[str, float] = {}
    for posted in slack.messages:
        at[posted.delivery_id or ""] = min(posted.at, at.get(posted.delivery_id or "", posted.at))
    for one in mail.taken:
        name = one.message_id.strip("<>").partition("@")[0]
        at[name] = min(one.at, at.get(name, one.at))
    for incident in known:
        first = min((at[item.id] for item in deliveries[incident.id] if item.id in at), default=None)
        if first is not None:
            yield (first - incident.opened_at.timestamp()) * 1000


def _share(values: Sequence[float], share: float) -> float:
    return round(values[min(len(values) - 1, int(len(values) * share))], 1) if values else 0.0
