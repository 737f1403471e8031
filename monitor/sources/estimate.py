"""What reading a source will cost, before it is turned on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from collectors.contract import Tariff
from config.settings import SourceSettings
from monitor.sources.budget import DAY, Budget
from monitor.sources.pace import Pace
from storage.records import Spent

DAYS_A_MONTH = 30


@dataclass(frozen=True, slots=True)
class Estimate:
    """A source's cost: requests in a day and dollars in a month, as a rule and at the most.

    `allowed` is how many requests the platform or the operator permits in a day, `None` where neither says. As a rule
    means: read every `every`, with as many posts as in the days known (`days_known`; without any, with none). At the
    most means: something goes on all day.
    """

    source: str
    type: str
    requests_per_day: int
    most_requests_per_day: int
    allowed: int | None
    dollars_per_month: float
    most_dollars_per_month: float | None
    dollars_per_day_budget: float | None
    days_known: int

    @property
    def is_free(self) -> bool:
        """Whether the platform charges nothing."""
        return self.most_dollars_per_month == 0

    @property
    def is_held_back(self) -> bool:
        """Whether the source cannot be read as often as `every` says with what is allowed."""
        return self.allowed is not None and self.requests_per_day > self.allowed


def estimate(source: SourceSettings, tariff: Tariff, *, history: Sequence[Spent] = ()) -> Estimate:
    """What `source` will cost; `history` is what it took on the days before, if it was read already."""
    budget = Budget.of(source, tariff)
    pace = Pace.of(source, counts_requests=budget.is_limited)
    usual = _turns(pace.every) * tariff.requests_per_turn
    most = _turns(pace.fastest) * tariff.requests_per_turn
    posts = sum(day.posts for day in history) / len(history) if history else 0.0
    return Estimate(
        source=source.name,
        type=source.type,
        requests_per_day=usual,
        most_requests_per_day=round(min([most, *_given(budget.requests)])),
        allowed=budget.requests,
        dollars_per_month=_dollars(tariff, budget, min([usual, *_given(budget.requests)]), posts) or 0.0,
        most_dollars_per_month=_dollars(tariff, budget, min([most, *_given(budget.requests)]), tariff.posts_per_day),
        dollars_per_day_budget=budget.dollars,
        days_known=len(history),
    )


def _dollars(tariff: Tariff, budget: Budget, requests: float, posts: float | None) -> float | None:
    """Dollars in a month; `None` where posts are paid for and nothing limits them."""
    if posts is None and tariff.dollars_per_post and budget.dollars is None:
        return None
    day = requests * tariff.dollars_per_request + (posts or 0.0) * tariff.dollars_per_post
    if posts is None and tariff.dollars_per_post:
        day = budget.dollars or 0.0
    return round(min([day, *_given(budget.dollars)]) * DAYS_A_MONTH, 2)


def _turns(interval: timedelta) -> int:
    return round(DAY / interval)


def _given(value: float | None) -> list[float]:
    return [] if value is None else [value]
