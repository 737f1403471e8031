"""`tocsin check --cost`: what reading the sources will cost, said before they are turned on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

from monitor.cli import output, settings
from monitor.cli.failures import Failure

if TYPE_CHECKING:
    from config.settings import Settings
    from monitor.sources.estimate import Estimate
    from storage.records import Spent

DAYS_LOOKED_AT = 7


def estimates(chosen: Settings) -> list[Estimate]:
    """The cost of every source of the configuration, those that are turned off too."""
    from monitor.assembly import build_collector
    from monitor.sources.budget import tariff_of
    from monitor.sources.estimate import estimate

    history = _history(chosen)
    found = []
    for source in chosen.sources:
        tariff = tariff_of(build_collector(source, chosen, settings.now))
        of_source = [day for day in history if day.source == source.name]
        found.append(estimate(source, tariff, history=of_source))
    return found


def _history(chosen: Settings) -> Sequence[Spent]:
    """What the last whole days took, where there is a database already."""
    from storage import spending
    from storage.errors import StorageError

    today = settings.now().date()
    try:
        with settings.open_database(chosen) as database, database.read() as tx:
            return spending.between(tx, today - timedelta(days=DAYS_LOOKED_AT), today - timedelta(days=1))
    except (StorageError, Failure):
        return []  # nothing was read yet, or it cannot be told


def show(found: Sequence[Estimate]) -> None:
    """A line for each source, and the sum."""
    for one in found:
        output.say(f"[bold]{output.plain(one.source)}[/]: {output.plain(_requests(one))}; {output.plain(_money(one))}.")
        if one.is_held_back:
            output.say(
                "    [yellow]That is more than is allowed: it is read less often, and counted where it can be.[/]"
            )
    paid = [one for one in found if not one.is_free]
    if len(paid) > 1:
        usual = sum(one.dollars_per_month for one in paid)
        output.say(f"Together about ${usual:,.2f} a month as a rule.")


def _requests(one: Estimate) -> str:
    allowed = "" if one.allowed is None else f" of {one.allowed:,} allowed"
    return f"{one.requests_per_day:,} requests a day, up to {one.most_requests_per_day:,}{allowed}"


def _money(one: Estimate) -> str:
    if one.is_free:
        return "free"
    most = one.most_dollars_per_month
    limit = "without a limit" if most is None else f"at the most ${most:,.2f} a month"
    if not one.days_known:
        return f"{limit}, by how much is written (nothing was read yet)"
    days = "day" if one.days_known == 1 else f"{one.days_known} days"
    return f"about ${one.dollars_per_month:,.2f} a month if it goes on as in the last {days}, {limit}"


def as_json(found: Sequence[Estimate]) -> list[dict[str, object]]:
    """For `--json`."""
    return [asdict(one) for one in found]
