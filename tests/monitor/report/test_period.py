"""Weeks and months as their readers count them, and when a brief of one is due."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.briefs import BriefSettings
from monitor.report.period import Period, is_due, last_due

STOCKHOLM = "Europe/Stockholm"
ZONES = st.sampled_from(["UTC", STOCKHOLM, "America/Santiago", "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca"])


def weekly(**changes: object) -> BriefSettings:
    return BriefSettings.model_validate({"every": "week", "folder": "briefs", **changes})


def test_a_week_is_the_seven_days_before_and_a_month_that_of_the_calendar() -> None:
    week = Period.up_to("week", date(2026, 2, 11), "UTC")
    assert (week.first, week.next) == (date(2026, 2, 4), date(2026, 2, 11))
    month = Period.up_to("month", date(2026, 3, 17), "UTC")
    assert (month.first, month.next, len(month.days())) == (date(2026, 2, 1), date(2026, 3, 1), 28)
    assert month.before.first == date(2026, 1, 1)


@pytest.mark.parametrize(
    ("every", "day", "words"),
    [
        ("week", date(2026, 2, 9), "the week of 2 to 8 February 2026"),
        ("week", date(2026, 3, 4), "the week of 25 February to 3 March 2026"),
        ("week", date(2026, 1, 3), "the week of 27 December 2025 to 2 January 2026"),
        ("month", date(2026, 1, 1), "December 2025"),
    ],
)
def test_it_is_called_as_people_call_it(every: str, day: date, words: str) -> None:
    assert Period.up_to(every, day, "UTC").words == words  # type: ignore[arg-type]


def test_a_week_in_which_the_clocks_change_is_an_hour_shorter_or_longer() -> None:
    spring = Period.up_to("week", date(2026, 3, 30), STOCKHOLM)
    autumn = Period.up_to("week", date(2026, 10, 26), STOCKHOLM)
    assert (spring.end - spring.begin, autumn.end - autumn.begin) == (timedelta(hours=167), timedelta(hours=169))


def test_a_brief_at_an_hour_that_the_clock_leaves_out_is_due_all_the_same() -> None:
    brief = weekly(weekday="sunday", at="02:30")
    day, at = last_due(brief, datetime(2026, 3, 29, 12, tzinfo=UTC), STOCKHOLM)
    assert (day, at) == (date(2026, 3, 29), datetime(2026, 3, 29, 1, 30, tzinfo=UTC))  # 03:30 on the readers' clock


@given(zone=ZONES, at=st.datetimes(datetime(2011, 1, 8), datetime(2031, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_periods_of_one_kind_follow_one_another_without_a_hole(zone: str, at: datetime) -> None:
    for every in ("week", "month"):
        period = Period.up_to(every, at.date(), zone)  # type: ignore[arg-type]
        assert period.before.end == period.begin < period.end
        assert timedelta(days=6) < period.end - period.begin < timedelta(days=32)


@given(
    zone=ZONES,
    now=st.datetimes(datetime(2011, 3, 1), datetime(2031, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    day=st.integers(1, 28),
    weekday=st.sampled_from(["monday", "thursday", "sunday"]),
    hour=st.integers(0, 23),
)
def test_what_is_due_never_lies_ahead_and_comes_once_a_period(
    zone: str, now: datetime, day: int, weekday: str, hour: int
) -> None:
    monthly = BriefSettings.model_validate({"every": "month", "folder": "b", "day": day, "at": f"{hour:02}:30"})
    for brief, longest in ((weekly(weekday=weekday, at=f"{hour:02}:30"), 7.2), (monthly, 31.2)):
        made_on, at = last_due(brief, now, zone)
        assert at <= now < at + timedelta(days=longest)
        assert last_due(brief, at, zone) == (made_on, at)
        assert last_due(brief, at - timedelta(minutes=1), zone)[0] < made_on


@settings(max_examples=60)
@given(zone=ZONES, looks=st.lists(st.integers(1, 6 * 24), min_size=4, max_size=40), hour=st.integers(0, 23))
def test_whoever_looks_more_often_than_weekly_makes_each_one_once_and_leaves_none_out(
    zone: str, looks: list[int], hour: int
) -> None:
    brief, begun = weekly(at=f"{hour:02}:30"), datetime(2026, 3, 20, 12, tzinfo=UTC)
    now = made_at = begun
    made: list[datetime] = []
    for hours in looks:
        now += timedelta(hours=hours)
        if is_due(brief, made_at, now, zone):
            made_at = last_due(brief, now, zone)[1]
            made.append(made_at)
        assert not is_due(brief, made_at, now, zone)
    wanted, at = [], last_due(brief, now, zone)[1]
    while at > begun:
        wanted.append(at)
        at = last_due(brief, at - timedelta(minutes=1), zone)[1]
    assert made == wanted[::-1]
