"""Quiet hours end once a day, in every zone, through every change of clocks."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.quiet import QuietHours
from config.settings import Settings

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = QuietHours(time(22), time(7), BERLIN)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("quiet", "now", "until"),
    [
        (NIGHT, "2024-01-10 20:59", None),
        (NIGHT, "2024-01-10 21:00", "2024-01-11 06:00"),
        (NIGHT, "2024-01-11 05:59", "2024-01-11 06:00"),
        (NIGHT, "2024-01-11 06:00", None),
        (QuietHours(time(12), time(13), BERLIN), "2024-01-10 11:30", "2024-01-10 12:00"),
        # Friday's window lasts into Saturday; Saturday has none of its own
        (QuietHours(time(22), time(7), BERLIN, frozenset({4})), "2024-01-13 02:00", "2024-01-13 06:00"),
        (QuietHours(time(22), time(7), BERLIN, frozenset({4})), "2024-01-13 22:00", None),
        # 31 March: clocks go from 02:00 to 03:00, the night is an hour shorter
        (NIGHT, "2024-03-30 23:00", "2024-03-31 05:00"),
        # a start or an end that the clock skips falls where it would have been
        (QuietHours(time(22), time(2, 30), BERLIN), "2024-03-31 01:10", "2024-03-31 01:30"),
        (QuietHours(time(2, 30), time(5), BERLIN), "2024-03-31 01:10", None),
        (QuietHours(time(2, 30), time(5), BERLIN), "2024-03-31 01:40", "2024-03-31 03:00"),
        # 27 October: 02:30 happens twice; the window ends at the second and begins at the first
        (QuietHours(time(22), time(2, 30), BERLIN), "2024-10-27 00:40", "2024-10-27 01:30"),
        (QuietHours(time(2, 30), time(5), BERLIN), "2024-10-27 00:40", "2024-10-27 04:00"),
    ],
)
def test_a_moment_is_quiet_until_the_end_of_its_window(quiet: QuietHours, now: str, until: str | None) -> None:
    assert quiet.until(utc(now)) == (utc(until) if until else None)


@given(
    zone=st.sampled_from(sorted(available_timezones() - {"localtime"})),
    start=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    end=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    now=st.integers(0, 2 * 366 * 86400).map(lambda seconds: utc("2024-01-01") + timedelta(seconds=seconds)),
)
def test_a_window_always_ends_after_now_and_within_two_days(zone: str, start: time, end: time, now: datetime) -> None:
    if start == end:
        return
    until = QuietHours(start, end, ZoneInfo(zone)).until(now)
    if until is not None:
        assert now < until <= now + timedelta(days=2)
        assert QuietHours(start, end, ZoneInfo(zone)).until(until) != until


def test_they_are_counted_in_their_own_zone_or_the_general_one() -> None:
    general = {"general": {"timezone": "Asia/Tokyo"}, "quiet_hours": {"start": "22:00", "end": "07:00"}}
    own = {**general, "quiet_hours": {"start": "22:00", "end": "07:00", "timezone": "Europe/Berlin"}}
    zones = [QuietHours.build(Settings.model_validate(one)) for one in (general, own)]
    assert [quiet and quiet.zone.key for quiet in zones] == ["Asia/Tokyo", "Europe/Berlin"]
    assert QuietHours.build(Settings()) is None
