"""Slow burns, reach, stillness and the words of signals."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.detectors import wording
from monitor.detectors.stillness import Stillness
from monitor.detectors.terms import Background, content_terms, shared_terms
from monitor.voices import VOICE, Heard
from storage.keys import plain_words
from storage.records import Label, Severity
from tests.monitor.scenes import START, chatter, judged, said, usual_days

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def heard(*texts: str) -> list[Heard]:
    """Voices that say these, of a brand of which the texts say nothing."""
    return [Heard(said(text), VOICE, number, 0, 0.0, plain_words(text)) for number, text in enumerate(texts)]


def test_a_day_with_three_times_the_complaints_and_no_peak_is_a_slow_burn() -> None:
    burning = [
        item for hour in range(24) for item in chatter(9, START + hour * HOUR, START + (hour + 1) * HOUR, negative=0.9)
    ]
    found = [one for one in judged([*usual_days(5, 72, negative=0.6), *burning]) if one.detector == "slow_burn"]
    assert found
    assert {one.severity for one in found} >= {Severity.WARNING}
    assert found[0].window_end - found[0].window_start == DAY


def test_a_day_as_usual_is_none() -> None:
    found = judged(usual_days(7, 72, negative=0.6))
    assert [one for one in found if one.detector == "slow_burn"] == []


def test_a_busy_friendly_day_burns_nobody() -> None:
    busy = [
        item for hour in range(24) for item in chatter(9, START + hour * HOUR, START + (hour + 1) * HOUR, negative=0.1)
    ]
    found = judged([*usual_days(5, 72, negative=0.3), *busy])
    assert [one for one in found if one.detector == "slow_burn"] == []


def test_somebody_with_a_great_audience_against_the_brand_is_a_notice() -> None:
    star = said("Fernweh lost my cello and laughed", author="star", reach=3_000_000, label=Label.NEGATIVE)
    [signal] = judged([star])
    assert (signal.detector, signal.severity, signal.unit) == ("reach", Severity.WATCH, "followers")


def test_the_same_praise_is_not() -> None:
    assert judged([said("Fernweh found my cello", author="star", reach=3_000_000, label=Label.POSITIVE)]) == []


def test_a_brand_used_to_great_audiences_needs_a_greater_one() -> None:
    stars = [
        said(
            f"Fernweh and me, part {name}: never again",
            START + number * DAY,
            author=name,
            reach=900_000,
            label=Label.NEGATIVE,
        )
        for number, name in enumerate(["ada", "bob", "cyd"])
    ]
    assert len(judged(stars)) == 1


def test_a_text_against_the_brand_carried_on_by_many_is_a_notice() -> None:
    text = "Fernweh keeps the refunds of widows, pass it on to everybody you know"
    pasted = [said(text, START + number * HOUR / 30, author=f"c{number}", label=Label.NEGATIVE) for number in range(40)]
    found = judged(pasted)
    assert {signal.detector for signal in found} == {"reach"}
    assert {signal.severity for signal in found} == {Severity.WATCH}
    assert 20 <= found[0].observed <= 23


def still(runs: list[tuple[int, int]]) -> list[bool]:
    stillness = Stillness()
    return [stillness.broken(silent, posts) for silent, posts in runs]


TALK = [(0, 3)] * 160 + [(96, 3)]
"""A day: thirteen hours of talk and a night."""


def test_nights_are_no_gaps() -> None:
    assert not any(still(TALK * 10))


def test_three_days_without_a_word_are_a_gap() -> None:
    assert still([*TALK * 5, (864, 4)])[-1]


def test_a_brand_of_a_post_a_week_has_no_gaps() -> None:
    assert not any(still([(2000, 1)] * 30))


def test_two_quiet_hours_are_no_gap_at_the_very_beginning() -> None:
    assert not still([(24, 5)])[0]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(300, "5 minutes"), (3600, "an hour"), (10_800, "3 hours"), (86_400, "24 hours"), (172_800, "2 days")],
)
def test_spans_are_told_as_people_tell_them(seconds: float, words: str) -> None:
    assert wording.span(seconds) == words


def test_counts_and_quotations_read_well() -> None:
    assert wording.counted(1, "voice") == "1 voice"
    assert wording.counted(1200, "voice") == "1,200 voices"
    assert [wording.about(number) for number in (0.01, 0.4, 3.0, 12.3)] == ["almost none", "0.4", "3", "12"]
    assert wording.up_to(0.2) == "1"
    long = wording.quoted("word " * 60)
    assert len(long) <= 94
    assert long.endswith("…”")


def test_terms_leave_out_names_and_agree_over_endings() -> None:
    first, second = (
        content_terms(plain_words(text), ("Fernweh",)) for text in ("Fernweh strikes again", "a strike at Fernweh")
    )
    assert set(first) & set(second) == {"strike"}


def test_what_everybody_says_is_no_story() -> None:
    background = Background()
    for number in range(400):
        background.add(heard(f"flight other{chr(97 + number % 26)}{chr(97 + number // 26)}"))
    assert shared_terms([("flight", "breach"), ("flight", "breach")], background) == [("breach", 2)]


def test_voices_that_wait_count_in_a_copy_and_after_a_restart() -> None:
    background = Background()
    for word in ("harbour", "station", "flight") * 80:
        background.add(heard(f"{word} {word}"))
    copied, restored = background.copy(), Background()
    copied.add(heard(*["breach"] * 60))
    restored.load(background.dump())
    assert [copied.is_common("breach"), restored.is_common("breach")] == [True, False]
    assert [one.is_common("flight") for one in (background, copied, restored)] == [True] * 3
    assert restored.dump() == background.dump()


def test_scripts_without_spaces_give_pairs_of_characters() -> None:
    assert content_terms(plain_words("费恩召回"), ()) == ("费恩", "恩召", "召回")
