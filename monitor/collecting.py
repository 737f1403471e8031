"""One source's job: read it page by page, store each page with its cursor, and keep the books when it fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from alerts.routing import Routing
from collectors.contract import Collector, CollectorError, Counting, Page, raw_hash
from collectors.rounds import filed_as
from monitor import judging_again
from monitor.authors import Authors
from monitor.pipeline import Batch, Pipeline, always_allowed
from monitor.sharing import NotHoldingError
from monitor.sources.budget import Budget, rest_of_day, tariff_of, usual_turn
from monitor.sources.pace import Pace, Situation, Turn, has_moved, look_again, turn
from monitor.sources.removal import take_back
from monitor.sources.surprises import pages_of, surprises_told
from storage import cursors as cursor_store
from storage import gaps as gap_store
from storage import incidents as incident_store
from storage import posts as post_store
from storage import quarantine as quarantine_store
from storage import runs as run_store
from storage import schedule as schedule_store
from storage import spending
from storage.database import Database, Transaction
from storage.records import CollectorRun, Cursor, Gap, GapCause, Post, RunOutcome, SetAside, Spent, Stage

_log = structlog.get_logger(__name__)

BACK_OFF = (1, 2, 4, 8, 16, 32)
"""Failures in a row lengthen the interval by these factors."""
LONGEST_PAUSE = timedelta(hours=1)
PERMANENT_PAUSE = timedelta(minutes=5)
"""A source that cannot work until a person mends it is probed this often, so that the mend is noticed."""
PAGES_A_RUN = 500
"""A run that is longer goes on at the next one, so that no source starves the others."""
RUNS_SEEN = 12
"""Runs by which the pace is chosen."""
PUNCTUAL = timedelta(minutes=1)
"""A turn that is later than this and a usual interval was missed: nobody was there."""

ABSENT = "nobody read it: the program did not run"
BUDGET_SPENT = "the budget of the day is spent"


@dataclass
class Reading:
    """What one run has brought so far."""

    started_at: datetime
    posts: int = 0
    new_posts: int = 0
    requests: int = 0
    odd: int = 0
    """Items that made no sense."""
    complete: bool = False
    is_cut: bool = False
    """Whether the run was broken off with more to read."""


@dataclass
class SourceJob:
    """Reads one source when its turn comes; what a source does wrong is said and planned around, not raised.

    Every span in which it is not read is a row of the ledger: failures, absences (nobody ran, or nobody led), and days
    whose budget is spent. The first run that reads to the end fills them, and asks for that time to be judged again.
    Raises `NotHoldingError` when another process reads the source by now, which goes on where this one stopped.
    """

    collector: Collector
    every: timedelta
    database: Database
    pipeline: Pipeline
    clock: Callable[[], datetime]
    stopping: threading.Event = field(default_factory=threading.Event)
    failures: int = 0
    pace: Pace | None = None
    budget: Budget = field(default_factory=Budget)
    routing: Routing = field(default_factory=partial(Routing, (), {}))
    """Who was told of posts that their source takes back."""
    guard: Callable[[Transaction], None] = always_allowed
    """Asked inside every transaction that stores something; raises when another process reads the source by now."""
    holds: Callable[[], bool] = lambda: True
    """Whether it is still this process that reads the source: a run that is not ends with its page."""

    def __post_init__(self) -> None:
        """Take the tariff from the source; its accounts that are gone are mostly strangers'."""
        self.tariff = tariff_of(self.collector)
        self._authors = Authors(self.name)
        self.pace = self.pace or Pace(self.every, self.every, self.every)

    @property
    def name(self) -> str:
        """The source's configured name."""
        return self.collector.name

    def run(self) -> datetime:
        """Do what is to be done with the source now; returns when its turn comes again."""
        now = self.clock()
        self.note_absence(now)
        with self.database.read() as tx:
            situation = self._situation(tx, now)
        match turn(self._pace, situation):
            case Turn.SPENT:
                return self._leave_unread(situation)
            case Turn.WAIT:
                return self._postpone(now + self._pace.every, now)
            case Turn.COUNT if not self._has_moved(situation):
                return self._postpone(now + self._pace.every, now)
        return self._read_now(situation)

    def note_absence(self, now: datetime) -> None:
        """Put it on the ledger when nobody was there to read the source at its turn."""
        with self.database.read() as tx:
            planned, latest = schedule_store.of(tx, self.name), run_store.latest(tx, self.name)
            was_read = run_store.last_complete(tx, self.name) is not None
        if planned is None or latest is None or not was_read or now - planned.next_at <= PUNCTUAL + self.every:
            return
        gap = Gap(self.name, latest.started_at, now, ABSENT, cause=GapCause.ABSENCE)
        with self._write() as tx:
            gap_store.extend(tx, gap)
        _log.warning("source was not read by anybody", source=self.name, since=gap.starts_at.isoformat())

    # -- what is to be done --------------------------------------------------------------------------------------------

    @property
    def _pace(self) -> Pace:
        return self.pace or Pace(self.every, self.every, self.every)

    def _situation(self, tx: Transaction, now: datetime, just_run: CollectorRun | None = None) -> Situation:
        runs = [*([just_run] if just_run else []), *run_store.recent(tx, self.name, limit=RUNS_SEEN)]
        has_incident = any(self.name in incident.sources for incident in incident_store.live(tx))
        spent = spending.on(tx, self.name, now.astimezone(UTC).date())
        paid = [run for run in runs if run.outcome is not RunOutcome.FAILED]
        return Situation(
            now=now,
            runs=runs,
            turns_left=self.budget.turns_left(spent, usual_turn(self.tariff, paid), for_incident=has_incident),
            rest=rest_of_day(now),
            has_incident=has_incident,
            can_count=isinstance(self.collector, Counting),
            is_owed=any(gap.cause is GapCause.BUDGET for gap in gap_store.unfilled(tx, self.name, limit=20)),
        )

    def _leave_unread(self, situation: Situation) -> datetime:
        """The budget of the day is spent: a gap until a turn can be paid again, looked at as often as usual."""
        next_at = situation.now + min(self._pace.every, max(situation.rest, timedelta(seconds=1)))
        if situation.runs:
            since = situation.runs[0].started_at
            gap = Gap(self.name, since, situation.now, BUDGET_SPENT, cause=GapCause.BUDGET)
            with self._write() as tx:
                gap_store.extend(tx, gap)
        _log.warning("budget of the day is spent", source=self.name, again_at=next_at.isoformat())
        return self._postpone(next_at, situation.now)

    def _has_moved(self, situation: Situation) -> bool:
        """Ask how many posts wait; a source that cannot even be counted is read, so that the failure is booked."""
        if not isinstance(self.collector, Counting):
            return False
        with self.database.read() as tx:
            cursor = cursor_store.get(tx, self.name)
        try:
            with surprises_told(self.name):
                count = self.collector.count(cursor.position if cursor else None)
        except CollectorError:
            return True
        cost = self.tariff.dollars_per_count * count.requests
        self._pay(Spent(self.name, situation.now.astimezone(UTC).date(), count.requests, 0, cost))
        moved = has_moved(count.posts, self._pace, situation)
        _log.info("source counted", source=self.name, waiting=count.posts, moved=moved)
        return moved

    def _postpone(self, next_at: datetime, now: datetime) -> datetime:
        with self._write() as tx:
            schedule_store.postpone(tx, self.name, next_at)
        _log.debug("source put off", source=self.name, again_in=(next_at - now).total_seconds())
        return next_at

    # -- reading -------------------------------------------------------------------------------------------------------

    def _read_now(self, situation: Situation) -> datetime:
        reading = Reading(situation.now)
        error: CollectorError | None = None
        try:
            self._read(reading)
        except CollectorError as problem:
            error = problem
        except NotHoldingError:
            self._pay(self._spent(reading))  # what was asked was asked, whoever reads on
            raise
        return self._book(reading, error, self.clock())

    def _read(self, reading: Reading) -> None:
        with self.database.read() as tx:
            cursor = cursor_store.get(tx, self.name)
        pages = pages_of(self.name, self.collector.collect(cursor.position if cursor else None))
        for number, page in enumerate(pages, start=1):
            batch = Batch(
                posts=[*page.posts, *self._after_all(page)],
                samples=page.samples,
                gaps=page.gaps,
                set_aside=self._set_aside(page),
                cursor=Cursor(self.name, page.cursor, self.clock()),
                guard=self.guard,
            )
            reading.requests += page.requests
            reading.posts += len(page.posts)
            reading.new_posts += self.pipeline.ingest(batch).new_posts
            reading.odd += len(page.quarantined)
            reading.complete = page.complete
            if number >= PAGES_A_RUN or self.stopping.is_set() or not self.holds():
                reading.is_cut = not reading.complete
                return

    def _after_all(self, page: Page) -> list[Post]:
        """Take back what is gone of the posts that are stored or about to be; those of them that were changed.

        This is done before the page is stored with its cursor, so that a kill in between repeats it; what is erased
        stays away, also where the page itself still brings it.
        """
        self._authors.add(page.posts)
        if not page.gone and not page.changed and not page.left:
            return []
        lost = {**self._lost_with_accounts(page), **page.gone}
        names = dict.fromkeys((*lost, *(post.external_id for post in page.changed)))
        with self.database.read() as tx:
            stored = post_store.get(tx, [(self.name, name) for name in names])
        known = {post.external_id: post for post in (*page.posts, *stored)}
        gone = {name: reason for name, reason in lost.items() if name in known}
        if gone:
            with self._write() as tx:
                take_back(tx, self.routing, self.name, gone, self.clock())
            _log.info("posts taken back", source=self.name, posts=len(gone))
        return [filed_as(post, known[post.external_id]) for post in page.changed if post.external_id in known]

    def _lost_with_accounts(self, page: Page) -> dict[str, str]:
        """What is stored, or about to be, of authors whose accounts are gone, and why it is gone."""
        if not page.left:
            return {}
        with self.database.read() as tx:
            ours = self._authors.among(tx, page.left.keys(), self.clock())
            stored = post_store.by_authors(tx, self.name, ours) if ours else {}
        coming = {post.external_id: post.author for post in page.posts if post.author in page.left}
        return {name: page.left[author] for name, author in {**stored, **coming}.items() if author is not None}

    def _set_aside(self, page: Page) -> list[SetAside]:
        """The items of a page that could not be read, as they are kept for another try."""
        name, now = self.name, self.clock()
        for item in page.quarantined:
            _log.warning("item could not be read and was left out", source=name, where=item.where, reason=item.reason)
        return [
            SetAside(name, item.where, item.reason, item.raw_hash or raw_hash(item.where), Stage.READ, now, item.raw)
            for item in page.quarantined
        ]

    def _next_at(self, tx: Transaction, run: CollectorRun, error: CollectorError | None, *, is_cut: bool) -> datetime:
        now = run.ended_at
        if error is None:
            self.failures = 0
            pause = self._pace.fastest if is_cut else look_again(self._pace, self._situation(tx, now, run))
            return now + pause
        factor = BACK_OFF[min(self.failures, len(BACK_OFF) - 1)]
        self.failures += 1
        pause = PERMANENT_PAUSE if error.permanent else min(self.every * factor, LONGEST_PAUSE)
        wanted = timedelta(seconds=error.retry_after or 0)
        return now + max(pause, wanted)

    def _book(self, reading: Reading, error: CollectorError | None, ended_at: datetime) -> datetime:
        outcome = RunOutcome.COMPLETE if reading.complete and error is None else RunOutcome.PARTIAL
        run = CollectorRun(
            source=self.name,
            started_at=reading.started_at,
            ended_at=ended_at,
            outcome=RunOutcome.FAILED if error else outcome,
            posts=reading.posts,
            new_posts=reading.new_posts,
            requests=reading.requests,
            error=str(error) if error else None,
            is_refused=error is not None and error.permanent,
            odd=reading.odd,
        )
        try:
            with self._write() as tx:
                self._keep_ledger(tx, run)
                next_at = self._next_at(tx, run, error, is_cut=reading.is_cut)
                schedule_store.finish(tx, self.name, run, next_at)
                spending.add(tx, self._spent(reading))
                quarantine_store.expire(tx, ended_at)
        except NotHoldingError:
            self._pay(self._spent(reading))
            raise
        if error:
            _log.warning("source could not be read", source=self.name, reason=str(error), again_at=next_at.isoformat())
        else:
            _log.info("source read", source=self.name, posts=run.posts, new=run.new_posts, requests=run.requests)
        return next_at

    def _keep_ledger(self, tx: Transaction, run: CollectorRun) -> None:
        """A failure opens or prolongs a gap, a run to the end fills what was open since the last one."""
        last = run_store.last_complete(tx, self.name)
        if last is None:
            return  # until a source was read once to the end there is nothing that a failure could miss
        if run.outcome is RunOutcome.FAILED:
            latest = run_store.latest(tx, self.name) or last
            gap = Gap(self.name, latest.started_at, run.ended_at, run.error or "", cause=GapCause.FAILURE)
            gap_store.extend(tx, gap)
        elif run.outcome is RunOutcome.COMPLETE:
            filled = gap_store.fill(tx, self.name, last.started_at, run.ended_at, run.ended_at)
            if filled:
                judging_again.ask(tx, min(gap.starts_at for gap in filled))

    # -- what is written ----------------------------------------------------------------------------------------------

    @contextmanager
    def _write(self) -> Iterator[Transaction]:
        """A transaction that stores something, while it is this process that reads the source."""
        with self.database.write() as tx:
            self.guard(tx)
            yield tx

    def _spent(self, reading: Reading) -> Spent:
        price = self.tariff.price(requests=reading.requests, posts=reading.posts)
        day = reading.started_at.astimezone(UTC).date()
        return Spent(self.name, day, reading.requests, reading.posts, price)

    def _pay(self, spent: Spent) -> None:
        with self.database.write() as tx:
            spending.add(tx, spent)
