"""A simulated day: what four platforms had, against what was stored and what the ledger says is missing.

    python -m benchmarks.day [--every MINUTES]

Local servers play Hacker News, Reddit, X and a feed by their documented protocols, on a clock that the day turns. They
are down, limit, cap and cut; the program is away for three hours; another process takes over; a budget runs out. Every
post that a server had must be stored, or lie in a span that the ledger of gaps calls missing: nothing is unaccounted
for. Nothing sleeps and nothing leaves this machine.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import structlog

from config.settings import Settings
from monitor.assembly import assemble, build_collector
from monitor.collecting import SourceJob
from monitor.sources.budget import Budget, tariff_of
from monitor.sources.pace import Pace
from storage import gaps, posts, runs, schedule
from storage.database import Database
from storage.records import Gap
from tests.servers.feed_host import Article, FeedHost
from tests.servers.hackernews_api import HackerNewsServer, Item
from tests.servers.reddit_api import CLIENT_ID, CLIENT_SECRET, RedditServer, Thing
from tests.servers.web import Reply, WebServer
from tests.servers.x_api import TOKEN, Tweet, XServer, snowflake

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
AWAY = (12.0, 15.0)
"""Hours in which the program does not run."""
TAKEN_OVER_AT = 18.0
"""Hour at which another process goes on."""

RATES: Mapping[str, Callable[[float], float]] = {
    "hackernews": lambda hour: 2500 if 9 <= hour < 9.5 else 60,
    "reddit": lambda hour: 120 if 3 <= hour < 8 else 15,
    "twitter": lambda hour: 400 if 20 <= hour < 22 else 12,
    "feeds": lambda hour: 12 if 12 <= hour < 15 else 2,
}
"""Posts an hour on each platform."""

FAULTS: Mapping[str, tuple[tuple[float, float, Reply], ...]] = {
    "hackernews": ((2.0, 4.0, Reply(503)), (16.0, 16.4, Reply(200, b"<html>Sign in</html>"))),
    "reddit": ((3.5, 8.0, Reply(502)), (17.0, 17.3, Reply(429, headers={"Retry-After": "900"}))),
    "twitter": ((6.0, 7.0, Reply(429, headers={"Retry-After": "600"})), (10.0, 11.0, Reply(401, b"{}"))),
    "feeds": ((5.0, 6.0, Reply(500)),),
}
"""From which hour to which a platform answers with what, in place of its own answer."""

CONFIGURATION: Mapping[str, dict[str, Any]] = {
    "hackernews": {"overlap": "5m", "fallback": False, "requests_per_day": 260, "reserve": 0.0},
    "reddit": {
        "client_id": {"env": "DAY_REDDIT_ID"},
        "client_secret": {"env": "DAY_REDDIT_SECRET"},
        "watch_at_most": 0,
    },
    "twitter": {"bearer_token": {"env": "DAY_X_TOKEN"}, "posts_per_day": 900, "threads": 0},
    "feeds": {"allow_private_hosts": ["127.0.0.1"]},
}


@dataclass
class Clock:
    """The time of the day that is simulated."""

    now: datetime = MIDNIGHT

    def __call__(self) -> datetime:
        return self.now

    @property
    def hour(self) -> float:
        """Hours since midnight."""
        return (self.now - MIDNIGHT) / HOUR


@dataclass
class Platform:
    """A server, what it will publish, and what it has published."""

    name: str
    server: WebServer
    publish: Callable[[int, datetime], str]
    plan: list[datetime]
    had: dict[str, datetime] = field(default_factory=dict)

    def go_on(self, clock: Clock) -> None:
        """Publish what is due, and answer as the hour demands."""
        while self.plan and self.plan[0] <= clock.now:
            at = self.plan.pop(0)
            self.had[self.publish(len(self.had), at)] = at
        faults = [reply for begin, end, reply in FAULTS[self.name] if begin <= clock.hour < end]
        self.server.faults.clear()
        self.server.faults.extend(faults * 50)


@dataclass(frozen=True)
class Account:
    """What came of one platform's posts."""

    source: str
    had: int
    stored: int
    gaps: int
    """Posts that were not stored and lie in a span that the ledger calls missing."""
    said_missing: float
    """How many posts the ledger says are missing: the share of each gap, times what the server had in it."""
    unaccounted: int
    spans: int
    requests: int


