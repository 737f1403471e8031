"""What a source will cost, as it is said before it is turned on."""

from __future__ import annotations

from datetime import date

import pytest

from collectors.contract import Tariff
from config.settings import SourceSettings
from monitor.sources.estimate import estimate
from storage.records import Spent

PAID = Tariff(requests_per_turn=2, requests_per_day=43_200, posts_per_day=4000, dollars_per_post=0.005)


def source(**fields: object) -> SourceSettings:
    return SourceSettings.model_validate({"type": "twitter", "every": "5m", **fields})


def days(*posts: int) -> list[Spent]:
    return [Spent("twitter", date(2026, 3, day), 500, count, count * 0.005) for day, count in enumerate(posts, start=1)]


def test_requests_are_those_of_the_interval_and_at_most_those_of_the_fastest() -> None:
    found = estimate(source(), PAID)
    assert (found.requests_per_day, found.most_requests_per_day, found.allowed) == (576, 2880, 43_200)
    assert not found.is_held_back


def test_more_than_is_allowed_is_never_promised() -> None:
    found = estimate(source(requests_per_day=100), PAID)
    assert (found.most_requests_per_day, found.allowed) == (100, 100)
    assert found.is_held_back


def test_money_follows_what_was_read_on_the_days_before() -> None:
    found = estimate(source(), PAID, history=days(100, 300))
    assert (found.dollars_per_month, found.most_dollars_per_month) == (30.0, 600.0)
    assert found.days_known == 2


def test_the_budget_bounds_the_money() -> None:
    assert estimate(source(dollars_per_day=3), PAID).most_dollars_per_month == 90.0
    assert estimate(source(dollars_per_day=1), PAID, history=days(1000)).dollars_per_month == 30.0


def test_posts_without_any_limit_cost_without_limit_until_there_is_a_budget() -> None:
    endless = Tariff(dollars_per_post=0.01)
    assert estimate(source(), endless).most_dollars_per_month is None
    assert estimate(source(dollars_per_day=2), endless).most_dollars_per_month == 60.0


@pytest.mark.parametrize(("price", "free"), [(0.0, True), (0.001, False)])
def test_requests_may_be_paid_for(price: float, free: bool) -> None:
    found = estimate(source(), Tariff(dollars_per_request=price))
    assert found.is_free is free
    assert found.dollars_per_month == pytest.approx(288 * price * 30)
