"""What every detector promises, held against one history."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.detectors.contract import Tick
from monitor.judge import Judge, JudgeSettings, Make
from storage.records import MentionedPost, Signal
from tests.monitor.scenes import BRAND, ticks

EVERY = 7
"""Ticks between two restarts, or two looks ahead."""


def kept(name: str, make: Make, mentions: Sequence[MentionedPost]) -> list[Signal]:
    """The ringing signals of a detector over a history, after it was seen that it keeps its promises.

    It finds the same after restarts, and beside copies that look ahead; and it explains itself.
    """
    history, settings = list(ticks(mentions)), JudgeSettings(own={name: make})
    found = _found(name, settings, history)
    assert _found(name, settings, history, restarts=True) == found, "a restart changes what it finds"
    assert _found(name, settings, history, looks=True) == found, "a copy and its original feel each other"
    for signal in found:
        assert signal.facts["headline"], "it does not say what it found"
        assert signal.facts["why"], "it does not say why it rings"
        assert signal.version, "nobody will know which version rang"
        assert signal.evidence, "it rests on no post"
        assert signal.window_start < signal.window_end == signal.at, "it does not say when"
    return [signal for signal in found if signal.surprise >= 1.0]


def _found(
    name: str, settings: JudgeSettings, history: Sequence[Tick], *, restarts: bool = False, looks: bool = False
) -> list[Signal]:
    judge, signals = Judge([BRAND], settings), list[Signal]()
    for number, tick in enumerate(history):
        if looks and number % EVERY == 0:
            judge.copy().step(tick)
        signals += [one for one in judge.step(tick) if one.detector == name]
        if restarts and number % EVERY == 0:
            state, judge = judge.dump(), Judge([BRAND], settings)
            judge.load(state)
    return signals