def times_of(name: str, seed: int) -> list[datetime]:
    """When the posts of the day are written, at random at the platform's rate."""
    draw = Random(f"{name}{seed}")  # noqa: S311  (a day that can be lived through again)
    found, minute = [], MIDNIGHT
    while minute < MIDNIGHT + timedelta(days=1):
        expected = RATES[name]((minute - MIDNIGHT) / HOUR) / 60
        count = int(expected) + (draw.random() < expected % 1)
        found += [minute + timedelta(seconds=draw.randrange(60)) for _ in range(count)]
        minute += timedelta(minutes=1)
    return sorted(found)


@contextmanager
def platforms(clock: Clock, seed: int) -> Iterator[dict[str, Platform]]:
    """The four servers, each with its plan for the day."""
    with ExitStack() as stack:
        hackernews = stack.enter_context(HackerNewsServer())
        reddit = stack.enter_context(RedditServer(ends_after=250))
        x = stack.enter_context(XServer(clock))
        feed = stack.enter_context(FeedHost(shown=20))

        def item(number: int, at: datetime) -> str:
            hackernews.shelf.items[number + 100] = Item(number + 100, int(at.timestamp()), title=f"Norrvik {number}")
            return str(number + 100)

        def thing(number: int, at: datetime) -> str:
            name = f"t3_{number + 36:x}"
            reddit.things[name] = Thing(name, int(at.timestamp()), "", title=f"Norrvik {number}")
            return name

        def tweet(number: int, at: datetime) -> str:
            made = Tweet(snowflake(at, number % 4096), at, f"Norrvik {number}")
            x.tweets[made.number] = made
            return str(made.number)

        def article(number: int, at: datetime) -> str:
            feed.articles.append(Article(number + 1, at, f"Norrvik {number}"))
            return f"{feed.url.replace('http:', 'https:')}?p={number + 1}"

        made: dict[str, tuple[WebServer, Callable[[int, datetime], str]]] = {
            "hackernews": (hackernews, item),
            "reddit": (reddit, thing),
            "twitter": (x, tweet),
            "feeds": (feed, article),
        }
        yield {name: Platform(name, server, publish, times_of(name, seed)) for name, (server, publish) in made.items()}


def settings_for(found: Mapping[str, Platform], every: timedelta) -> Settings:
    """The configuration of somebody who watches all four."""
    url = {name: platform.server.url for name, platform in found.items()}
    addresses: dict[str, dict[str, Any]] = {
        "hackernews": {"algolia_url": url["hackernews"], "firebase_url": f"{url['hackernews']}/items"},
        "reddit": {"oauth_url": url["reddit"], "reddit_url": url["reddit"]},
        "twitter": {"base_url": url["twitter"]},
        "feeds": {"feeds": [f"{url['feeds']}/feed"], "allow_ports": [int(url["feeds"].rpartition(":")[2])]},
    }
    interval = f"{int(every.total_seconds())}s"
    sources = [{"type": name, "every": interval, **CONFIGURATION[name], **addresses[name]} for name in CONFIGURATION]
    return Settings.model_validate({"brands": [{"name": "Norrvik"}], "sources": sources})


