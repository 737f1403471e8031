"""Trouble by what is said: a handful of independent voices about a breach, a recall, a strike, an apology.

Small brands and cautious crowds bring no burst: a breach arrives as three posts. So the kinds of harm that voices name
are counted over a day, by independent authors and distinct texts, and judged against how often this brand is spoken of
in that way. The graver the kind, the fewer voices it takes.

The usual rate of a kind is a gamma-Poisson mean over four weeks; the surprise is the tail of the negative binomial that
follows, with a shape below one because bad news comes in clusters.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

import msgspec

from monitor.detectors import wording
from monitor.detectors.by_brand import ByBrand
from monitor.detectors.contract import Hearing, thread_topic
from monitor.detectors.terms import Background, shared_terms, terms_of
from monitor.kinds import Kind
from monitor.voices import COPY, Heard
from storage.records import Severity, Signal

NAME: Final = "trouble"
ANY: Final = ""
"""Stands for all serious kinds together."""
DAY: Final = 86400.0
MEMORY: Final = 28 * DAY
"""Time over which the usual rate of a kind is learned."""
PRIOR_RATE: Final = 0.1
PRIOR_SHARES: Final = {2: 0.02, 3: 0.004}
PRIOR_DAYS: Final = 5.0
"""What is believed of a kind before it was heard, with the weight of five days: a tenth of a voice a day, or this
share of the brand's voices (by gravity of the kind) if that is more."""
ANY_KINDS: Final = 3.0
"""How many times as often as one kind all kinds together are named."""
SHAPE: Final = 0.5
"""Shape of the gamma distribution of daily rates: below one, since bad news comes in clusters."""
MOST_SAID: Final = 1_000
LEARNED: Final = 20
"""Voices of a brand in a tick from which the background of terms learns; more would only cost time."""
NAMED_IN_PASSING: Final = 4
"""A post that names more companies than this says little about each (lists of stocks, of rivals)."""
HOLDS_FOR: Final = 12 * 3600.0
TERMS: Final = 8
THREADS: Final = 20
KEPT_TEXT: Final = 160
"""Characters of a text that a headline may quote."""
EVIDENCE: Final = 12


@dataclass(frozen=True, slots=True)
class TroubleSettings:
    """How many independent voices in a day it takes.

    `notice_…` are worth a notice and `page_…` interrupt people: grave kinds (gravity 3), serious ones (2), and all of
    them together. `surprise` and `page_surprise` are the improbabilities in nats that are asked beside it. To page, the
    voices that name one kind must also speak of one thing: `coherence` is the share that uses a term in common. Grave
    kinds are critical from `critical` times the count that pages.
    """

    notice_grave: int = 2
    notice_serious: int = 3
    notice_any: int = 4
    page_grave: int = 3
    page_serious: int = 5
    page_any: int = 5
    surprise: float = 3.5
    page_surprise: float = 5.0
    coherence: float = 0.55
    critical: float = 3.0

    def notice(self, kind: Kind | None) -> int:
        """Voices for a notice; `None` is all kinds together."""
        return self.notice_any if kind is None else self.notice_grave if kind.gravity >= 3 else self.notice_serious

    def page(self, kind: Kind | None) -> int:
        """Voices that interrupt people."""
        return self.page_any if kind is None else self.page_grave if kind.gravity >= 3 else self.page_serious


class _Said(msgspec.Struct, array_like=True, frozen=True, gc=False):
    at: float
    kinds: tuple[str, ...]
    author: str
    source: str
    external_id: str
    terms: tuple[str, ...]
    thread: str
    text: str


class _Habit(msgspec.Struct, array_like=True, gc=False):
    """How often a kind is named: a sum that fades, as of `at`."""

    total: float
    at: float

    def add(self, voices: int, now: float) -> None:
        self.total = self.total * math.exp(-(now - self.at) / MEMORY) + voices
        self.at = now

    def faded(self, now: float) -> float:
        return self.total * math.exp(-(now - self.at) / MEMORY)


class _Brand(msgspec.Struct, array_like=True):
    begun: float
    voices: _Habit
    said: list[_Said] = []
    habits: dict[str, _Habit] = {}

    def copy(self) -> _Brand:
        """An independent state of the same."""
        habits = {name: copy(habit) for name, habit in self.habits.items()}
        return _Brand(self.begun, copy(self.voices), list(self.said), habits)


