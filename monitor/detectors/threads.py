"""Threads: one story that gathers comments and points far faster than stories on its source do.

A brand may have one post that day, and that one thread is the crisis. Growth is read from samples of engagement, and
from replies that are posts themselves. What the thread says decides what it means: words of harm or a negative tone
make it a page, a launch stays a launch. Brands that live on the front page are harder to impress.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from sys import intern
from typing import Any, Final, Self

import msgspec

from monitor.detectors import wording
from monitor.detectors.contract import Hearing, thread_topic
from monitor.detectors.heat import AGES, FIRST_SIGHT, Counted, Norms
from monitor.detectors.terms import content_terms
from monitor.detectors.thread_state import (
    AboutThread,
    Fame,
    SeenThread,
    ThreadState,
    comments_of,
    gathered,
    root_of,
    take_counts,
    take_reply,
    take_root,
)
from monitor.kinds import Kind
from monitor.voices import forget_oldest
from storage.keys import plain_words
from storage.records import EngagementSample, PostKey, Severity, Signal

NAME: Final = "thread"
FORGOTTEN_AFTER: Final = 26 * 3600.0
MOST_THREADS: Final = 20_000
CLEAR: Final = 0.5
HOLDS_FOR: Final = 6 * 3600.0
TERMS: Final = 8
EVERY: Final = "*"
NO_KIND: Final = ""
OTHER_KINDS: Final = 0.3
"""What a hot thread of another kind is worth when it is asked how used one is to them."""


@dataclass(frozen=True, slots=True)
class ThreadSettings:
    """How hot a thread must be (heat.py), by what it says.

    One that names a `grave` or `serious` kind of harm, or is `negative`, pages from that heat on, and is worth a notice
    from `notice` times it; a `neutral` one, or one that only a calm kind explains, is worth a notice at most. Fewer
    than `fewest` comments (and half points) never ring. Each doubling of the brand's hot threads of four weeks, those
    of the same kind above all, asks `fame` more. `critical` is the heat of a critical thread.
    """

    grave: float = 1.15
    serious: float = 1.3
    negative: float = 2.2
    neutral: float = 2.2
    fewest: int = 25
    fame: float = 0.35
    notice: float = 0.8
    critical: float = 3.0


class Threads:
    """Follows threads of every source, and judges those about a brand."""

    name = NAME
    version = "thread-1"

    def __init__(self, kinds: Mapping[str, Kind], settings: Mapping[str, ThreadSettings]) -> None:
        """`settings` holds those of single brands; those of `""` are everybody else's."""
        self._kinds = kinds
        self._settings = settings
        self._fewest = min(one.fewest for one in settings.values())
        self._state = ThreadState({}, {}, {}, {})
        self._owned: dict[str, set[str]] | None = None
        self._replies: dict[PostKey, str] = {}
        self._is_heard = False

    def hear(self, hearing: Hearing) -> list[Signal]:
        """The hot threads among those that something was heard of in this tick."""
        self._take_posts(hearing)
        if not hearing.is_last or not (self._is_heard or hearing.samples):
            return []
        now = hearing.at.timestamp()
        touched = self._count_replies()
        self._take_samples(hearing.samples, touched)
        self._forget(now, touched)
        about = self._state.about
        signals = [self._signal(hearing, brand, name) for name in self._grown(touched) for brand in sorted(about[name])]
        self._learn(touched.items())
        return [signal for signal in signals if signal is not None]

    def copy(self) -> Self:
        """An independent detector with the same state; threads are shared until either of the two hears of them."""
        self._owned = _nothing_owned()
        return copy(self).detach()

    def detach(self) -> Self:
        """Let go of what a shallow copy shares with the original."""
        state, self._owned = self._state, _nothing_owned()
        self._state = ThreadState(
            norms={source: norms.copy() for source, norms in state.norms.items()},
            threads=dict(state.threads),
            about=dict(state.about),
            fame={name: copy(fame) for name, fame in state.fame.items()},
        )
        self._replies, self._is_heard = {}, False
        return self

    def dump(self) -> bytes:
        """The whole state."""
        return msgspec.msgpack.encode(self._state)

    def load(self, blob: bytes) -> None:
        """Take up a state that `dump` gave."""
        self._state = msgspec.msgpack.decode(blob, type=ThreadState)

    # --- listening -----------------------------------------------------------------------------------------------

    def _take_posts(self, hearing: Hearing) -> None:
        """Remember roots and replies."""
        self._is_heard = self._is_heard or bool(hearing.heard)
        table = self._state.about
        for brand, heard in hearing.heard.items():
            if 4 * len(table) > 5 * MOST_THREADS:
                self._forget_words(hearing.at.timestamp())  # not when all of the tick has been heard: that may be much
            for one in heard:
                post = one.item.post
                root = post.thread_id or post.external_id
                thread = f"{post.source}\x1f{root}"
                if root != post.external_id:
                    take_reply(self._about(thread, brand, one.at), one)
                    self._replies[post.key] = thread
                    self._thread(thread, post.source, root, one.at)
                elif thread in table:
                    take_root(self._about(thread, brand, one.at), one)
                else:
                    table[thread] = {brand: root_of(one)}
                    if self._owned is not None:
                        self._owned["about"].add(thread)

    def _count_replies(self) -> dict[str, SeenThread]:
        """Count the replies of the tick, each once whatever brands it names; the threads that were answered."""
        replies, self._replies, self._is_heard = self._replies, {}, False
        touched = {name: self._state.threads[name] for name in replies.values()}
        for name in replies.values():
            touched[name].heard += 1
        return touched

    def _take_samples(self, samples: Iterable[EngagementSample], touched: dict[str, SeenThread]) -> None:
        """Remember how far threads went, and which. Most are posts that are seen for the first time."""
        threads, about = self._state.threads, self._state.about
        counting = {source for source, norms in self._state.norms.items() if norms.comments}
        for sample in samples:
            source, external_id, engagement = sample.source, sample.external_id, sample.engagement
            name, comments, at = f"{source}\x1f{external_id}", engagement.replies, sample.at.timestamp()
            if comments is None and source in counting:
                comments = 0  # sources leave out what nobody did yet
            if name in threads:
                touched[name] = thread = self._thread(name, source, external_id, at)
                take_counts(thread, comments, engagement.likes)
            else:
                begun = _begun(about[name], at) if name in about else at
                thread = SeenThread(intern(source), external_id, begun, at, -1, comments, engagement.likes)
                touched[name] = threads[name] = thread
                if 4 * len(threads) > 5 * MOST_THREADS:
                    self._forget_beyond(touched)
        if self._owned is not None:
            self._owned["thread"] |= touched.keys()

    def _about(self, name: str, brand: str, at: float) -> AboutThread:
        """What is known of the thread's words about the brand, heard of at `at`."""
        brands = self._state.about.get(name)
        if brands is None:
            brands = self._state.about[name] = {}
            self._own("about", name)
        elif self._own("about", name):
            brands = self._state.about[name] = {other: about.copy() for other, about in brands.items()}
        return brands.get(brand) or brands.setdefault(brand, AboutThread(at, evidence=[]))

    def _own(self, table: str, name: str) -> bool:
        """Whether an entry is still shared with a copy; from now on it is not."""
        if self._owned is None or name in self._owned[table]:
            return False
        self._owned[table].add(name)
        return True

    def _thread(self, name: str, source: str, external_id: str, at: float) -> SeenThread:
        """The thread, heard of at `at`; youngest last in the table, so that forgetting begins with the oldest."""
        threads = self._state.threads
        thread = threads.pop(name, None)
        if thread is None:
            begun = _begun(self._state.about.get(name, {}), at)
            threads[name] = thread = SeenThread(intern(source), external_id, begun, at)
            self._own("thread", name)
            return thread
        if self._own("thread", name):
            thread = copy(thread)
        threads[name] = thread
        thread.first_at, thread.last_at = min(thread.first_at, at), max(thread.last_at, at)
        return thread

    def _norms(self, source: str) -> Norms:
        return self._state.norms.get(source) or self._state.norms.setdefault(source, Norms({}, {}))

    def _learn(self, touched: Iterable[tuple[str, SeenThread]]) -> None:
        """Count each of the threads once in every age class that it passes."""
        passed: dict[str, dict[int, list[tuple[str, SeenThread]]]] = {}
        for named in touched:
            thread = named[1]
            place = FIRST_SIGHT if thread.first_at == thread.last_at else thread.age_class
            if place is not None and place != thread.place:
                thread.place = place
                of_source = passed.get(thread.source) or passed.setdefault(thread.source, {})
                of_class = of_source.get(place) or of_source.setdefault(place, [])
                of_class.append(named)
        for source in sorted(passed):
            for place, of_class in sorted(passed[source].items()):
                self._norms(source).learn(place, *_counted(of_class))

    def _forget(self, now: float, touched: dict[str, SeenThread]) -> None:
        forget_oldest(self._state.threads, MOST_THREADS, lambda thread: now - thread.last_at > FORGOTTEN_AFTER)
        if len(touched) > MOST_THREADS:
            self._leave_out_forgotten(touched)
        self._forget_words(now)

    def _forget_beyond(self, touched: dict[str, SeenThread]) -> None:
        """Forget the oldest threads before all samples of a tick were taken, of which there may be very many."""
        forget_oldest(self._state.threads, MOST_THREADS, lambda _: False)
        self._leave_out_forgotten(touched)
        if self._owned is not None:
            self._owned["thread"] &= self._state.threads.keys()

    def _leave_out_forgotten(self, touched: dict[str, SeenThread]) -> None:
        for name in touched.keys() - self._state.threads.keys():
            del touched[name]

    def _forget_words(self, now: float) -> None:
        about = self._state.about
        forget_oldest(about, MOST_THREADS, lambda brands: now - next(iter(brands.values())).at > FORGOTTEN_AFTER)
        if self._owned is not None and len(self._owned["about"]) > len(about):
            self._owned["about"] &= about.keys()

    # --- judging -------------------------------------------------------------------------------------------------

    def _grown(self, touched: Mapping[str, SeenThread]) -> list[str]:
        """The threads about some brand, among those touched, that have enough to be told of."""
        names = self._state.about.keys() & touched.keys()
        return sorted(name for name in names if gathered(touched[name]) >= self._fewest)

    def _signal(self, hearing: Hearing, brand: str, name: str) -> Signal | None:
        thread, about = self._state.threads[name], self._state.about[name][brand]
        settings, place = self._settings.get(brand, self._settings[""]), thread.age_class
        if place is None or gathered(thread) < settings.fewest:
            return None
        heat = self._norms(thread.source).heat(place, comments_of(thread), thread.points)
        pages_from, rings_from = self._thresholds(settings, brand, about, hearing.at.timestamp())
        if heat < CLEAR * rings_from:
            return None
        if heat >= settings.serious and math.isfinite(pages_from):
            about = self._about(name, brand, about.at)
            self._count_fame(brand, about, hearing.at.timestamp())
        return self._told(hearing, brand, thread, about, _Judged(heat, place, pages_from, rings_from, settings))

    def _thresholds(self, settings: ThreadSettings, brand: str, about: AboutThread, now: float) -> tuple[float, float]:
        """The heat from which the thread pages (infinite for one without harm), and from which it rings."""
        gravity = max((self._kinds[name].gravity for name in about.kinds if name in self._kinds), default=0)
        negative = about.negative or (about.replies >= 8 and 2 * about.negative_replies >= about.replies)
        more = settings.fame * math.log2(1.0 + self._famous(brand, about, now))
        if gravity < 1 and not negative:
            return math.inf, settings.neutral + more
        serious = gravity == 2 or (gravity == 1 and negative)
        least = settings.grave if gravity >= 3 else settings.serious if serious else settings.negative
        return least + more, settings.notice * (least + more)

    def _famous(self, brand: str, about: AboutThread, now: float) -> float:
        """How used one is to hot threads about this brand, those of the same kinds above all; itself left out."""
        fames = [self._state.fame.get(_fame_name(brand, kind), Fame()).faded(now) for kind in self._lines(about)]
        every, *own = [max(0.0, fame - about.is_famous) for fame in fames]
        return max(own) + OTHER_KINDS * every

    def _lines(self, about: AboutThread) -> list[str]:
        """The lines in which a hot thread is remembered: that of all, and those of its kinds."""
        harmful = [name for name in about.kinds if name in self._kinds and self._kinds[name].harm]
        return [EVERY, *(harmful or [NO_KIND])]

    def _count_fame(self, brand: str, about: AboutThread, now: float) -> None:
        """Count a hot thread of harm once."""
        if not about.is_famous:
            about.is_famous = True
            for kind in self._lines(about):
                fame = self._state.fame.setdefault(_fame_name(brand, kind), Fame())
                fame.total, fame.at = fame.faded(now) + 1.0, now

    def _told(self, hearing: Hearing, brand: str, thread: SeenThread, about: AboutThread, judged: _Judged) -> Signal:
        comments = comments_of(thread)
        norms = self._norms(thread.source)
        harmful = [name for name in about.kinds if name in self._kinds and self._kinds[name].harm]
        root: PostKey = (thread.source, thread.external_id)
        return Signal(
            brand=brand,
            detector=NAME,
            version=self.version,
            at=hearing.at,
            window_start=datetime.fromtimestamp(thread.first_at, UTC),
            window_end=hearing.at,
            observed=float(comments if comments is not None else thread.points or 0),
            expected=float(norms.usual(judged.place, 0.5)),
            low=0.0,
            high=float(norms.usual(judged.place, 0.95)),
            surprise=round(judged.heat / judged.rings_from, 4),
            severity=judged.severity,
            unit="comments" if comments is not None else "points",
            topic=thread_topic(thread.source, thread.external_id),
            kind=harmful[0] if harmful else "",
            sources=(thread.source,),
            evidence=tuple(dict.fromkeys((root, *((source, name) for source, name in about.evidence)))),
            coverage=hearing.covered,
            facts=_facts(thread, about, judged, norms) | {"origin": list(root), "began_at": thread.first_at},
        )


