"""The picture of a brief: mentions by day, the negative ones among them, and the incidents.

The background is transparent and every colour stands out on white as on black, as in the curve of an incident.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from alerts.render.drawing import drawn
from alerts.words import count
from monitor.report.figures import Figures
from storage.pulse import Counts
from storage.records import Severity
from storage.response import Response

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT, DPI = 7.4, 2.7, 160
_POSTS, _NEGATIVE, _INK = "#8b95a5", "#e5484d", "#808a99"
_MARKS = {Severity.WATCH: ("o", "#3b82c4"), Severity.WARNING: ("D", "#c77700"), Severity.CRITICAL: ("^", "#d6363c")}
"""A form and a colour for each severity, so that neither is needed to tell them apart."""
_EVERY_DAY = 10
"""Periods of up to so many days name each of them."""


def picture(figures: Figures) -> bytes | None:
    """The days as PNG, or `None` where nothing was said."""
    return drawn(_draw, figures) if figures.counts.posts else None


def _draw(figures: Figures) -> bytes:
    # Imported here: it takes a second, and only a brief that is drawn needs it.
    from matplotlib import rc_context  # noqa: PLC0415
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with rc_context({"font.size": 10.5}):
        figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        _bars(axes, figures.days)
        _incidents(axes, figures)
        _frame(axes, figures)
        held = io.BytesIO()
        figure.savefig(held, format="png", transparent=True)
    return held.getvalue()


def alternative(figures: Figures) -> str:
    """The days in words, for those who do not see them: each of a week, the highest of a month."""
    days = list(zip(figures.period.days(), figures.days, strict=True))
    if len(days) <= _EVERY_DAY:
        said = "; ".join(f"{_named(day)}: {count(one.posts)} ({count(one.negative)} negative)" for day, one in days)
        return f"Mentions by day. {said}."
    day, highest = max(days, key=lambda pair: (pair[1].posts, pair[0]))
    return f"Mentions by day: at most {count(highest.posts)} ({count(highest.negative)} negative), on {_named(day)}."


def _named(day: date) -> str:
    return f"{day:%a} {day.day}"


def _bars(axes: Axes, days: Sequence[Counts]) -> None:
    places = range(len(days))
    axes.bar(places, [one.posts for one in days], width=0.72, color=_POSTS, alpha=0.6, label="mentions")
    axes.bar(places, [one.negative for one in days], width=0.72, color=_NEGATIVE, label="negative")


def _incidents(axes: Axes, figures: Figures) -> None:
    """A mark for every incident over the day on which it began, those of one day above one another."""
    top = max(one.posts for one in figures.days)
    zone, places = ZoneInfo(figures.period.zone), {day: number for number, day in enumerate(figures.period.days())}
    heights: dict[int, int] = {}
    named: set[Severity] = set()
    for one in figures.incidents:
        place = places[one.opened_at.astimezone(zone).date()]
        heights[place] = heights.get(place, 0) + 1
        _mark(axes, one, place, figures.days[place].posts + top * 0.12 * heights[place], named)


def _mark(axes: Axes, one: Response, place: int, height: float, named: set[Severity]) -> None:
    form, colour = _MARKS[one.severity]
    label = "" if one.severity in named else one.severity.value
    named.add(one.severity)
    axes.plot([place], [height], form, color=colour, markersize=8, label=label)


def _frame(axes: Axes, figures: Figures) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    days = figures.period.days()
    step = 1 if len(days) <= _EVERY_DAY else 3
    shown = range(0, len(days), step)
    axes.set_xticks(list(shown), [_named(days[place]) if step == 1 else str(days[place].day) for place in shown])
    axes.set_xlim(-0.6, len(days) - 0.4)
    axes.margins(y=0.16)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.tick_params(colors=_INK, length=0)
    axes.grid(axis="y", color=_INK, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_INK)
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=5, frameon=False, labelcolor=_INK, borderaxespad=0.2, fontsize=10
    )
