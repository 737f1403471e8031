"""Reach: one text against the brand that very many people see.

Either somebody with a great audience speaks against the brand, or one wording is carried on far more often than is
usual for it. Neither is a crowd, and copies may be coordinated: each is worth a notice, and a page only together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

import msgspec
from msgspec.structs import replace

from monitor.detectors import wording
from monitor.detectors.by_brand import ByBrand
from monitor.detectors.contract import Hearing
from monitor.detectors.recent import is_adverse
from monitor.kinds import Kind
from monitor.voices import COPY, Heard, forget_oldest
from storage.records import Label, Severity, Signal

NAME: Final = "reach"
MEMORY: Final = 14 * 86400.0
TEXT_FOR: Final = 86400.0
MOST_TEXTS: Final = 500
HOLDS_FOR: Final = 3 * 3600.0
CARRIERS: Final = 50
EVIDENCE: Final = 12
_NEGATIVE: Final = Label.NEGATIVE


@dataclass(frozen=True, slots=True)
class ReachSettings:
    """From which `audience` of one author an adverse text is worth a notice, and from how many `copies` of one text.

    Both must exceed `usual` times the largest of the brand's last two weeks.
    """

    audience: int = 250_000
    copies: int = 20
    usual: float = 1.0


class _Text(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An adverse text: where and when it was first heard, and how far it got; replaced, never changed."""

    at: float
    source: str
    external_id: str
    said: str
    kind: str
    audience: int
    copies: int = 0
    carriers: tuple[tuple[str, str], ...] = ()


class _Told(msgspec.Struct, array_like=True, frozen=True):
    """How far a text had got that was signalled."""

    at: float
    number: int
    audience: int
    copies: int


class _Brand(msgspec.Struct, array_like=True):
    """The adverse texts of a brand, and those of the last two weeks that were signalled."""

    texts: dict[int, _Text]
    told: list[_Told] = []

    def copy(self) -> _Brand:
        """An independent state of the same."""
        return _Brand(dict(self.texts), list(self.told))


