"""Who is on duty: hours, weekdays, turns of a week, and the clock that is put forward."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from alerts.duty import Rota
from alerts.page import OnDuty
from config.settings import Settings

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def rota(*duties: dict[str, Any]) -> Rota:
    return Rota.build(Settings.model_validate({"on_duty": list(duties)}))


def at(hours: float) -> datetime:
    return MONDAY + timedelta(hours=hours)


def test_a_day_shift_has_hours_and_weekdays() -> None:
    shift = rota({"people": ["Ada"], "start": "08:00", "end": "20:00", "days": ["monday", "tuesday"]})
    assert shift.at(at(7.9), "Acme") == ()
    assert shift.at(at(8), "Acme") == (OnDuty("Ada", at(20)),)
    assert shift.at(at(20), "Acme") == ()
    assert shift.at(at(48 + 9), "Acme") == ()


def test_people_take_turns_of_a_week_and_it_is_said_until_when() -> None:
    turns = rota({"people": ["Ada", "Bo"], "since": "2026-01-07", "start": "09:00", "end": "09:00"})
    assert turns.at(at(9), "Acme") == (OnDuty("Ada", at(7 * 24 + 9)),)
    assert turns.at(at(7 * 24 + 8), "Acme") == (OnDuty("Ada", at(7 * 24 + 9)),)
    assert turns.at(at(7 * 24 + 9), "Acme") == (OnDuty("Bo", at(14 * 24 + 9)),)
    assert turns.at(at(-1), "Acme") == (OnDuty("Bo", at(9)),)


def test_somebody_who_is_always_on_duty_has_no_end() -> None:
    assert rota({"people": ["Ada"]}).at(at(3), "Acme") == (OnDuty("Ada"),)


def test_a_duty_may_be_for_some_brands_and_several_may_hold_at_once() -> None:
    both = rota({"people": ["Ada"], "brands": ["Acme"]}, {"people": ["Bo"]}, {"people": ["Bo"]})
    assert [one.name for one in both.at(at(1), "Acme")] == ["Ada", "Bo"]
    assert [one.name for one in both.at(at(1), "Bolt")] == ["Bo"]


def test_hours_are_those_of_the_zone_also_when_the_clock_is_put_forward() -> None:
    night = rota({"people": ["Ada"], "start": "22:00", "end": "06:00", "timezone": "Europe/Stockholm"})
    (found,) = night.at(datetime(2026, 3, 28, 23, 0, tzinfo=UTC), "Acme")
    assert found.until == datetime(2026, 3, 29, 4, 0, tzinfo=UTC)


@given(st.integers(0, 60 * 24 * 60), st.integers(1, 4))
def test_exactly_one_of_those_who_take_turns_is_on_duty_at_any_moment(minutes: int, people: int) -> None:
    turns = rota({"people": [f"p{number}" for number in range(people)], "start": "07:30", "end": "07:30"})
    moment = MONDAY + timedelta(minutes=minutes)
    (found,) = turns.at(moment, "Acme")
    if found.until is not None:
        (following,) = turns.at(found.until, "Acme")
        assert found.until > moment
        assert following.name != found.name


def test_a_date_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="is no date"):
        Settings.model_validate({"on_duty": [{"people": ["Ada"], "since": "2026-13-01"}]})