class Trouble:
    """Counts the voices that name a kind of harm."""

    name = NAME
    version = "trouble-1"

    def __init__(self, kinds: Mapping[str, Kind], settings: Mapping[str, TroubleSettings]) -> None:
        """`settings` holds those of single brands; those of `""` are everybody else's."""
        self._kinds = {name: kind for name, kind in kinds.items() if kind.harm and kind.gravity >= 2}
        self._settings = settings
        self._brands: ByBrand[_Brand] = ByBrand(_Brand.copy)
        self._background = Background()

    def hear(self, hearing: Hearing) -> list[Signal]:
        """The trouble that voices of this tick spoke of."""
        signals: list[Signal] = []
        now = hearing.at.timestamp()

        def new() -> _Brand:
            return _Brand(now, _Habit(0.0, now), [], {})

        for brand, heard in hearing.heard.items():
            state = self._brands.mine(brand, new)
            for kind in self._take(state, now, heard):
                signal = self._signal(hearing, brand, state, kind)
                if signal is not None:
                    signals.append(signal)
        return signals

    def copy(self) -> Self:
        """An independent detector with the same state."""
        return copy(self).detach()

    def detach(self) -> Self:
        """Let go of what a shallow copy shares with the original."""
        self._brands = self._brands.copy()
        self._background = self._background.copy()
        return self

    def dump(self) -> bytes:
        """The whole state."""
        return msgspec.msgpack.encode((self._brands.states, self._background.dump()))

    def load(self, blob: bytes) -> None:
        """Take up a state that `dump` gave."""
        brands, background = msgspec.msgpack.decode(blob, type=tuple[dict[str, _Brand], bytes])
        self._brands.load(brands)
        self._background.load(background)

    def _take(self, state: _Brand, now: float, heard: Sequence[Heard]) -> list[str]:
        """Remember what the voices name; the kinds named now, and `ANY` first."""
        fresh = [one for one in heard if one.role is not COPY]
        state.voices.add(len(fresh), now)
        if not fresh:
            return []
        self._background.add(fresh[:LEARNED])
        named: set[str] = set()
        for one in fresh:
            if not one.item.kinds:
                continue
            post, kinds = one.item.post, tuple(name for name in one.item.kinds if name in self._kinds)
            if not kinds or _names_many(post.text):
                continue
            thread = thread_topic(post.source, post.thread_id) if post.thread_id else ""
            state.said.append(
                _Said(
                    now,
                    kinds,
                    post.author or "",
                    *post.key,
                    terms_of(one),
                    thread,
                    (post.title or post.text)[:KEPT_TEXT],
                )
            )
            for name in (ANY, *kinds):
                habit = state.habits.get(name) or state.habits.setdefault(name, _Habit(0.0, now))
                habit.add(1, now)
            named.update((ANY, *kinds))
        if named:
            state.said = [said for said in state.said[-MOST_SAID:] if now - said.at < DAY]
        return sorted(named)

    def _signal(self, hearing: Hearing, brand: str, state: _Brand, name: str) -> Signal | None:
        settings, kind = self._settings.get(brand, self._settings[""]), self._kinds.get(name)
        said = _independent([one for one in state.said if kind is None or name in one.kinds])
        if len(said) < settings.notice(kind):
            return None
        now = hearing.at.timestamp()
        expected = _usual(state, name, PRIOR_SHARES[min(3, kind.gravity) if kind else 2], now, len(said))
        nats = improbability(len(said), expected)
        if nats < settings.surprise:
            return None
        lead = kind or self._leading(said)
        shared = shared_terms([one.terms for one in said], self._background)
        is_one_story = kind is None or (bool(shared) and shared[0][1] >= settings.coherence * len(said))
        return Signal(
            brand=brand,
            detector=NAME,
            version=self.version,
            at=hearing.at,
            window_start=datetime.fromtimestamp(said[0].at, UTC),
            window_end=hearing.at,
            observed=float(len(said)),
            expected=round(expected, 4),
            low=0.0,
            high=float(usual_most(expected)),
            surprise=round(nats / settings.surprise, 4),
            severity=_severity(settings, kind, len(said), nats, is_one_story),
            topic=name,
            kind=lead.name if lead else "",
            sources=tuple(sorted({one.source for one in said})),
            evidence=tuple((one.source, one.external_id) for one in said[-EVIDENCE:]),
            coverage=hearing.covered,
            facts=_facts(said, lead, kind, expected, nats, now, settings)
            | {"terms": [term for term, _ in shared[:TERMS]], "is_one_story": is_one_story}
            | {"headline": _headline(said, lead, [term for term, _ in shared[:TERMS]], now)},
        )

    def _leading(self, said: Sequence[_Said]) -> Kind | None:
        """The kind that most of the voices name; of equals, the gravest."""
        counts = Counter(name for one in said for name in one.kinds)
        ranked = sorted(counts, key=lambda name: (-counts[name], -self._kinds[name].gravity, name))
        return self._kinds[ranked[0]] if ranked else None


