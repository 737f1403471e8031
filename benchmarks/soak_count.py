"""Counting what came of a soak: what was told, what was not, and how the program grew."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from alerts.freshness import REPEAT
from alerts.page import from_json
from monitor.audit import TOPIC as AUDIT
from monitor.memory import GIVE_BACK_EVERY
from storage import incidents, outbox
from storage.database import Database
from storage.incidents import SHELTERED
from storage.records import Delivery, DeliveryState, Incident, Reason
from tests.servers.mail import MailServer
from tests.servers.slack import Slack

SAMPLE_EVERY = 1.0
"""Seconds: the least after memory was given back lasts no longer than to the next look at the posts."""
SETTLED_AFTER = 120.0
SEEN = 0.9
"""The share of a span that was seen at the least; a busy machine is late with a look."""


@dataclass
class Sample:
    """The process at one moment of its life."""

    age: float
    rss_mb: float
    anonymous_mb: float
    """What is not of files: neither the libraries nor what SQLite's processes share."""
    descriptors: int
    threads: int


@dataclass(kw_only=True)
class Past:
    """What a soak has done so far, and the servers that know what was told of it."""

    mail: MailServer
    slack: Slack
    brands: Sequence[str]
    stories: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    told_of: dict[str, float] = field(default_factory=dict)
    lives: list[list[Sample]] = field(default_factory=list)

    def is_told(self, brand: str) -> bool:
        """Whether both places have heard of the company's trouble."""
        in_room = any(brand in json.dumps(root.blocks, ensure_ascii=False) for root in self.slack.roots())
        return in_room and any(brand in str(one.message["Subject"]) for one in self.mail.inbox("pr@halden.example"))


@dataclass
class Result:
    """What the run showed."""

    minutes: float
    brands: int
    faults: dict[str, int]
    stories: int
    incidents: int
    lost: int
    waiting: int
    repeated: int
    marked: int
    resent: int
    audited: int
    slowest_s: float
    lives: int
    life_minutes: float
    rss_mb: list[float]
    rss_mb_an_hour: tuple[float, float]
    lowest_mb: list[float]
    lowest_mb_an_hour: tuple[float, float]
    lowest_doubt: tuple[float, float]
    descriptors: tuple[int, int]
    threads: tuple[int, int]


def sample(process: int, age: float) -> Sample:
    """How large a process is, looked at from outside."""
    place = Path(f"/proc/{process}")
    status = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
    return Sample(
        age=age,
        rss_mb=int(status["VmRSS"].split()[0]) / 1024,
        anonymous_mb=int(status["RssAnon"].split()[0]) / 1024,
        descriptors=len(list((place / "fd").iterdir())),
        threads=int(status["Threads"]),
    )


def counted(past: Past, database: Database, minutes: float) -> Result:
    """What the database and the servers say of a soak that is over."""
    with database.read() as tx:
        known = incidents.recent(tx, limit=100_000)
        deliveries = {one.id: outbox.history(tx, one.id) for one in known}
        audited = sum(one.topic == AUDIT for one in known)
        sheltered = {
            one.id for one in known if any(said.why.startswith(SHELTERED) for said in incidents.alerts(tx, one.id))
        }
    seen = Counter(past.slack.delivery_ids())
    mails = Counter(one.message_id.strip("<>").partition("@")[0] for one in past.mail.taken)
    marked = sum(REPEAT in json.dumps(one.blocks, ensure_ascii=False) for one in past.slack.messages)
    taken = {"room": seen, "mail": mails}
    everything = [item for items in deliveries.values() for item in items]
    unheard = [brand for brand in past.told_of if not past.is_told(brand)]
    waiting = [brand for brand in unheard if _is_waiting(brand, known, deliveries, sheltered)]
    sent = [item for item in everything if item.state is DeliveryState.SENT and not _only_edits(item)]
    vanished = [item for item in sent if not taken[item.channel][item.id]]
    begun = Counter(
        (item.incident_id, item.episode, item.channel)
        for item in everything
        if item.reason is Reason.OPENED and taken[item.channel][item.id]
    )
    life = max(past.lives, key=len)
    settled = [sample for sample in life if sample.age > SETTLED_AFTER] or life
    return Result(
        minutes=minutes,
        brands=len(past.brands),
        faults=dict(sorted(past.faults.items())),
        stories=past.stories,
        incidents=sum(not one.is_system for one in known),
        lost=len(unheard) - len(waiting) + len(vanished),
        waiting=len(waiting),
        repeated=max(0, sum(number - 1 for number in seen.values()) - marked) + sum(n - 1 for n in begun.values()),
        marked=marked,
        resent=sum(number - 1 for number in mails.values()),
        audited=audited,
        slowest_s=_slowest(past, known, {one.id: deliveries[one.id] for one in known}),
        lives=len(past.lives),
        life_minutes=round(life[-1].age / 60, 1),
        rss_mb=[round(one.rss_mb, 1) for one in life[:: int(120 / SAMPLE_EVERY)]],
        rss_mb_an_hour=_slopes([(one.age, one.rss_mb) for one in settled]),
        lowest_mb=[round(size, 1) for _, size in _lowest(settled)],
        lowest_mb_an_hour=_slopes(_lowest(settled)),
        lowest_doubt=_doubts(_lowest(settled)),
        descriptors=(min(one.descriptors for one in settled), max(one.descriptors for one in settled)),
        threads=(min(one.threads for one in settled), max(one.threads for one in settled)),
    )