def _counted(threads: Iterable[tuple[str, SeenThread]]) -> tuple[list[Counted], list[Counted]]:
    """The comments and the points of named threads, and when they had them."""
    comments, points = [], []
    for name, thread in threads:
        if thread.comments is not None or thread.heard:
            comments.append((max(thread.comments or 0, thread.heard), thread.last_at, name))
        if thread.points is not None:
            points.append((thread.points, thread.last_at, name))
    return comments, points


def _begun(brands: Mapping[str, AboutThread], at: float) -> float:
    """When a thread began that is seen first at `at`: then, or before that by what it says of brands."""
    begun = at
    for one in brands.values():
        begun = min(begun, one.at)
    return begun


def _nothing_owned() -> dict[str, set[str]]:
    """The names of what is no longer shared with a copy, by table."""
    return {"about": set(), "thread": set()}


@dataclass(frozen=True, slots=True)
class _Judged:
    heat: float
    place: int
    pages_from: float
    rings_from: float
    settings: ThreadSettings

    @property
    def severity(self) -> Severity:
        if self.heat < self.pages_from:
            return Severity.WATCH
        return Severity.CRITICAL if self.heat >= max(self.settings.critical, self.pages_from) else Severity.WARNING


def _fame_name(brand: str, kind: str) -> str:
    return f"{brand}\x1f{kind}"


