"""From posts to pages: the one path that every driver takes.

    collect -> normalise -> store -> match -> score -> count -> detect -> correlate -> decide -> deliver

`ingest` does the first half in one transaction, with the cursor that covers the posts. `advance` does the second half
up to a moment of event time: it folds every tick that is settled (older than the lateness allowed), keeps the state
of the fold in the same transaction as the incidents and deliveries that came of it, and may then look provisionally
at the ticks that are still open. Both may be repeated, in any batching and after any crash, with the same result.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain

from alerts.faults import fault_point
from monitor.bounds import posts_within, samples_within
from monitor.corrections import corrected
from monitor.detectors.contract import TICK, Tick
from monitor.fold import Fold, floor_tick, ticks
from monitor.incidents import Change, Transition
from monitor.keeping import Keeping, Taken, forget_after
from monitor.large_ticks import large_tick, spans
from monitor.lately import Lately
from monitor.outlook import Outlook
from monitor.register import Finding, Register, findings
from monitor.sifting import post_set_aside, sifted
from monitor.threads import inherited
from monitor.understanding import Understanding
from storage import gaps as gap_store
from storage import ingest as ingest_store
from storage import posts as post_store
from storage.database import Database, Transaction
from storage.ingest import Intake, Written
from storage.records import (
    Alert,
    CollectorRun,
    Cursor,
    EngagementSample,
    Gap,
    Incident,
    MentionedPost,
    Post,
    SetAside,
    Signal,
)

Coverage = Mapping[datetime, Mapping[str, float]]

SPAN = timedelta(days=1)
"""Event time folded in one transaction at the most, so that a long history does not make a long one."""


def always_allowed(_tx: Transaction) -> None:
    """The guard of those who are alone."""
    return


@dataclass(frozen=True, slots=True)
class Batch:
    """What a source gave at once, and the cursor that covers it."""

    posts: Sequence[Post] = ()
    samples: Sequence[EngagementSample] = ()
    gaps: Sequence[Gap] = ()
    set_aside: Sequence[SetAside] = ()
    cursor: Cursor | None = None
    run: CollectorRun | None = None
    guard: Callable[[Transaction], None] = always_allowed
    """Asked inside the transaction that stores it; raises when another process reads the source by now."""

    def at(self, post: Post) -> datetime:
        """When the post was read."""
        return self.cursor.updated_at if self.cursor else post.collected_at or post.created_at


def ledgered_coverage(sources: Sequence[str]) -> Callable[[Transaction, datetime, datetime], Coverage]:
    """Coverage of the configured `sources` by the ledger of gaps, for the ticks in which something is missing."""

    def coverage(tx: Transaction, start: datetime, end: datetime) -> dict[datetime, dict[str, float]]:
        missing = [gap for gap in gap_store.between(tx, start, end) if gap.filled_at is None and gap.source in sources]
        found: dict[datetime, dict[str, float]] = defaultdict(dict)
        for source in {gap.source for gap in missing}:
            of_source = [gap for gap in missing if gap.source == source]
            at = start
            while at < end:
                if lost := gap_store.share_missing(of_source, at, at + TICK):
                    found[at][source] = 1.0 - lost
                at += TICK
        return found

    return coverage


def _unknown_coverage(_tx: Transaction, _start: datetime, _end: datetime) -> Coverage:
    return {}


def _nothing(_tx: Transaction) -> object:
    return None


def _no_objection(_tx: Transaction, _written: Written) -> None:
    return


@dataclass
class Pipeline:
    """The path from posts to pages over one database.

    `durable` keeps the state of the fold in the database after every advance; a replay, which starts over when it is
    interrupted, leaves that out.
    """

    database: Database
    understanding: Understanding
    new_fold: Callable[[], Fold]
    register: Register
    lateness: timedelta = timedelta(minutes=15)
    durable: bool = True
    coverage: Callable[[Transaction, datetime, datetime], Coverage] = _unknown_coverage
    guard: Callable[[Transaction], None] = always_allowed
    """Asked inside every transaction that judges; raises when another process is the leader by now."""
    witness: Callable[[Transaction, Written], None] = _no_objection
    """Told at the end of every transaction that stores posts what was new; raises where they must not be stored."""
    read_by_others: Callable[[Transaction], object] = _nothing
    """Differs whenever another process has stored posts; what this one stores it knows itself."""
    _fold: Fold | None = field(default=None, init=False)
    _looked_at: tuple[datetime, datetime, int, object] | None = field(default=None, init=False)
    _arrivals: int = field(default=0, init=False)
    _keeping: Keeping = field(default_factory=Keeping, init=False)
    _lately: Lately = field(default_factory=Lately, init=False)
    _beginning: Fold | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Nothing is remembered of earlier looks."""
        self._outlook = Outlook(self._steps, self.coverage)

    def ingest(self, batch: Batch) -> Written:
        """Understand and store a batch in one transaction; what is known already changes nothing.

        A post that cannot be judged is set aside, and the others are stored.
        """
        fault_point("C1")
        batch = replace(batch, posts=posts_within(batch.posts), samples=samples_within(batch.samples))
        sieve = sifted(self.understanding.read, batch.posts, lambda post: post.external_id)
        poison = [post_set_aside(post, why, batch.at(post)) for post, why in sieve.poison]
        posts = _others(batch.posts, [post for post, _ in sieve.poison])
        fault_point("D1")
        try:
            with self.database.write() as tx:
                batch.guard(tx)
                written = self._store(
                    tx, replace(batch, posts=posts, set_aside=[*batch.set_aside, *poison]), sieve.results
                )
                fault_point("C2")
        except BaseException:
            self._lately.forget()  # it is ahead of what was committed
            raise
        self._arrivals += 1 if written.new_posts or written.changed_posts or written.samples else 0
        self._outlook.heard(_moments(written))
        return written

    def _store(self, tx: Transaction, batch: Batch, found: Sequence[MentionedPost]) -> Written:
        ingest_store.lock(tx, batch.posts, batch.samples)  # before anything is read of threads others may write to
        self._lately.begin(tx)
        mentions = corrected(tx, found)  # here, so that what a person said a moment ago counts
        intake = Intake(
            posts=batch.posts,
            mentions=mentions + corrected(tx, inherited(tx, self.understanding, batch.posts, mentions)),
            samples=batch.samples,
            cursor=batch.cursor,
            gaps=batch.gaps,
            set_aside=batch.set_aside,
            run=batch.run,
        )
        written = ingest_store.write(tx, intake)
        self.witness(tx, written)
        self._lately.take(tx, written)
        return written

    def advance(self, now: datetime, *, settle: datetime | None = None, early: bool = False) -> list[Alert]:
        """Judge event time up to `now`; returns what became worth saying.

        Ticks before `settle` (default: `now` less the lateness allowed) are final. With `early`, the ticks after that
        are looked at provisionally, so that people are told as soon as the posts are there; what began and ended while
        the program was away is then remembered, not told.
        """
        until = floor_tick(settle or now - self.lateness)
        self._follow_what_is_kept()
        try:
            return self._advance_early(now, until) if early else self._advance_settled(until)
        except BaseException:
            self.forget()  # the fold is ahead of what was committed
            raise

    def forget(self) -> None:
        """Go back to the last checkpoint at the next advance: after a failure, or when another process has led."""
        self._fold, self._looked_at, self._keeping = None, None, Keeping()
        self._outlook.forget()
        self._lately.forget()

    def let_go_of_deleted(self) -> None:
        """Hold nothing of posts that were deleted.

        What is provisional goes at once. A kept state that held their words was forgotten with them, and then what is
        settled goes, too; where the state stands, it holds nothing of them.
        """
        self._outlook.forget()
        self._looked_at = None
        with self.database.write() as tx:
            self._lately.heed(tx)
            is_kept = self._keeping.at is not None and not self._keeping.is_taken_back(tx)
        if not is_kept:
            self.forget()

    def rewind(self, since: datetime) -> None:
        """Judge again from `since` on at the next advance: posts have come for time that was judged without them.

        Nobody is paged for the past: what began and ended before now is remembered, only what is the case now is told.
        """
        with self.database.write() as tx:
            self.guard(tx)
            forget_after(tx, since)
        self.forget()

    def _follow_what_is_kept(self) -> None:
        """Start from what is kept when somebody has taken it back: to judge again, or to forget somebody's words."""
        with self.database.read() as tx:
            if self._keeping.is_taken_back(tx):
                self.forget()

    def _advance_settled(self, until: datetime) -> list[Alert]:
        alerts: list[Alert] = []
        fold = self._resume(until)
        while fold is not None and fold.at is not None and fold.at < until:
            with self.database.write() as tx:
                self.guard(tx)
                fold.adopt(self.register.stored(tx, fold.known))
                taken = self._keeping.taking()
                for transitions in self._steps(tx, fold, min(fold.at + SPAN, until), taken):
                    alerts += self.register.record(tx, findings(transitions), transitions[0].at)
                self._keep(tx, fold, taken)
                fault_point("D2")
        return alerts

    def _advance_early(self, now: datetime, until: datetime) -> list[Alert]:
        with self.database.read() as tx:
            looked_at = (until, floor_tick(now), self._arrivals, self.read_by_others(tx))
        fold = self._resume(until)
        if looked_at == self._looked_at:
            return []
        if fold is None or fold.at is None:
            self._looked_at = looked_at
            return self._look_at_beginning(now)
        while fold.at + SPAN < until:
            with self.database.write() as tx:
                self.guard(tx)
                fold.adopt(self.register.stored(tx, fold.known))
                taken = self._keeping.taking()
                deque(self._steps(tx, fold, fold.at + SPAN, taken), maxlen=0)
                self._keep(tx, fold, taken)
        self._outlook.begin()
        with self.database.read() as tx:  # others write meanwhile: what was just decided is being sent, posts are read
            seen = self._look(tx, fold, until, now)
        with self.database.write() as tx:
            self.guard(tx)
            self._lately.heed(tx)
            if self._keeping.is_taken_back(tx):
                self.forget()
                return []
            if self.register.stored(tx, fold.known) != seen.stored:  # somebody took one, or closed it
                seen = self._look(tx, fold, until, now)
            alerts = self.register.record(tx, _view(seen.settled, seen.ahead, seen.changed), now)
            alerts += self.register.withdraw(tx, seen.ahead.known, until, now)
            if seen.settled.at != fold.at:
                self._keep(tx, seen.settled, seen.taken)
            fault_point("D2")
        self._fold, self._looked_at = seen.settled, looked_at
        return alerts

    def _look(self, tx: Transaction, fold: Fold, until: datetime, now: datetime) -> _Look:
        """What the ticks up to `until`, which are settled by now, and those after them show; `fold` stays as it is."""
        stored = self.register.stored(tx, fold.known)
        settled = fold.copy()
        settled.adopt(stored)
        taken = self._keeping.taking()
        changed = list(self._steps(tx, settled, until, taken))
        ahead, open_changes = self._outlook.look(tx, settled, now)
        return _Look(stored, settled, taken, ahead, changed + open_changes)

    def _look_at_beginning(self, now: datetime) -> list[Alert]:
        """The look while nothing is settled yet, and nothing to be kept: a new installation is not blind meanwhile."""
        self._outlook.begin()
        with self.database.read() as tx:
            earliest = post_store.earliest(tx)
            if earliest is None:
                return []
            base = self._begun_at(floor_tick(earliest))
            ahead, changed = self._outlook.look(tx, base, now)
        with self.database.write() as tx:
            self.guard(tx)
            self._lately.heed(tx)
            return self.register.record(tx, _view(base, ahead, changed), now)

    def _begun_at(self, at: datetime) -> Fold:
        """A fold without a past that begins at `at`; the same as long as there is no older post."""
        if self._beginning is None or self._beginning.at != at:
            self._beginning = self.new_fold()
            self._beginning.at = at
        return self._beginning

    def _steps(
        self, tx: Transaction, fold: Fold, end: datetime, taken: Taken | None = None
    ) -> Iterator[list[Transition]]:
        """Fold the ticks up to `end`, giving the transitions of each that changed something; they go to `taken`."""
        for start, until in spans(tx, fold.brands, fold.at, end):
            for tick in self._ticks(tx, fold.brands, start, until):
                if taken is not None:
                    taken.append(tick)
                if transitions := fold.step(tick):
                    yield transitions

    def _ticks(self, tx: Transaction, brands: Collection[str], start: datetime, until: datetime) -> Iterator[Tick]:
        """The ticks of a portion, from what was stored of late, or read from the database."""
        coverage = self.coverage(tx, start, until)
        if until - start <= TICK and not self._lately.holds(tx, start):
            large = large_tick(tx, brands, start, until, coverage.get(start, {}))
            if large is not None:
                return iter([large])
        mentions, samples = self._lately.between(tx, start, until)
        return ticks(start, until, mentions, samples, coverage)

    def _keep(self, tx: Transaction, fold: Fold, taken: Taken) -> None:
        if fold.at is None:
            return
        self._lately.let_go(fold.at)
        if self.durable:
            self._keeping.save(tx, fold, fold.at, taken)

    def _resume(self, until: datetime) -> Fold | None:
        """The fold where it stood; at the first call from the checkpoint, or from the oldest post there is."""
        if self._fold is not None and self._fold.at is not None:
            return self._fold
        fold = self.new_fold()
        with self.database.read() as tx:
            is_kept = self.durable and self._keeping.load(tx, fold)
            earliest = post_store.earliest(tx)
        if not is_kept:
            if earliest is None or floor_tick(earliest) >= until:
                return None
            fold.at = floor_tick(earliest)
        self._fold = fold
        return fold


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look found: the incidents that it started from, the fold as it is settled by now, with the ticks that it
    has taken, the fold as it is at the moment, and what changed on the way."""

    stored: Sequence[Incident]
    settled: Fold
    taken: Taken
    ahead: Fold
    changed: Sequence[Sequence[Transition]]


def _moments(written: Written) -> Iterator[datetime]:
    """When what was written counts."""
    for mentioned in chain(written.new_mentions, written.changed_mentions, written.removed_mentions):
        yield mentioned.post.judged_at
    yield from (sample.at for sample in written.samples)


def _view(settled: Fold, ahead: Fold, changed: Sequence[Sequence[Transition]]) -> list[Finding]:
    """What is known now: the provisional look, but an end only where it is settled (posts may be on their way)."""
    signals: dict[str, list[Signal]] = defaultdict(list)
    whys: dict[str, str] = {}
    material: set[str] = set()
    for transition in chain.from_iterable(changed):
        signals[transition.incident.id] += transition.signals
        if transition.change not in (Change.JOINED, Change.HELD):
            whys[transition.incident.id] = transition.why
            material.add(transition.incident.id)
    seen: list[Finding] = []
    for name, incident in ahead.known.items():
        before = settled.known.get(name)
        ended_early = before is not None and before.state.is_live and not incident.state.is_live
        chosen = before if ended_early and before is not None else incident
        seen.append(Finding(chosen, tuple(signals[name]), whys.get(name, ""), name in material))
    return seen


def _others(posts: Sequence[Post], poison: Sequence[Post]) -> Sequence[Post]:
    lost = {id(post) for post in poison}
    return [post for post in posts if id(post) not in lost] if lost else posts
