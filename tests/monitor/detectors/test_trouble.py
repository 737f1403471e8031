"""A handful of voices about something grave ring by what they say and who says it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.detectors.trouble import improbability, usual_most
from storage.records import MentionedPost, Severity
from tests.monitor.scenes import START, judged, said, usual_days

HOUR = timedelta(hours=1)
BREACH = [
    "Fernweh confirms a data breach in its booking system",
    "Got a letter about a breach of data at Fernweh, great morning",
    "Passport numbers lost: the data breach at Fernweh is larger than they said",
    "Hackers stole data of nine hundred thousand Fernweh customers, breach confirmed",
]


def spoken(texts: list[str], *, every: timedelta = HOUR, authors: list[str] | None = None) -> list[MentionedPost]:
    names = authors or [f"w{number}" for number in range(len(texts))]
    return [
        said(text, START + number * every, author=name)
        for number, (text, name) in enumerate(zip(texts, names, strict=True))
    ]


def trouble(items: list[MentionedPost]) -> list[tuple[str, Severity, float]]:
    return [
        (signal.topic, signal.severity, signal.observed)
        for signal in judged(items)
        if signal.detector == "trouble" and signal.topic
    ]


def test_two_voices_about_a_grave_kind_are_a_notice_and_three_a_page() -> None:
    assert trouble(spoken(BREACH[:3])) == [
        ("data_breach", Severity.WATCH, 2.0),
        ("data_breach", Severity.WARNING, 3.0),
    ]


def test_one_voice_is_neither() -> None:
    assert trouble(spoken(BREACH[:1])) == []


def test_one_text_carried_by_many_is_one_voice() -> None:
    assert trouble(spoken([BREACH[0]] * 20, every=timedelta(minutes=5))) == []


def test_one_author_who_goes_on_about_it_is_one_voice() -> None:
    assert trouble(spoken(BREACH, authors=["lena"] * 4)) == []


def test_voices_days_apart_are_not_one_trouble() -> None:
    assert trouble(spoken(BREACH, every=timedelta(hours=30))) == []


def test_a_serious_kind_takes_more_voices_than_a_grave_one() -> None:
    strikes = [
        "Pilots of Fernweh go on strike at Easter",
        "Is the strike at Fernweh on for Friday? Workers strike, I am told",
        "Fernweh cabin crew join the strike action",
        "Strike by ground staff too: Fernweh cancels nothing yet",
        "Union says the strike at Fernweh was long in coming",
    ]
    found = trouble(spoken(strikes))
    assert [severity for topic, severity, _ in found if topic == "labour"] == [Severity.WATCH] * 2 + [Severity.WARNING]


def test_voices_that_speak_of_different_things_do_not_page() -> None:
    unrelated = [
        "Somebody fell ill after lunch, food poisoning, said the doctor",
        "Mouldy bread in the lounge of the Fernweh hub",
        "My tent smells of toxic chemicals since I bought it",
    ]
    found = trouble(spoken(unrelated))
    assert found != []
    assert {severity for _, severity, _ in found} == {Severity.WATCH}


def test_a_brand_that_is_always_spoken_of_in_that_way_does_not_ring() -> None:
    sued = [
        said(f"{name} sued Fernweh over lost skis, lawsuit number {number}", at, author=f"j{number}")
        for number, name in enumerate(["Ann", "Bo", "Cy", "Di", "Ed", "Flo", "Gus"] * 12)
        for at in [START - timedelta(days=28) + number * timedelta(hours=8)]
    ]
    early = [signal for signal in judged(sued) if signal.at < START - timedelta(days=21)]
    late = [signal for signal in judged(sued) if signal.at > START - timedelta(days=7)]
    assert late == []
    assert len(early) < 8


def test_lists_of_companies_say_little_about_each() -> None:
    lists = [f"{text} $AAA $BBB $CCC $DDD $EEE" for text in BREACH]
    assert trouble(spoken(lists)) == []


def test_a_busy_brand_takes_more_than_a_thin_one() -> None:
    busy = [*usual_days(3, 400), *spoken([f"{text} {number}" for number, text in enumerate(BREACH[:2])])]
    assert [severity for _, severity, _ in trouble(busy)] in ([], [Severity.WATCH])


def test_the_signal_tells_the_first_voice_and_the_kinds() -> None:
    last = judged(spoken(BREACH[:3]))[-1]
    assert last.kind == "data_breach"
    assert last.facts["origin"] == [last.evidence[0][0], last.evidence[0][1]]
    assert "3 independent voices" in last.facts["why"]
    assert "breach" in last.facts["terms"]


@pytest.mark.parametrize("mean", [0.05, 0.5, 5.0])
def test_more_voices_are_more_improbable(mean: float) -> None:
    nats = [improbability(count, mean) for count in range(1, 12)]
    assert nats == sorted(nats)
    assert improbability(0, mean) == pytest.approx(0.0)
    assert improbability(usual_most(mean) + 1, mean) >= 2.99