class Reach:
    """Follows the adverse texts of every brand."""

    name = NAME
    version = "reach-1"

    def __init__(self, kinds: Mapping[str, Kind], settings: Mapping[str, ReachSettings]) -> None:
        """`settings` holds those of single brands; those of `""` are everybody else's."""
        self._kinds = kinds
        self._settings = settings
        self._brands: ByBrand[_Brand] = ByBrand(_Brand.copy)

    def hear(self, hearing: Hearing) -> list[Signal]:
        """The texts that reach far in this tick."""
        signals: list[Signal] = []
        now = hearing.at.timestamp()
        known = self._brands.states
        for brand, heard in hearing.heard.items():
            for number in sorted(self._touched(brand, known.get(brand), heard)):
                signal = self._signal(hearing, brand, self._mine(brand), number)
                if signal is not None:
                    signals.append(signal)
            state = known.get(brand)
            if state is not None and state.texts:
                self._forget(brand, state, now)
        return signals

    def copy(self) -> Self:
        """An independent detector with the same state."""
        return copy(self).detach()

    def detach(self) -> Self:
        """Let go of what a shallow copy shares with the original."""
        self._brands = self._brands.copy()
        return self

    def dump(self) -> bytes:
        """The whole state."""
        return msgspec.msgpack.encode(self._brands.states)

    def load(self, blob: bytes) -> None:
        """Take up a state that `dump` gave."""
        self._brands.load(msgspec.msgpack.decode(blob, type=dict[str, _Brand]))

    def _mine(self, brand: str) -> _Brand:
        return self._brands.mine(brand, lambda: _Brand({}, []))

    def _touched(self, brand: str, state: _Brand | None, heard: Sequence[Heard]) -> Collection[int]:
        """Remember the adverse texts among what was heard, and that one was carried on; their numbers."""
        touched: set[int] = set()
        followed = state.texts if state else {}
        for one in heard:
            if one.text in followed:
                state = self._mine(brand)
                followed, text, post = state.texts, state.texts[one.text], one.item.post
                followed[one.text] = replace(
                    text,
                    copies=text.copies + 1,
                    audience=max(text.audience, post.author_reach or 0),
                    carriers=(*text.carriers, post.key)[:CARRIERS],
                )
                touched.add(one.text)
            elif one.role is not COPY and (one.item.kinds or one.item.score.label is _NEGATIVE):  # as few
                harmful = [kind for name in one.item.kinds if (kind := self._kinds.get(name)) and kind.harm]
                if is_adverse(one.item, harmful):
                    followed = self._mine(brand).texts
                    followed[one.text] = _first(one, harmful[0].name if harmful else "")
                    touched.add(one.text)
        return touched

    def _forget(self, brand: str, state: _Brand, now: float) -> None:
        """Let go of the texts that are a day old, and of the oldest of very many."""
        oldest = next(iter(state.texts.values()))
        if now - oldest.at > TEXT_FOR or len(state.texts) > MOST_TEXTS:
            forget_oldest(self._mine(brand).texts, MOST_TEXTS, lambda text: now - text.at > TEXT_FOR)

    def _signal(self, hearing: Hearing, brand: str, state: _Brand, number: int) -> Signal | None:
        settings, now, text = self._settings.get(brand, self._settings[""]), hearing.at.timestamp(), state.texts[number]
        if text.audience < settings.audience and text.copies < settings.copies:
            return None
        state.told = [one for one in state.told if now - one.at <= MEMORY]
        others = [one for one in state.told if one.number != number]
        largest = max((one.audience for one in others), default=-1)
        most = max((one.copies for one in others), default=-1)
        seen = text.audience / max(settings.audience, settings.usual * largest + 1)
        carried = text.copies / max(settings.copies, settings.usual * most + 1)
        if max(seen, carried) < 1.0:
            return None
        state.told = [*others, _Told(now, number, text.audience, text.copies)]
        is_carried = carried >= seen
        return Signal(
            brand=brand,
            detector=NAME,
            version=self.version,
            at=hearing.at,
            window_start=datetime.fromtimestamp(text.at, UTC),
            window_end=hearing.at,
            observed=float(text.copies if is_carried else text.audience),
            expected=0.0,
            low=0.0,
            high=float(settings.copies if is_carried else settings.audience),
            surprise=round(max(seen, carried), 4),
            severity=Severity.WARNING if min(seen, carried) >= 1.0 else Severity.WATCH,
            unit="copies" if is_carried else "followers",
            topic=f"text:{text.source}:{text.external_id}",
            kind=text.kind,
            sources=tuple(sorted({text.source, *(source for source, _ in text.carriers)})),
            evidence=((text.source, text.external_id), *text.carriers[:EVIDENCE]),
            coverage=hearing.covered,
            facts=_facts(text, settings),
        )


def _first(one: Heard, kind: str) -> _Text:
    post = one.item.post
    return _Text(one.at, post.source, post.external_id, post.title or post.text, kind, post.author_reach or 0)


def _facts(text: _Text, settings: ReachSettings) -> dict[str, Any]:
    carried = f"carried on {wording.counted(text.copies, 'time')}" if text.copies else ""
    audience = f"seen by an audience of {text.audience:,}" if text.audience else ""
    how = " and ".join(part for part in (carried, audience) if part)
    return {
        "headline": f"{wording.quoted(text.said)} is {how}",
        "why": f"one text against the brand is {how}; {settings.copies:,} copies or {settings.audience:,} followers "
        "are worth a notice when the brand has not seen as much in two weeks",
        "copies": text.copies,
        "audience": text.audience,
        "thresholds": {"copies": settings.copies, "audience": settings.audience},
        "origin": [text.source, text.external_id],
        "began_at": text.at,
        "holds_for": HOLDS_FOR,
    }