def _only_edits(item: Delivery) -> bool:
    """Whether it says nothing new, but shows the picture in a message that is there: no server has it by its name."""
    return item.reason is Reason.UPDATE and not from_json(item.page).changed


def _slowest(past: Past, known: Sequence[Incident], deliveries: dict[str, Any]) -> float:
    """Seconds from when a first message was due to the first server that had it, at the worst."""
    at: dict[str, float] = {}
    for posted in past.slack.messages:
        at.setdefault(posted.delivery_id or "", posted.at)
    for one in past.mail.taken:
        at.setdefault(one.message_id.strip("<>").partition("@")[0], one.at)
    waits = []
    for incident in known:
        first = [item for item in deliveries[incident.id] if item.reason is Reason.OPENED and item.id in at]
        if first and not incident.is_system:
            due = min(item.first_due_at.timestamp() for item in first)
            waits.append(min(at[item.id] for item in first) - due)
    return round(max(waits, default=0.0), 1)


def _is_waiting(
    brand: str, known: Sequence[Incident], deliveries: dict[str, list[Delivery]], sheltered: set[str]
) -> bool:
    """Whether a message about the company waits for its turn, or speaks for it with others."""
    own = [one for one in known if one.brand == brand]
    paced = any(not item.state.is_terminal for one in own for item in deliveries[one.id])
    return paced or any(one.id in sheltered for one in own)


def _lowest(life: Sequence[Sample]) -> list[tuple[float, float]]:
    """The smallest that the program was between two moments at which free memory is given back, and when.

    A span of which much was not seen is left out: it may have been without such a moment, and be all wave.
    """
    length = GIVE_BACK_EVERY.total_seconds()
    spans: dict[int, list[Sample]] = {}
    for one in life:
        spans.setdefault(int(one.age / length), []).append(one)
    whole = [span for span in spans.values() if span[-1].age - span[0].age >= SEEN * length]
    smallest = [min(span, key=lambda one: one.anonymous_mb) for span in whole]
    return [(one.age, one.anonymous_mb) for one in smallest]


def _slopes(sizes: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Growth of memory in MB an hour, by a straight line through each half of a life: pairs of age and size."""
    first, second = map(_line, _halves(sizes))
    return first[0], second[0]


def _doubts(sizes: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The standard error of each of them."""
    first, second = map(_line, _halves(sizes))
    return first[1], second[1]


def _halves(sizes: Sequence[tuple[float, float]]) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    middle = (sizes[0][0] + sizes[-1][0]) / 2 if sizes else 0.0
    return [one for one in sizes if one[0] <= middle], [one for one in sizes if one[0] > middle]


def _line(sizes: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Slope of the line through pairs of age and size, an hour, and its standard error; three say nothing."""
    if len(sizes) < 4:
        return 0.0, 0.0
    line, covariance = np.polyfit([age / 3600 for age, _ in sizes], [size for _, size in sizes], 1, cov=True)
    return round(float(line[0]), 1), round(float(np.sqrt(covariance[0, 0])), 1)
