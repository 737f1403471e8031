"""The fold over ticks that says what is out of the ordinary: voices, then detectors, then signals.

    mentions -> voices (who says a distinct thing) -> detectors -> signals

Pure and on event time. A tick without posts costs next to nothing, and what it would have changed is caught up with
when somebody speaks again; so a year of a quiet brand is judged in seconds, with the same result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Self, TypeVar

import msgspec

from config.plugins import resolve
from config.settings import BrandSettings, DetectorSettings, Settings
from config.thresholds import ThresholdSettings
from monitor.detectors.burst import BurstSettings
from monitor.detectors.contract import TICK, Detector, Hearing, Mentions, Tick
from monitor.detectors.crowd import Crowd, CrowdSettings
from monitor.detectors.reach import Reach, ReachSettings
from monitor.detectors.recent import Moment, Recent
from monitor.detectors.slow_burn import SlowBurn, SlowBurnSettings
from monitor.detectors.stillness import Stillness
from monitor.detectors.threads import Threads, ThreadSettings
from monitor.detectors.trouble import Trouble, TroubleSettings
from monitor.kinds import Kind, built_in_kinds, kinds_with
from monitor.voices import Heard, VoiceFold, fair_share
from storage.records import MentionedPost, Signal

VERSION = 1
UNREAD = {"": 0.0}
"""Coverage of a tick in which nothing was read."""
ELSE = ""
"""Stands for every brand without settings of its own."""
DETECTORS = "monitor.detectors"

MOST = (50_000, 50_000)
"""Texts and speakers that are remembered of all brands together; a quarter more meanwhile."""

ROUND = 24
"""Ticks (two hours) in which all brands are looked at once, whether what they said is to be forgotten."""

Make = Callable[[Sequence[str]], Detector]
"""Makes a detector without a past, for the brands named."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Every threshold of every detector for one brand; the defaults are the benchmarked ones (`standard`)."""

    crowd: CrowdSettings = field(default_factory=CrowdSettings)
    trouble: TroubleSettings = field(default_factory=TroubleSettings)
    thread: ThreadSettings = field(default_factory=ThreadSettings)
    slow_burn: SlowBurnSettings = field(default_factory=SlowBurnSettings)
    reach: ReachSettings = field(default_factory=ReachSettings)

    @property
    def digest(self) -> str:
        """The version of the configuration: the same for the same values, wherever they came from."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """Thresholds by brand (`""` for every other), and the kinds of incident that words may point to.

    `own` makes the detectors of the operator's own, each under its name.
    """

    thresholds: Mapping[str, Thresholds] = field(default_factory=lambda: {ELSE: Thresholds()})
    kinds: Mapping[str, Kind] = field(default_factory=built_in_kinds)
    own: Mapping[str, Make] = field(default_factory=dict)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """As the operator configured it, each brand with its own sensitivity and thresholds."""
        known: dict[str, Thresholds] = {}  # of hundreds of brands most have the same

        def chosen_for(brand: BrandSettings | None) -> Thresholds:
            chosen = settings.thresholds_for(brand)
            values = repr(chosen)
            return known.get(values) or known.setdefault(values, thresholds_of(chosen))

        brands = {brand.name: chosen_for(brand) for brand in settings.brands}
        own = {one.name: _maker(one) for one in settings.detectors if one.enabled}
        return cls({ELSE: chosen_for(None), **brands}, kinds_with(settings.kinds), own)


def _maker(configured: DetectorSettings) -> Make:
    """Makes a detector of the operator's own, with its options checked; `ValidationError` where they are wrong."""
    module = resolve(DETECTORS, configured.type)
    return partial(module.build, module.Options.model_validate(configured.options))


def thresholds_of(chosen: ThresholdSettings) -> Thresholds:
    """The thresholds in force as the detectors know them."""
    return Thresholds(
        crowd=_filled(CrowdSettings, "crowd", chosen, burst=_filled(BurstSettings, "burst", chosen)),
        trouble=_filled(TroubleSettings, "trouble", chosen),
        thread=_filled(ThreadSettings, "thread", chosen),
        slow_burn=_filled(SlowBurnSettings, "slow_burn", chosen),
        reach=_filled(ReachSettings, "reach", chosen),
    )


_SettingsT = TypeVar("_SettingsT")


def _filled(kind: type[_SettingsT], detector: str, chosen: ThresholdSettings, **others: object) -> _SettingsT:
    """A detector's settings from the thresholds that are called by its name and theirs; what is no threshold stays."""
    prefix = f"{detector}_"
    named = {name.removeprefix(prefix): value for name, value in chosen if name.startswith(prefix)}
    return kind(**named, **others)


