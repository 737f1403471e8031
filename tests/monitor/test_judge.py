"""What the judge promises: a crowd rings and copies do not, whatever the batching, the order or the restarts."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.settings import Settings
from monitor.detectors.contract import TICK, Tick
from monitor.judge import Judge, JudgeSettings
from storage.records import Label, MentionedPost, Severity, Signal
from tests.monitor.scenes import BRAND, START, chatter, comments, judged, said, ticks, usual_days

HOUR = timedelta(hours=1)
PAST = usual_days(4, 48)
COMPLAINT = "Cancelled again and nobody at the desk will talk to us, we sleep on the floor"


def storm(begin_hours: float = 0, people: int = 60) -> list[MentionedPost]:
    begin = START + begin_hours * HOUR
    return chatter(people, begin, begin + 2 * HOUR, seed=77, negative=0.8)


def pages(signals: list[Signal]) -> list[Signal]:
    return [signal for signal in signals if signal.severity is not Severity.WATCH]


def test_usual_days_are_quiet() -> None:
    assert judged(PAST) == []


def test_a_crowd_against_the_brand_pages() -> None:
    found = judged([*PAST, *storm()])
    assert {signal.detector for signal in pages(found)} >= {"backlash"}
    first = pages(found)[0]
    assert START < first.at <= START + 2 * HOUR
    assert first.observed > first.high > first.expected > 0


def test_a_friendly_crowd_of_the_same_size_is_a_notice_at_most() -> None:
    crowd = chatter(60, START, START + 2 * HOUR, seed=78, negative=0.05)
    found = judged([*PAST, *crowd])
    assert {signal.detector for signal in found} == {"burst"}
    assert pages(found) == []


def test_one_wording_pasted_by_many_accounts_does_not_ring_as_a_crowd() -> None:
    moments = [START + timedelta(seconds=20 * number) for number in range(300)]
    pasted = [
        said(f"@u{number} {COMPLAINT}", moment, author=f"b{number}", label=Label.NEGATIVE)
        for number, moment in enumerate(moments)
    ]
    found = judged([*PAST, *pasted])
    assert {signal.detector for signal in found} <= {"reach"}
    assert pages(found) == []


def test_a_gap_of_all_sources_is_no_silence_and_the_return_no_surge() -> None:
    back = START + timedelta(days=4)
    history = [*PAST, *usual_days(2, 48, until=back + timedelta(days=2))]
    assert judged(history) == []


def test_the_first_hours_of_a_new_brand_do_not_ring() -> None:
    begin = START + 8 * HOUR
    assert pages(judged(chatter(40, START, begin) + chatter(120, begin, begin + 6 * HOUR))) == []


def test_posts_about_nobody_known_are_ignored() -> None:
    assert Judge(["Somebody else"]).step(Tick(START, {BRAND: PAST[:3]})) == []


def test_every_signal_says_why_in_words_and_numbers() -> None:
    for signal in judged([*PAST, *storm()]):
        assert signal.facts["headline"]
        assert signal.facts["why"]
        assert signal.version
        assert signal.evidence
        assert signal.window_start < signal.window_end == signal.at


def test_the_order_within_a_tick_does_not_matter() -> None:
    history, dice = [*PAST, *storm()], random.Random(5)
    shuffled = [
        replace(tick, mentions={brand: dice.sample(items, len(items)) for brand, items in tick.mentions.items()})
        for tick in ticks(history)
    ]
    assert _signals(Judge([BRAND]), shuffled) == _signals(Judge([BRAND]), list(ticks(history)))


def test_ticks_left_out_count_as_not_read() -> None:
    judge, explicit = Judge([BRAND]), Judge([BRAND])
    history = list(ticks(PAST))
    _signals(judge, history)
    _signals(explicit, history)
    for number in range(1, 301):
        explicit.step(Tick(history[-1].at + number * TICK, coverage={"plaza": 0.0}))
    late = Tick(history[-1].at + 301 * TICK, {BRAND: PAST[-2:]})
    assert judge.step(late) == explicit.step(late)
    assert judge.dump() == explicit.dump()


def test_a_copy_goes_its_own_way() -> None:
    judge = Judge([BRAND])
    _signals(judge, list(ticks(PAST)))
    before = judge.dump()
    ahead = judge.copy()
    assert ahead.dump() == before
    _signals(ahead, list(ticks(storm(), begin=START)))
    assert judge.dump() == before


def test_a_brand_added_later_starts_from_nothing() -> None:
    judge = Judge([BRAND])
    _signals(judge, list(ticks(PAST)))
    wider = Judge(["Bolt", BRAND])
    wider.load(judge.dump())
    theirs = chatter(30, START, START + HOUR, brand="Bolt", negative=0.9)
    assert pages(_signals(wider, list(ticks([*theirs, *storm()], begin=START)))) != []


def test_a_kind_of_the_operators_own_has_the_severity_they_want() -> None:
    chosen = Settings.model_validate(
        {"kinds": [{"name": "data_breach", "words": {"en": ["passenger list"]}, "severity": "critical"}]}
    )
    voices = [said(text, START + n * HOUR, author=f"x{n}") for n, text in enumerate(BREACH[:2])]
    judge = Judge([BRAND], JudgeSettings.from_settings(chosen))
    assert {one.severity for one in _signals(judge, list(ticks(voices))) if one.kind == "data_breach"} == {
        Severity.CRITICAL
    }


def test_a_state_of_another_version_is_refused_with_advice() -> None:
    judge = Judge([BRAND])
    judge.step(Tick(START))
    blob = judge.dump().replace(b"\xa7version\x01", b"\xa7version\x63")
    with pytest.raises(ValueError, match="delete it and let history be read again"):
        Judge([BRAND]).load(blob)


BREACH = [
    "So there was a data breach and I read it in the paper?",
    "Was my passport number part of that breach of data?",
    "Data breach at the airline, ninety thousand customers",
    "They call it an incident, I call it a data breach",
]
HISTORY = list(
    ticks(
        [
            *usual_days(2, 30),
            *storm(),
            *(said(text, START + n * HOUR, author=f"x{n}") for n, text in enumerate(BREACH)),
            said("Our account was locked", START, author="z", external_id="root", thread_id="root"),
        ],
        [comments("root", START + n * timedelta(minutes=20), 60 * n, 90 * n) for n in range(6)],
        end=START + 12 * HOUR,
    )
)


def test_the_loudest_forget_first_when_all_together_have_said_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.judge.MOST", (60, 60))
    loud, quiet = chatter(200, START, START + 4 * HOUR, seed=5), said(COMPLAINT, START, author="q")
    judge, other = Judge([BRAND, "Calm"]), Judge([BRAND, "Calm"])
    for number, tick in enumerate(ticks(loud)):
        both = replace(tick, mentions={**tick.mentions, "Calm": [quiet]} if number == 0 else tick.mentions)
        ahead = judge.copy()
        assert judge.step(both) == ahead.step(both) == other.step(both)
        assert judge.dump() == ahead.dump()
        other = _resumed(judge, [BRAND, "Calm"])
        texts, speakers = judge._sizes()
        assert judge._remembered == (texts, speakers)
        assert max(texts, speakers) <= 75
    assert judge._voices["Calm"].size == (1, 1)
    assert judge._voices[BRAND].size[0] > 30


def test_a_brand_that_falls_silent_is_forgotten_after_a_day_with_nobody_speaking() -> None:
    judge = Judge([BRAND])
    for tick in ticks(chatter(50, START, START + HOUR, seed=5), end=START + 27 * HOUR):
        ahead = judge.copy()
        assert judge.step(tick) == ahead.step(tick)
        assert judge.dump() == ahead.dump()
        if tick.at == START + 24 * HOUR:
            assert judge._voices[BRAND].size[0] > 30
    assert judge._voices[BRAND].size == judge._remembered == (0, 0)


def test_to_forget_the_silent_changes_nothing_that_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    later = [replace(tick, at=tick.at + timedelta(days=3)) for tick in HISTORY[-12 * 12 :]]
    found = _signals(Judge([BRAND]), [*HISTORY, *later])
    monkeypatch.setattr(Judge, "_forget_silent", lambda _judge, _tick: None)
    assert found == _signals(Judge([BRAND]), [*HISTORY, *later])


def _resumed(judge: Judge, brands: list[str]) -> Judge:
    resumed = Judge(brands)
    resumed.load(judge.dump())
    return resumed


@settings(max_examples=8)
@given(st.lists(st.integers(0, len(HISTORY)), max_size=3))
def test_a_restart_anywhere_gives_the_same_signals(cuts: list[int]) -> None:
    judge, found = Judge([BRAND]), []
    for number, tick in enumerate(HISTORY):
        if number in cuts:
            resumed = Judge([BRAND])
            resumed.load(judge.dump())
            judge = resumed
        found += judge.step(tick)
    assert found == _expected()


@settings(max_examples=6)
@given(st.integers(0, len(HISTORY) - 1))
def test_a_copy_and_its_original_never_feel_each_other(cut: int) -> None:
    judge, alone = Judge([BRAND]), Judge([BRAND])
    _signals(judge, HISTORY[:cut])
    alone.load(judge.dump())
    ahead = judge.copy()
    for tick in HISTORY[cut : cut + 40]:
        expected = alone.step(tick)
        assert ahead.step(tick) == expected
        assert judge.step(tick) == expected
    assert ahead.dump() == judge.dump() == alone.dump()


def test_the_history_of_the_restart_test_shows_every_detector() -> None:
    assert {signal.detector for signal in _expected()} >= {"backlash", "burst", "trouble", "thread"}


_CACHE: list[Signal] = []


def _expected() -> list[Signal]:
    if not _CACHE:
        _CACHE.extend(_signals(Judge([BRAND]), HISTORY))
    return list(_CACHE)


def _signals(judge: Judge, history: list[Tick]) -> list[Signal]:
    return [signal for tick in history for signal in judge.step(tick)]