def new_jobs(settings: Settings, database: Database, clock: Clock) -> dict[str, SourceJob]:
    """The jobs of a process that has just begun."""
    pipeline, jobs = assemble(settings, database), {}
    for source in settings.sources:
        collector = build_collector(source, settings, clock)
        budget = Budget.of(source, tariff_of(collector))
        pace = Pace.of(source, counts_requests=budget.is_limited)
        jobs[source.name] = SourceJob(collector, source.every, database, pipeline, clock, pace=pace, budget=budget)
    with database.write() as tx:
        for name, job in jobs.items():
            schedule.plan(tx, name, job.every, clock())
    return jobs


def live_through(found: Mapping[str, Platform], database: Database, clock: Clock, every: timedelta) -> None:
    """The day, turn after turn, and as much of the next as reading to the end takes."""
    settings = settings_for(found, every)
    jobs = new_jobs(settings, database, clock)
    is_second = False
    due = dict.fromkeys(jobs, clock())
    while clock.hour < 24.5:
        name = min(due, key=lambda each: due[each])
        clock.now = max(clock.now, due[name])
        if AWAY[0] <= clock.hour < AWAY[1]:
            clock.now = MIDNIGHT + AWAY[1] * HOUR
            jobs = new_jobs(settings, database, clock)
        if clock.hour >= TAKEN_OVER_AT and not is_second:
            jobs, is_second = new_jobs(settings, database, clock), True
        found[name].go_on(clock)
        due[name] = jobs[name].run()


def account(platform: Platform, database: Database) -> Account:
    """What came of a platform's posts: stored, in a gap, or neither."""
    end = MIDNIGHT + timedelta(days=2)
    with database.read() as tx:
        known = {post.external_id for post in posts.get(tx, [(platform.name, name) for name in platform.had])}
        missing = [gap for gap in gaps.between(tx, MIDNIGHT - timedelta(days=1), end, platform.name) if gap.is_open]
        requests = sum(run.requests for run in runs.recent(tx, platform.name, limit=10_000))
    lost = {name: at for name, at in platform.had.items() if name not in known}
    in_gaps = [name for name, at in lost.items() if any(_holds(gap, at) for gap in missing)]
    said = sum(gap.share_missing * sum(_holds(gap, at) for at in platform.had.values()) for gap in missing)
    return Account(
        platform.name,
        len(platform.had),
        len(platform.had) - len(lost),
        len(in_gaps),
        said,
        len(lost) - len(in_gaps),
        len(missing),
        requests,
    )


def _holds(gap: Gap, at: datetime) -> bool:
    """Whether a post of this time lies in the span; platforms tell times by the second."""
    second = timedelta(seconds=1)
    return gap.starts_at - second <= at <= gap.ends_at + second


def simulate(every: timedelta, seed: int = 1) -> list[Account]:
    """Live through the day; the account of each platform."""
    os.environ |= {"DAY_REDDIT_ID": CLIENT_ID, "DAY_REDDIT_SECRET": CLIENT_SECRET, "DAY_X_TOKEN": TOKEN}
    clock = Clock()
    with (
        tempfile.TemporaryDirectory() as folder,
        platforms(clock, seed) as found,
        Database.open(f"sqlite:///{folder}/day.db") as database,
    ):
        live_through(found, database, clock, every)
        return [account(platform, database) for platform in found.values()]


def main() -> None:
    """Print the account; the exit code is 1 when a post is unaccounted for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.day", description=__doc__.split("\n")[0])
    parser.add_argument("--every", type=int, default=5, metavar="MINUTES", help="how often each is read (default: 5)")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    accounts = simulate(timedelta(minutes=asked.every))
    titles = ("had", "stored", "in gaps", "ledger says", "unaccounted", "gaps", "requests")
    print(f"{'source':<12}" + "".join(f"{title:>13}" for title in titles))
    for one in accounts:
        counts = (one.had, one.stored, one.gaps, round(one.said_missing), one.unaccounted, one.spans, one.requests)
        print(f"{one.source:<12}" + "".join(f"{count:>13}" for count in counts))
    sys.exit(1 if any(one.unaccounted for one in accounts) else 0)


if __name__ == "__main__":
    main()