class Judge:
    """Takes tick after tick and keeps what it needs to know of the past, in bounded memory."""

    def __init__(self, brands: Sequence[str], settings: JudgeSettings | None = None) -> None:
        """Begin without a past, for `brands` (their names)."""
        self._brands = tuple(brands)
        self._known = frozenset(brands)
        self._settings = settings or JudgeSettings()
        self._voices: dict[str, VoiceFold] = {}
        self._recent: dict[str, Recent] = {}
        self._shared: set[str] = set()
        self._remembered = (0, 0)
        self._stillness = Stillness()
        self._silent = 0
        self._last_at: datetime | None = None
        self._detectors = _detectors(self._brands, self._settings)
        self._own = {name: make(self._brands) for name, make in self._settings.own.items()}
        digests = {chosen: chosen.digest for chosen in set(self._settings.thresholds.values())}
        self._digests = {brand: digests[chosen] for brand, chosen in self._settings.thresholds.items()}

    @property
    def brands(self) -> tuple[str, ...]:
        """Names of the brands that are judged."""
        return self._brands

    @property
    def settings(self) -> JudgeSettings:
        """What it was told."""
        return self._settings

    def step(self, tick: Tick) -> list[Signal]:
        """Take the next tick and say what it found. Ticks left out since the last one count as not read.

        A signal with `surprise >= 1` rings. One below 1 belongs to something that rang before and has not ebbed yet: it
        keeps its incident from being resolved and is not stored. Signals are sorted by brand, detector and topic.
        """
        while self._last_at is not None and tick.at - self._last_at > TICK:
            self._step(Tick(self._last_at + TICK, coverage=UNREAD))
        return self._step(tick)

    def copy(self) -> Self:
        """An independent judge with the same state, for a provisional look at a tick that is not complete.

        What was heard of each brand is shared until either of the two hears of it again, since most brands are quiet.
        """
        self._shared = set(self._voices)
        return copy(self).detach()

    def detach(self) -> Self:
        """Let go of what a shallow copy shares with the original."""
        self._voices, self._recent, self._shared = dict(self._voices), dict(self._recent), set(self._shared)
        self._stillness = self._stillness.copy()
        self._detectors = [detector.copy() for detector in self._detectors]
        self._own = {name: detector.copy() for name, detector in self._own.items()}
        return self

    def dump(self) -> bytes:
        """The whole state, to go on later exactly as if there had been no interruption."""
        return msgspec.msgpack.encode(
            _State(
                version=VERSION,
                last_at=self._last_at,
                silent=self._silent,
                stillness=self._stillness.dump(),
                voices={brand: fold.dump() for brand, fold in self._voices.items()},
                recent={brand: recent.dump() for brand, recent in self._recent.items()},
                detectors=[detector.dump() for detector in self._detectors],
                own={name: detector.dump() for name, detector in self._own.items()},
            )
        )

    def load(self, blob: bytes) -> None:
        """Take up a state that `dump` gave, of the same settings; what is new since starts from nothing.

        Raises `ValueError` when the state was written by another version of the program.
        """
        state = _decoded(blob)
        self._last_at, self._silent = state.last_at, state.silent
        self._stillness.load(state.stillness)
        known = set(self._brands)
        self._voices = {brand: VoiceFold.restored(kept) for brand, kept in state.voices.items() if brand in known}
        self._recent = {brand: self._new_recent(kept) for brand, kept in state.recent.items() if brand in known}
        self._remembered = self._sizes()
        for detector, kept in zip(self._detectors, state.detectors, strict=True):
            detector.load(kept)
        for name in self._own.keys() & state.own.keys():
            self._own[name].load(state.own[name])

    def _step(self, tick: Tick) -> list[Signal]:
        covered = sum(tick.coverage.values()) / len(tick.coverage) if tick.coverage else 1.0
        signals: list[Signal] = []
        posts, gap_ticks, whole, of_whole = 0, 0, dict[str, list[Heard]](), dict[str, Moment]()
        parts = tick.parts(self._known)
        for number, part in enumerate(parts, start=1):
            (heard, moments), is_last = self._hear(part(), tick.at.timestamp()), number == len(parts)
            posts += sum(map(len, heard.values()))
            if posts and self._silent:
                gap_ticks = self._silent if self._stillness.is_gap(self._silent) else 0
            samples = tick.sampled() if is_last else ()
            hearing = Hearing(tick.at, heard, self._recent, samples, covered, gap_ticks, is_last, moments)
            if heard or is_last:
                signals += [signal for detector in self._detectors for signal in detector.hear(hearing)]
            if self._own:
                whole |= heard
                of_whole |= moments
            del heard, hearing  # before the next part is read
        if self._own:
            samples = list(tick.sampled())
            hearing = Hearing(tick.at, whole, self._recent, samples, covered, gap_ticks, moments=of_whole)
            signals += [signal for detector in self._own.values() for signal in detector.hear(hearing)]
        self._end_silence(posts)
        self._forget_silent(tick)
        self._last_at = tick.at
        signed = [self._signed(signal) for signal in signals]
        return sorted(signed, key=lambda signal: (signal.brand, signal.detector, signal.topic)) if signed else signed

    def _signed(self, signal: Signal) -> Signal:
        """The signal with the version of the thresholds it was found under, and the severity its kind has at least."""
        digest = self._digests.get(signal.brand) or self._digests.get(ELSE, "")
        kind = self._settings.kinds.get(signal.kind)
        least = (
            kind.least if kind is not None and kind.least is not None and signal.surprise >= 1.0 else signal.severity
        )
        severity = max(signal.severity, least, key=lambda one: one.rank)
        return replace(signal, severity=severity, facts={**signal.facts, "configuration": digest})

    def _hear(self, said: Mentions, now: float) -> tuple[dict[str, list[Heard]], dict[str, Moment]]:
        """What was said as it is heard, and what was counted of it, of each brand."""
        heard, moments = dict[str, list[Heard]](), dict[str, Moment]()
        most_texts, most_speakers = (most + most // 4 for most in MOST)
        for brand, items in said.items():
            fold, (all_texts, all_speakers) = self._own_voices(brand), self._remembered
            texts, speakers = fold.size
            if fold.has_to_forget(now):
                fold.forget(now)
            heard[brand] = fold.hear(items if len(items) == 1 else sorted(items, key=_by_time))
            moments[brand] = self._recent[brand].take(now, heard[brand])
            texts_now, speakers_now = fold.size
            self._remembered = texts, speakers = all_texts + texts_now - texts, all_speakers + speakers_now - speakers
            if texts > most_texts or speakers > most_speakers:
                self._make_room(now)
        return heard, moments

    def _own_voices(self, brand: str) -> VoiceFold:
        """What was heard of a brand, no longer shared with a copy."""
        fold = self._voices.get(brand)
        if fold is None:
            fold = self._voices[brand] = VoiceFold()
            self._recent[brand] = self._new_recent(())
        elif brand in self._shared:
            self._shared.discard(brand)
            fold = self._voices[brand] = fold.copy()
            self._recent[brand] = self._recent[brand].copy()
        return fold

    def _make_room(self, now: float) -> None:
        """Let the brands of which most is remembered forget the oldest of it."""
        texts, speakers = zip(*(fold.size for fold in self._voices.values()), strict=True)
        most = fair_share(texts, MOST[0]), fair_share(speakers, MOST[1])
        for brand, fold in sorted(self._voices.items()):
            if any(size > share for size, share in zip(fold.size, most, strict=True)):
                self._own_voices(brand).forget(now, most)
        self._remembered = self._sizes()

    def _forget_silent(self, tick: Tick) -> None:
        """Let go of the voices of brands that fell silent a day ago, looking at one brand in `ROUND` a tick.

        Which ones it is follows from the tick alone, so that a restart or a copy goes on the same.
        """
        now = tick.at.timestamp()
        turn = self._brands[int(now // TICK.total_seconds()) % ROUND :: ROUND]
        silent = [brand for brand in turn if brand in self._voices and self._voices[brand].is_over(now)]
        for brand in silent:
            self._own_voices(brand).forget(now)
            self._voices[brand] = self._voices[brand].copy()  # a dict that is emptied keeps its room
        if silent:
            self._remembered = self._sizes()

    def _sizes(self) -> tuple[int, int]:
        sizes = [fold.size for fold in self._voices.values()]
        return sum(texts for texts, _ in sizes), sum(speakers for _, speakers in sizes)

    def _end_silence(self, posts: int) -> None:
        """Whether a tick with so many posts ends a silence, and what is learned of silences."""
        if posts:
            self._stillness.broken(self._silent, posts)
        self._silent = 0 if posts else self._silent + 1

    def _new_recent(self, moments: Iterable[Moment]) -> Recent:
        recent = Recent(self._settings.kinds.get)
        recent.load(moments)
        return recent


class _State(msgspec.Struct):
    version: int
    last_at: datetime | None
    silent: int
    stillness: bytes
    voices: dict[str, bytes]
    recent: dict[str, list[Moment]]
    detectors: list[bytes]
    own: dict[str, bytes] = {}


def _decoded(blob: bytes) -> _State:
    state = msgspec.msgpack.decode(blob, type=_State)
    if state.version != VERSION:
        raise ValueError(
            f"the saved state of detection has version {state.version}, this program writes {VERSION}; "
            "delete it and let history be read again"
        )
    return state


def _by_time(item: MentionedPost) -> tuple[datetime, str, str]:
    return (item.post.judged_at, *item.post.key)


def _detectors(brands: Sequence[str], settings: JudgeSettings) -> list[Detector]:
    chosen = settings.thresholds
    return [
        Crowd(brands, {brand: one.crowd for brand, one in chosen.items()}),
        Trouble(settings.kinds, {brand: one.trouble for brand, one in chosen.items()}),
        Threads(settings.kinds, {brand: one.thread for brand, one in chosen.items()}),
        SlowBurn({brand: one.slow_burn for brand, one in chosen.items()}),
        Reach(settings.kinds, {brand: one.reach for brand, one in chosen.items()}),
    ]