def _facts(thread: SeenThread, about: AboutThread, judged: _Judged, norms: Norms) -> dict[str, Any]:
    age = wording.span(max(thread.last_at - thread.first_at, 300.0))
    counts = [
        wording.counted(count, noun)
        for count, noun in ((comments_of(thread), "comment"), (thread.points, "point"))
        if count is not None
    ]
    named = wording.quoted(about.title) if about.title else "A thread"
    said = f"{' and '.join(counts)} in the first {age}" if judged.place else f"{' and '.join(counts)} at first sight"
    usual, most = norms.usual(judged.place, 0.5), norms.usual(judged.place, 0.95)
    return {
        "headline": f"{named} on {thread.source}: {said}",
        "why": f"{named} has {said}; half the threads on {thread.source} have fewer than {usual} comments at that age, "
        f"nineteen of twenty fewer than {most}",
        "heat": round(judged.heat, 4),
        "thresholds": {
            "page": round(judged.pages_from, 4) if math.isfinite(judged.pages_from) else None,
            "ring": round(judged.rings_from, 4),
        },
        "comments": comments_of(thread),
        "points": thread.points,
        "age_minutes": round((thread.last_at - thread.first_at) / 60.0, 1),
        "age_class": AGES[judged.place],
        "replies": about.replies,
        "negative_replies": about.negative_replies,
        "negative": about.negative,
        "terms": list(content_terms(plain_words(about.title), about.names)[:TERMS]),
        "holds_for": HOLDS_FOR,
    }
