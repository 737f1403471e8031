"""The whole path under the kill bench: a made source whose brand gets into trouble now and then, at event time.

Posts are read with a cursor, understood, stored, judged and told of, in the same process that sends. Judged at event
time, the same posts give the same incidents whatever is killed in between; so one run that nobody disturbs says which
incidents and alerts there must be.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from alerts.outbox import Sender
from alerts.speak import Speaker
from config.settings import Settings
from monitor.assembly import assemble
from monitor.leading import LEADER, NotLeadingError
from monitor.pipeline import Batch, Pipeline
from storage import cursors, incidents, leases
from storage.database import Database, Transaction
from storage.records import Cursor, Post

BRAND = "Halden Mobile"
SOURCE = "made"
START = datetime(2024, 3, 1, tzinfo=UTC)
CHUNK = 20
QUIET_DAYS = 3
POSTS_A_DAY = 170
"""About as many as `story` makes, for choosing its length."""
DAY = timedelta(days=1)
AFTER = timedelta(hours=6)
"""Event time judged after the last post, so that every incident ends."""
LEAD_FOR = timedelta(seconds=3)

_CALM = ("is my carrier", "has a shop here now", "sent me the bill today", "changed its logo", "works fine at home")
_ANGRY = ("is a disgrace", "threatened a customer", "lies to us", "has the worst support", "should be ashamed")
Said = tuple[str, int, int, str]
"""An alert as it is compared: incident, episode, number and reason."""


def story(days: int, seed: int = 1) -> list[Post]:
    """Posts of so many days in order of time: a calm brand, and after some days an hour of anger on each."""
    luck = random.Random(seed)  # noqa: S311
    times: list[tuple[datetime, bool]] = []
    for day in range(days):
        start = START + day * DAY
        times += [(start + luck.random() * DAY, False) for _ in range(40)]
        if day >= QUIET_DAYS:
            burst, size = start + timedelta(hours=luck.uniform(6, 20)), luck.choice((60, 120, 250))
            times += [(burst + timedelta(minutes=90 * math.sqrt(luck.random())), True) for _ in range(size)]
    return [_post(number, at, angry, luck) for number, (at, angry) in enumerate(sorted(times))]


def _post(number: int, at: datetime, angry: bool, luck: random.Random) -> Post:
    words = luck.choice(_ANGRY if angry else _CALM)
    text = f"{BRAND} {words}, says number {number} of {luck.randrange(10**6)}"
    return Post(source=SOURCE, external_id=f"p{number}", created_at=at, text=text, author=f"author-{number % 997}")


def settings(channels: Sequence[dict[str, Any]]) -> Settings:
    """The configuration of an operator who watches one brand."""
    watched = {"brands": [{"name": BRAND, "languages": ["en"]}], "channels": list(channels)}
    return Settings.model_validate({**watched, "understanding": {"languages": ["en"]}})


def expected(posts: Sequence[Post], chosen: Settings) -> list[Said]:
    """The alerts that there must be: of one process that nobody disturbs."""
    with Database.open("sqlite://") as database:
        pipeline = assemble(chosen, database)
        for start in range(0, len(posts), 500):
            pipeline.ingest(Batch(posts=posts[start : start + 500]))
        pipeline.advance(posts[-1].created_at + AFTER, settle=posts[-1].created_at + AFTER)
        return told(database)


def told(database: Database) -> list[Said]:
    """The alerts that there are."""
    with database.read() as tx:
        known = incidents.recent(tx, limit=100_000)
        alerts = [alert for incident in known for alert in incidents.alerts(tx, incident.id)]
    return sorted((alert.incident_id, alert.episode, alert.seq, alert.reason.value) for alert in alerts)


def is_read(database: Database, posts: Sequence[Post]) -> bool:
    """Whether the source was read to its end and everything of it was judged."""
    with database.read() as tx:
        return _position(tx) > len(posts)


@dataclass
class WholeWorker:
    """One process of the program: it reads, judges and tells while it leads, and sends in any case."""

    posts: Sequence[Post]
    owner: str
    database: Database
    pipeline: Pipeline
    sender: Sender
    lease: leases.Lease | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Let nothing be judged that another leader has judged."""
        self.pipeline.guard = self._must_lead

    def decide(self) -> None:
        """Read the next posts and judge up to the last of them."""
        self._lead()
        if self.lease is None:
            return
        with self.database.read() as tx:
            position = _position(tx)
        if position > len(self.posts):
            return
        batch = self.posts[position : position + CHUNK]
        ends = position + CHUNK >= len(self.posts)
        now = self.posts[-1].created_at + AFTER if ends else batch[-1].created_at
        try:
            self.pipeline.ingest(Batch(posts=batch, cursor=_cursor(position + len(batch))))
            self.pipeline.advance(now, settle=now)
            if ends:
                self.pipeline.ingest(Batch(cursor=_cursor(len(self.posts) + 1)))
        except NotLeadingError:
            return

    def end(self) -> None:
        """Give the leader's lease back."""
        if self.lease is not None:
            with self.database.write() as tx:
                leases.release(tx, self.lease, datetime.now(UTC))

    def _lead(self) -> None:
        before, now = self.lease, datetime.now(UTC)
        with self.database.write() as tx:
            self.lease = leases.acquire(tx, LEADER, self.owner, now, LEAD_FOR)
        if self.lease and (before is None or before.fence != self.lease.fence):
            self.pipeline.forget()

    def _must_lead(self, tx: Transaction) -> None:
        held = leases.get(tx, LEADER, locked=True)
        if self.lease is None or (held.fence, held.owner) != (self.lease.fence, self.owner):
            raise NotLeadingError


def build(posts: Sequence[Post], chosen: Settings, database: Database, sender: Sender, owner: str) -> WholeWorker:
    """Put one together."""
    pipeline = assemble(chosen, database, speaker=Speaker.build(chosen))
    return WholeWorker(posts, owner, database, pipeline, sender)


def _position(tx: Transaction) -> int:
    cursor = cursors.get(tx, SOURCE)
    return int(cursor.position["next"]) if cursor else 0


def _cursor(position: int) -> Cursor:
    return Cursor(SOURCE, {"next": position}, datetime.now(UTC))
