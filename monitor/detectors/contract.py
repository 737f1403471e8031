"""What detectors get and what they are: the tick, the tick as it was heard, and the contract of a detector.

Everything here is pure and runs on event time. A tick is five minutes of one whole program: what was said about every
brand, what the sources counted around threads, and how much of the sources was really read. Detectors are folds: state
in, tick in, signals out. The same ticks give the same signals in every driver, after every restart.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol, Self

from pydantic import BaseModel, ConfigDict

from monitor.detectors.recent import Moment, Recent
from monitor.portions import portions
from monitor.voices import Heard
from storage.records import BIN_SECONDS, EngagementSample, MentionedPost, Signal

TICK = timedelta(seconds=BIN_SECONDS)
"""One step of the judge; ticks are aligned to the Unix epoch as bins are."""


def thread_topic(source: str, thread_id: str) -> str:
    """The topic of what is about one thread."""
    return f"thread:{source}:{thread_id}"


@dataclass(frozen=True, slots=True)
class Tick:
    """Five minutes of event time, `[at - TICK, at)`; `at` is the moment of the decision.

    `mentions` holds, for each brand that was mentioned, its posts created in that span, sorted by `(created_at, source,
    external_id)`; brands without posts may be left out. Replies in a thread whose root is about the brand belong here
    too when the matcher says so.

    `samples` holds every engagement read in that span, sorted by `(at, source, external_id)`, of posts about a brand or
    not: posts about nobody teach what is usual on a source. The first sight of a post is a sample as well (at its
    `collected_at` if the source tells of the past, else at `created_at`): detectors read engagement from samples alone,
    since the `engagement` of a stored post may be younger than the tick.

    `coverage` is the share of the span that each source was really read, 0…1; a source left out counts as read. When
    a driver knows nothing of coverage (a history file), it leaves the mapping empty, and the judge infers long gaps
    from silence on all brands at once.
    """

    at: datetime
    mentions: Mapping[str, Sequence[MentionedPost]] = field(default_factory=dict)
    samples: Sequence[EngagementSample] = ()
    coverage: Mapping[str, float] = field(default_factory=dict)

    @property
    def start(self) -> datetime:
        """Beginning of the span."""
        return self.at - TICK

    def parts(self, brands: Collection[str]) -> Sequence[Part]:
        """What was said of some brands, in the order of their names."""
        said = self.mentions
        return [lambda: {name: said[name] for name in sorted(said) if name in brands and said[name]}]

    def sampled(self) -> Iterable[EngagementSample]:
        """The samples one by one."""
        return self.samples


Mentions = Mapping[str, Sequence[MentionedPost]]
Part = Callable[[], Mentions]


@dataclass(frozen=True, slots=True)
class LargeTick(Tick):
    """A tick with more in it than is to be in memory at once, so that it is read in parts while it is judged.

    `counts` says of each brand how many mentions there are, about; at most so many as `most` are read at once, or those
    of one brand.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    most: int = 1
    read: Callable[[Sequence[str]], Mentions] = field(default=lambda _brands: {})
    read_samples: Callable[[], Iterable[EngagementSample]] = tuple

    def parts(self, brands: Collection[str]) -> Sequence[Part]:
        """What was said of some brands, in the order of their names, each brand whole in one part."""
        names = sorted(name for name in self.counts if name in brands)
        groups = list(portions(names, self.counts.__getitem__, self.most)) or [[]]
        return [partial(self._part, group) for group in groups]

    def sampled(self) -> Iterable[EngagementSample]:
        """The samples, read as they are asked for."""
        return self.read_samples()

    def _part(self, names: Sequence[str]) -> Mentions:
        found = self.read(names) if names else {}
        return {name: found[name] for name in names if found.get(name)}


@dataclass(frozen=True, slots=True)
class Hearing:
    """A tick as detectors see it: who says something, and who only carries it on.

    `heard` holds the brands with posts in the tick in the order of their names, `recent` what was heard of each brand
    in the last day, this tick included, and `moments` what was counted in this tick, of the same brands in the same
    order. `covered` is the share of the sources that was read in it, `gap_ticks` the number of ticks just before it in
    which, as it turns out now, nobody listened.

    A tick with very much in it is heard in parts, each of other brands; the `samples` come with the last one
    (`is_last`), one by one. Detectors of the operator's own hear every tick whole.
    """

    at: datetime
    heard: Mapping[str, Sequence[Heard]]
    recent: Mapping[str, Recent]
    samples: Iterable[EngagementSample] = ()
    covered: float = 1.0
    gap_ticks: int = 0
    is_last: bool = True
    moments: Mapping[str, Moment] = field(default_factory=dict)


class DetectorOptions(BaseModel):
    """Base of a detector's own options, the keys of its `[[detectors]]` table; unknown ones are refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class Detector(Protocol):
    """Finds one sort of thing. Pure: the same hearings give the same signals, whatever is dumped and loaded between."""

    name: str
    version: str

    def hear(self, hearing: Hearing) -> list[Signal]:
        """What the tick shows.

        `surprise` of a signal is its strength in multiples of the threshold. From 1.0 it rings; below, down to the
        clear level, it says that what rang has not ebbed yet.
        """

    def copy(self) -> Self:
        """An independent detector with the same state; asked for every few seconds, so it must be cheap."""

    def dump(self) -> bytes:
        """The whole state."""

    def load(self, blob: bytes) -> None:
        """Take up a state that `dump` gave."""
