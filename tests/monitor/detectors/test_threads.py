"""One thread that grows far faster than threads do rings, by what it says."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest

from monitor.detectors import threads
from monitor.detectors.contract import Hearing
from monitor.detectors.heat import Norms, age_class
from monitor.detectors.thread_state import AboutThread, root_of
from monitor.detectors.threads import Threads, ThreadSettings
from monitor.kinds import built_in_kinds
from monitor.voices import VOICE, Heard
from storage.records import EngagementSample, Label, Severity, Signal
from tests.monitor.scenes import BRAND, START, comments, judged, said

MINUTE = timedelta(minutes=1)
OUTAGE = "Fernweh booking outage: nobody can check in"


def ordinary(days: int = 8, a_day: int = 40) -> list[EngagementSample]:
    """Threads about nobody, read every half hour for three hours: some eight comments each, few a hundred."""
    dice = random.Random(3)
    samples = []
    for number in range(days * a_day):
        begin = START - timedelta(days=days) + number * timedelta(days=1) / a_day
        final = dice.lognormvariate(2.2, 1.2)
        samples += [
            comments(f"t{number}", begin + age * MINUTE, round(final * age / 180), round(2 * final * age / 180) + 3)
            for age in range(0, 181, 30)
        ]
    return samples


USUAL = ordinary()


def flood(name: str = "root", peak: int = 200, begin: datetime = START) -> list[EngagementSample]:
    return [comments(name, begin + age * MINUTE, peak * age // 60, 2 * peak * age // 60) for age in (0, 25, 55, 85)]


def told(text: str, samples: list[EngagementSample], label: Label = Label.NEUTRAL) -> list[Signal]:
    root = said(text, START, label=label, external_id="root", thread_id="root", author="z")
    return [signal for signal in judged([root], [*USUAL, *samples]) if signal.detector == "thread"]


def test_a_flooding_thread_about_harm_pages_within_the_hour() -> None:
    first = told(OUTAGE, flood())[0]
    assert first.severity in (Severity.WARNING, Severity.CRITICAL)
    assert first.at <= START + timedelta(minutes=60)
    assert first.observed > first.high > first.expected


def test_the_same_flood_about_a_launch_is_a_notice_at_most() -> None:
    found = told("Fernweh unveils a new cabin for night trains", flood(peak=900))
    assert {signal.severity for signal in found} <= {Severity.WATCH}


def test_a_negative_thread_must_be_hotter_than_one_that_names_harm() -> None:
    assert told("I am done with Fernweh", flood(peak=90), Label.NEGATIVE) == []
    assert told(OUTAGE, flood(peak=90)) != []
    assert told("I am done with Fernweh", flood(peak=1500), Label.NEGATIVE)[-1].severity is not Severity.WATCH


def test_an_ordinary_thread_about_harm_is_quiet() -> None:
    assert told(OUTAGE, flood(peak=10)) == []


def test_a_thread_that_comes_into_sight_late_is_judged_by_what_threads_have_at_first_sight() -> None:
    assert told(OUTAGE, [comments("root", START, 220, 800)])[0].at == START + timedelta(minutes=5)


def test_replies_that_are_posts_count_as_comments() -> None:
    root = said(OUTAGE, START, external_id="root", thread_id="root", author="z")
    replies = [
        said(f"same here in {place}", START + number * MINUTE / 4, author=f"r{number}", thread_id="root")
        for number, place in enumerate(f"town {letter}{digit}" for letter in "abcdefgh" for digit in range(25))
    ]
    found = [signal for signal in judged([root, *replies], USUAL) if signal.detector == "thread"]
    assert found
    assert found[-1].unit == "comments"


def test_a_brand_that_has_such_threads_all_the_time_is_harder_to_impress() -> None:
    posts, samples = [], list(USUAL)
    for number in range(12):
        begin = START - timedelta(days=6) + number * timedelta(hours=11)
        posts.append(said(f"Fernweh outage number {number}", begin, external_id=f"o{number}", thread_id=f"o{number}"))
        samples += flood(f"o{number}", peak=120, begin=begin)
    found = [signal for signal in judged(posts, samples) if signal.detector == "thread"]
    rung = [signal.topic for signal in found if signal.severity is not Severity.WATCH]
    assert "thread:plaza:o0" in rung
    assert "thread:plaza:o11" not in rung


def test_a_thread_about_nobody_watched_never_rings() -> None:
    assert judged([said("quiet", START)], [*USUAL, *flood("elsewhere", peak=900)]) == []


def test_the_headline_quotes_the_thread() -> None:
    signal = told(OUTAGE, flood())[0]
    assert OUTAGE in signal.facts["headline"]
    assert signal.brand == BRAND
    assert signal.evidence == (("plaza", "root"),)


@pytest.mark.parametrize("place", [0, 1, 4])
def test_without_a_past_a_belief_stands_in(place: int) -> None:
    norms = Norms({}, {})
    assert norms.heat(place, 0, 0) < 0.5 < norms.heat(place, 400, 1500)


def test_what_a_source_shows_outweighs_the_belief() -> None:
    norms, busy = Norms({}, {}), Norms({}, {})
    for number in range(2000):
        busy.learn(1, [(300 + number % 50, number * 60.0, f"t{number}")], [(900, number * 60.0, f"t{number}")])
    assert busy.heat(1, 320, 900) < 0.6 < norms.heat(1, 320, 900)


def test_heat_rises_with_comments_and_points() -> None:
    norms = Norms({}, {})
    heats = [norms.heat(1, comments_, 20) for comments_ in (1, 10, 50, 200, 1000)]
    assert heats == sorted(heats)
    assert age_class(0) == 0
    assert age_class(60 * 24 * 9) is None


def test_of_a_tick_with_very_many_threads_no_more_are_in_memory_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.detectors.threads.MOST_THREADS", 40)
    detector = Threads(built_in_kinds(), {"": ThreadSettings()})
    ahead, sizes = detector.copy(), []

    def counted(one: Heard) -> AboutThread:
        sizes.append(len(ahead._state.about))
        return root_of(one)

    monkeypatch.setattr(threads, "root_of", counted)
    brands = [f"Brand {number}" for number in range(30)]
    heard = {
        brand: [Heard(said(f"{brand} {number}", START, external_id=f"{brand} {number}"), VOICE, 0, 0, START.timestamp())
                for number in range(10)]
        for brand in brands
    }  # fmt: skip
    ahead.hear(Hearing(START, heard, {}))
    assert len(sizes) == 300
    assert max(sizes) <= 60
    assert len(ahead._state.about) <= 40
    assert ahead._owned is not None
    assert ahead._owned["about"] == ahead._state.about.keys()
    assert detector._state.about == {}
