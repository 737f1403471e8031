"""When a source is read next, and what its budget pays for."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.contract import Tariff
from config.settings import SourceSettings
from monitor.sources.budget import Budget, Cost, rest_of_day, usual_turn
from monitor.sources.pace import (
    Pace,
    Situation,
    Turn,
    affordable,
    gathers_speed,
    has_moved,
    is_quiet,
    look_again,
    per_minute,
    turn,
)
from storage.records import CollectorRun, RunOutcome, Spent

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PACE = Pace(every=5 * MINUTE, fastest=MINUTE, slowest=10 * MINUTE)
HALF_A_DAY = timedelta(hours=12)


def runs(*brought: int, outcome: RunOutcome = RunOutcome.COMPLETE) -> list[CollectorRun]:
    """Runs five minutes apart, newest first, the newest five minutes ago."""
    begins = [NOON - 5 * MINUTE * number for number in range(1, len(brought) + 1)]
    return [
        CollectorRun("forum", begin, begin, outcome, posts, posts, 1)
        for begin, posts in zip(begins, brought, strict=True)
    ]


def situation(*brought: int, **fields: object) -> Situation:
    return Situation(NOON, runs(*brought), **{"rest": HALF_A_DAY, **fields})  # type: ignore[arg-type]


# -- the interval


@pytest.mark.parametrize(
    ("given_situation", "expected"),
    [
        (situation(), PACE.every),
        (situation(4, 5, 3, 4, 5, 4), PACE.every),
        (situation(20, 5, 3, 4, 5, 4), PACE.fastest),
        (situation(0, 0, 0, 0, 0, 0), PACE.slowest),
        (situation(0, 0, 0, 0, 0, 1), PACE.every),
        (situation(0, 0, 0, 0, 0, 0, has_incident=True), PACE.fastest),
    ],
    ids=[
        "never read",
        "as usual",
        "gathers speed",
        "quiet",
        "not yet quiet",
        "quiet, but an incident lives",
    ],
)
def test_how_long_to_wait(given_situation: Situation, expected: timedelta) -> None:
    assert look_again(PACE, given_situation) == expected


def test_a_source_that_fails_is_not_quiet() -> None:
    assert is_quiet(runs(0, 0, 0, 0, 0, 0))
    assert not is_quiet(runs(0, 0, 0, 0, 0, 0, outcome=RunOutcome.FAILED))


def test_two_posts_after_none_are_not_yet_speed() -> None:
    assert not gathers_speed(runs(2, 0, 0, 0, 0, 0))
    assert gathers_speed(runs(4, 0, 0, 0, 0, 0))


def test_the_rate_counts_what_came_between_the_first_and_the_last_run() -> None:
    assert per_minute(runs(10, 20, 99)) == 3.0
    assert per_minute(runs(10)) == 0.0


# -- what is done at a turn


@pytest.mark.parametrize(
    ("given_situation", "expected"),
    [
        (situation(), Turn.READ),
        (situation(4, 5), Turn.READ),
        (situation(4, 5, turns_left=0.9), Turn.SPENT),
        (situation(4, 5, turns_left=72.0), Turn.WAIT),
        (situation(4, 5, turns_left=72.0, can_count=True), Turn.COUNT),
        (situation(4, 5, turns_left=150.0, can_count=True), Turn.READ),
        (situation(20, 5, 3, 4, turns_left=72.0, has_incident=True), Turn.WAIT),
    ],
    ids=[
        "never read",
        "unlimited",
        "spent",
        "too early",
        "too early, but countable",
        "the budget pays for it",
        "not even for an incident beyond the budget",
    ],
)
def test_what_is_done_when_the_turn_comes(given_situation: Situation, expected: Turn) -> None:
    assert turn(PACE, given_situation) is expected


def test_a_run_that_was_cut_goes_on_whatever_the_even_pace() -> None:
    cut = Situation(NOON, runs(4, 5, outcome=RunOutcome.PARTIAL), 72.0, HALF_A_DAY)
    assert turn(PACE, cut) is Turn.READ


@pytest.mark.parametrize(("waiting", "moved"), [(0, False), (8, False), (11, False), (13, True), (90, True)])
def test_bodies_are_read_at_once_when_the_count_moves(waiting: int, moved: bool) -> None:
    assert has_moved(waiting, PACE, situation(5, 5, 5, 5)) is moved


# -- budgets

amounts = st.integers(0, 10_000)


@given(limit=st.integers(1, 10_000), used=amounts, each=st.floats(0.1, 100), reserve=st.floats(0, 0.9))
def test_no_plan_ever_exceeds_the_budget_and_the_reserve_is_kept(
    limit: int, used: int, each: float, reserve: float
) -> None:
    budget, spent = Budget(requests=limit, reserve=reserve), Spent("forum", date(2026, 3, 2), used)
    usual = budget.turns_left(spent, Cost(each), for_incident=False)
    most = budget.turns_left(spent, Cost(each), for_incident=True)
    assert used + most * each <= max(limit, used) + 1e-6
    assert usual <= most
    assert used + usual * each <= max(limit * (1 - reserve), used) + 1e-6


@given(turns=st.floats(1, 5000), rest=st.integers(60, 86_400))
def test_an_even_pace_lasts_until_midnight(turns: float, rest: int) -> None:
    even = affordable(Situation(NOON, turns_left=turns, rest=timedelta(seconds=rest)))
    assert even * turns == pytest.approx(timedelta(seconds=rest), abs=timedelta(seconds=0.01))


def test_whatever_is_scarcest_decides() -> None:
    budget = Budget(requests=100, posts=1000, dollars=5.0, reserve=0.0)
    spent = Spent("x", date(2026, 3, 2), 50, 900, 1.0)
    assert budget.turns_left(spent, Cost(1, 20, 0.1), for_incident=True) == 5.0
    assert Budget().turns_left(spent, Cost(1, 20, 0.1), for_incident=False) == math.inf


def test_a_source_never_read_is_expected_to_cost_what_its_tariff_says() -> None:
    tariff = Tariff(requests_per_turn=4, dollars_per_request=0.01, dollars_per_post=0.005)
    assert usual_turn(tariff, []) == Cost(4, 0, 0.04)
    assert usual_turn(tariff, runs(10, 20)) == Cost(1, 15, pytest.approx(0.085))


def test_the_narrower_of_platform_and_operator_holds() -> None:
    source = SourceSettings.model_validate({"type": "reddit", "requests_per_day": 500})
    assert Budget.of(source, Tariff(requests_per_day=144_000)).requests == 500
    assert Budget.of(source, Tariff(requests_per_day=100)).requests == 100
    assert not Budget.of(SourceSettings.model_validate({"type": "feeds"}), Tariff()).is_limited


def test_the_day_ends_at_midnight_in_utc() -> None:
    assert rest_of_day(NOON) == timedelta(hours=12)
    assert rest_of_day(NOON.replace(hour=0)) == timedelta(days=1)


def test_sources_whose_requests_count_back_off_by_themselves() -> None:
    source = SourceSettings.model_validate({"type": "feeds", "every": "5m"})
    assert Pace.of(source, counts_requests=False) == Pace(5 * MINUTE, MINUTE, 5 * MINUTE)
    assert Pace.of(source, counts_requests=True).slowest == 10 * MINUTE
    quick = SourceSettings.model_validate({"type": "feeds", "every": "10s", "slowest": "1m"})
    assert Pace.of(quick, counts_requests=False) == Pace(MINUTE / 6, MINUTE / 6, MINUTE)
