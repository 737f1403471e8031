"""Hours of a week as an operator writes them."""

from __future__ import annotations

from datetime import time

import pytest

from config.hours import WEEK, covers_the_week, window
from config.problems import Mistake


@pytest.mark.parametrize(
    ("text", "days", "start", "end"),
    [
        ("08:00-18:00", range(7), time(8), time(18)),
        ("18:00 - 08:00", range(7), time(18), time(8)),
        ("monday 08:00-18:00", [0], time(8), time(18)),
        ("Monday-Friday 08:00-18:00", range(5), time(8), time(18)),
        ("saturday, sunday 00:00-24:00", [5, 6], time(0), time(0)),
        ("friday-monday,wednesday 20:00-06:30", [4, 5, 6, 0, 2], time(20), time(6, 30)),
    ],
)
def test_days_and_times_name_a_window(text: str, days: list[int], start: time, end: time) -> None:
    found = window(text)
    assert (found.days, found.start, found.end) == (frozenset(days), start, end)


@pytest.mark.parametrize(
    "text", ["", "always", "8-18", "08:00", "mondy 08:00-18:00", "08:00-25:00", "08:60-09:00", "24:30-25:00", "monday"]
)
def test_what_names_no_hours_is_refused(text: str) -> None:
    with pytest.raises(Mistake):
        window(text)


@pytest.mark.parametrize(
    ("texts", "is_whole"),
    [
        (["00:00-24:00"], True),
        (["08:00-18:00", "18:00-08:00"], True),
        (["08:00-18:00", "18:01-08:00"], False),
        (["monday-friday 08:00-18:00", "monday-friday 18:00-08:00", "saturday-sunday 08:00-08:00"], True),
        (["monday-friday 08:00-18:00", "monday-thursday 18:00-08:00", "saturday-sunday 08:00-08:00"], False),
        ([], False),
    ],
)
def test_windows_cover_a_week_or_leave_something_out(texts: list[str], is_whole: bool) -> None:
    assert covers_the_week(map(window, texts)) is is_whole


def test_a_night_of_sunday_ends_on_monday() -> None:
    assert window("sunday 23:00-01:00").minutes() == {*range(WEEK - 60, WEEK), *range(60)}