def _names_many(text: str) -> bool:
    return text.count("$") > NAMED_IN_PASSING or text.count("@") > NAMED_IN_PASSING + 2


def _independent(said: Sequence[_Said]) -> list[_Said]:
    """The first of each author's; where authors are unknown, all."""
    seen: set[tuple[str, str]] = set()
    kept: list[_Said] = []
    for one in said:
        speaker = (one.source, one.author)
        if not one.author or speaker not in seen:
            kept.append(one)
        seen.add(speaker)
    return kept


def _usual(state: _Brand, name: str, share: float, now: float, in_window: int) -> float:
    """Voices a day that the past makes usual, without those of the day under way; `share` is believed beforehand."""
    habit = state.habits.get(name)
    past = max(0.0, (habit.faded(now) if habit else 0.0) - in_window)
    days = MEMORY / DAY * (1.0 - math.exp(-(now - state.begun) / MEMORY))
    believed = max(PRIOR_RATE, share * state.voices.faded(now) / max(days, 1.0))
    if name == ANY:
        believed *= ANY_KINDS
    return (past + PRIOR_DAYS * believed) / (days + PRIOR_DAYS)


def improbability(count: int, mean: float) -> float:
    """-ln P(N >= count) for a negative binomial of this mean and `SHAPE`."""
    ratio = mean / (SHAPE + mean)
    term, below = math.exp(-SHAPE * math.log1p(mean / SHAPE)), 0.0
    for number in range(count):
        below += term
        term *= ratio * (SHAPE + number) / (number + 1)
    return -math.log(max(1e-300, 1.0 - below))


def usual_most(mean: float) -> int:
    """The largest count that nineteen days of twenty stay within."""
    count = 0
    while improbability(count + 1, mean) < math.log(20.0) and count < 10_000:
        count += 1
    return count


def _severity(settings: TroubleSettings, kind: Kind | None, voices: int, nats: float, is_one_story: bool) -> Severity:
    page = settings.page(kind)
    if voices < page or nats < settings.page_surprise or not is_one_story:
        return Severity.WATCH
    is_critical = kind is not None and kind.gravity >= 3 and voices >= settings.critical * page
    return Severity.CRITICAL if is_critical else Severity.WARNING


def _headline(said: Sequence[_Said], lead: Kind | None, terms: Sequence[str], now: float) -> str:
    """The kind of harm, the voice that uses most of the words that all share, and how many others there are."""
    telling = max(said, key=lambda one: (len(set(terms).intersection(one.terms)), -one.at))
    others = wording.counted(len(said) - 1, "other voice")
    span = wording.span(max(now - said[0].at, 300.0))
    return f"{lead.title if lead else 'trouble'}: {wording.quoted(telling.text, 80)} and {others} in {span}"


def _facts(
    said: Sequence[_Said],
    lead: Kind | None,
    kind: Kind | None,
    expected: float,
    nats: float,
    now: float,
    settings: TroubleSettings,
) -> dict[str, Any]:
    first = said[0]
    title = lead.title if lead else "trouble"
    voices = wording.counted(len(said), "independent voice")
    what = f"{voices} in {wording.span(max(now - first.at, 300.0))}"
    topic = title if kind is not None else f"{title} and other trouble"
    return {
        "why": f"{what} speak of it ({topic}), where {wording.about(expected)} a day would be usual",
        "origin": [first.source, first.external_id],
        "began_at": first.at,
        "nats": round(nats, 4),
        "thresholds": {"notice": settings.notice(kind), "page": settings.page(kind), "surprise": settings.surprise},
        "threads": sorted({one.thread for one in said if one.thread})[:THREADS],
        "authors": len({(one.source, one.author) for one in said if one.author}),
        "harm": dict(sorted(Counter(name for one in said for name in one.kinds).items())),
        "holds_for": HOLDS_FOR,
    }
