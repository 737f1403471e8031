"""A backtest for people: the configurations in a table, the stories in another, and what to paste."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from monitor.backtest.compare import Backtest, most_sensitive
from monitor.backtest.variants import STRICTNESS, Variant, toml_of
from monitor.cli import output

if TYPE_CHECKING:
    from monitor.backtest.figures import Figures
    from monitor.backtest.stories import Share, Story

MOST_STORIES = 30
MOST_COLUMNS = 6
"""Configurations beside one another in the table of stories; more do not fit on a screen."""
LONGEST_HEADLINE = 44
NOTHING = "–"


def tell(found: Backtest, timezone: str, pages_per_week: float | None) -> None:
    """Print it all."""
    _tell_span(found, timezone)
    _tell_figures(found)
    chosen = most_sensitive(found, pages_per_week) if pages_per_week is not None else None
    _tell_stories(found, timezone, chosen)
    if pages_per_week is not None:
        _advise(found, chosen, pages_per_week)


def _tell_span(found: Backtest, timezone: str) -> None:
    since, until = output.local(found.since, timezone), output.local(found.until, timezone)
    output.say(f"[bold]{since} to {until}[/] ({found.courses[0].weeks:.1f} weeks)")
    confirmed = found.figures[0].confirmed
    if confirmed:
        incidents = (
            "1 incident that people confirmed" if confirmed == 1 else f"{confirmed} incidents that people confirmed"
        )
        output.say(f"Measured by {incidents}; leads are against when people were really paged.\n")
        return
    first = output.plain(found.courses[0].variant.name)
    output.say(
        f'No incident of that time is confirmed ("tocsin incidents verdict ID real"): compared with "{first}" alone.\n'
    )


def _tell_figures(found: Backtest) -> None:
    is_measured = found.figures[0].confirmed > 0 or bool(found.judged)
    titles = ["configuration", "pages/wk", "notices/wk"]
    titles += ["caught", "wrong", "unjudged"] if is_measured else ["paged", "only here", "not here"]
    titles += ["lead", "delay"]
    rows = []
    for course, one in zip(found.courses, found.figures, strict=True):
        judged = _judged(one) if is_measured else (str(one.incidents), str(one.only_here), str(one.not_here))
        row = (
            f"[bold]{output.plain(course.variant.name)}[/]",
            f"{one.pages_per_week:.2f}",
            f"{one.notices_per_week:.2f}",
        )
        rows.append((*row, *judged, _lead(one.lead_minutes), _length(one.delay_minutes)))
    output.print_table(titles, rows)


def _judged(one: Figures) -> tuple[str, str, str]:
    caught = f"{one.caught} of {one.confirmed}" if one.confirmed else NOTHING
    if one.noticed:
        caught += f" (+{one.noticed} as a notice)"
    wrong = f"{one.wrong} (+{one.duplicates} duplicate)" if one.duplicates else str(one.wrong)
    return caught, wrong, str(one.unjudged)


def _tell_stories(found: Backtest, timezone: str, chosen: Variant | None) -> None:
    told = [story for story in found.stories if story.is_paged or story.anchor.verdict is not None]
    if not told:
        output.say("\nNo configuration would have paged anybody.")
        return
    columns = _columns(found, chosen)
    names = [output.plain(found.courses[number].variant.name) for number in columns]
    output.say("\n[bold]When people would have been paged[/]")
    shown = told[-MOST_STORIES:]
    titles = ("brand", "about", *(("verdict", "really") if found.judged else ()), *names)
    rows = [_row(story, columns, timezone, with_verdict=bool(found.judged)) for story in shown]
    output.print_table(titles, rows)
    if len(told) > len(shown):
        output.say(
            f"[dim]{len(told) - len(shown)} earlier ones are left out; --json has them all, or choose --since.[/]"
        )


def _columns(found: Backtest, chosen: Variant | None) -> list[int]:
    """The configurations that people asked for by name, the sensitivities, and what is advised; not the whole scale."""
    presets = (None, *STRICTNESS.values())
    variants = [course.variant for course in found.courses]
    wanted = [place for place, one in enumerate(variants) if one is chosen or one.strictness in presets]
    return wanted[:MOST_COLUMNS]


def _row(story: Story, columns: Sequence[int], timezone: str, *, with_verdict: bool) -> tuple[str, ...]:
    incident, first = story.anchor.incident, story.shares[0].paged_at
    about = incident.headline.removeprefix(f"{incident.brand}: ")
    cells = [
        output.plain(incident.brand),
        output.plain(about if len(about) <= LONGEST_HEADLINE else f"{about[: LONGEST_HEADLINE - 1]}…"),
    ]
    if with_verdict:
        cells += _lived(story, timezone)
    return (*cells, *(_told(story.shares[number], first if number else None, timezone) for number in columns))


def _lived(story: Story, timezone: str) -> tuple[str, str]:
    """What people said of it, and when they had really been paged."""
    verdict, paged_at = story.anchor.verdict, story.anchor.outcome.paged_at
    if verdict is None:
        return NOTHING, NOTHING
    return verdict.value.replace("_", " "), _short(paged_at, timezone) if paged_at else "notice only"


def _told(share: Share, first: datetime | None, timezone: str) -> str:
    """When it was told; beside the first configuration, how much earlier or later that is."""
    if share.paged_at is not None and first is not None:
        return _lead((first - share.paged_at).total_seconds() / 60)
    if share.paged_at is not None:
        return _short(share.paged_at, timezone)
    if share.was_paged:
        return "in an earlier one"
    return "notice only" if share.noticed_at is not None else NOTHING


def _short(moment: datetime, timezone: str) -> str:
    return output.local(moment, timezone)[5:]


def _advise(found: Backtest, chosen: Variant | None, pages_per_week: float) -> None:
    if chosen is None:
        strictest = min(one.pages_per_week for one in found.figures)
        output.say(
            f"\n[yellow]Nothing between keen and relaxed pages at most {pages_per_week:g} times a week[/]; the least "
            f"is {strictest:.2f}. Set single thresholds, or look at which brand pages most (--json)."
        )
        return
    number = next(place for place, course in enumerate(found.courses) if course.variant is chosen)
    pages = found.figures[number].pages_per_week
    output.say(
        f"\nAt most {pages_per_week:g} pages a week: the most sensitive is [bold]{output.plain(chosen.name)}[/] with "
        f"{pages:.2f}. In the configuration, in place of these tables:\n"
    )
    output.say(output.plain(toml_of(chosen)))


def _lead(minutes: float | None) -> str:
    if minutes is None:
        return NOTHING
    if abs(minutes) < 1:
        return "same"
    return f"{_span(timedelta(minutes=abs(minutes)))} {'earlier' if minutes > 0 else 'later'}"


def _length(minutes: float | None) -> str:
    return NOTHING if minutes is None else _span(timedelta(minutes=minutes))


def _span(length: timedelta) -> str:
    """As `1 h 05 min`, and in days from two of them."""
    minutes = round(length.total_seconds() / 60)
    sign, minutes = ("−", -minutes) if minutes < 0 else ("", minutes)
    if minutes < 60:
        return f"{sign}{minutes} min"
    if minutes < 2 * 24 * 60:
        return f"{sign}{minutes // 60} h {minutes % 60:02d} min"
    return f"{sign}{minutes / 1440:.1f} days"
