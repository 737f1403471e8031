"""The picture of a backtest: for every brand its pulse, and under it when each configuration would have rung."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from monitor.backtest.compare import Backtest
from monitor.backtest.course import Course, Outcome
from monitor.fold import floor_tick
from storage import bins as bin_store
from storage.database import Database
from storage.records import BIN_SECONDS, Bin, Severity, Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_BRANDS = 6
SLOTS = 400
"""Steps of the pulse at the most: about one to two pixels."""
SHORTEST_BAR = 0.004
"""Share of the width that an incident has at least, or it could not be seen."""
WIDTH, PULSE_HEIGHT, LANE_HEIGHT, MARGIN = 11.0, 1.1, 0.3, 0.9
_POSTS, _NEGATIVE, _INK = "#c3c9d2", "#e5484d", "#4a5260"
_BARS = {Severity.WATCH: "#8fb8de", Severity.WARNING: "#f0a63a", Severity.CRITICAL: "#d6363c"}
_VERDICTS = {
    Verdict.REAL: ("#2f9e58", "confirmed as real"),
    Verdict.FALSE_ALARM: ("#7d7d7d", "called a false alarm, or not about us"),
    Verdict.NOT_ABOUT_US: ("#7d7d7d", "called a false alarm, or not about us"),
}


def draw(database: Database, found: Backtest, path: Path, timezone: str) -> list[str]:
    """Write the picture as PNG and return the brands shown: those with most to tell, `MOST_BRANDS` of them."""
    from matplotlib import rc_context  # noqa: PLC0415

    with rc_context({"text.parse_math": False}):  # two dollars in names, of brands or authors, are no formula
        return _draw(database, found, path, timezone)


def _draw(database: Database, found: Backtest, path: Path, timezone: str) -> list[str]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    brands = busiest(found)
    lanes = LANE_HEIGHT * (len(found.courses) + 0.6)
    figure = Figure(
        figsize=(WIDTH, MARGIN + max(1, len(brands)) * (PULSE_HEIGHT + lanes + 0.35)), dpi=120, layout="constrained"
    )
    FigureCanvasAgg(figure)
    axes = figure.subplots(
        2 * len(brands), 1, sharex=True, squeeze=False, height_ratios=[PULSE_HEIGHT, lanes] * len(brands)
    )
    for number, brand in enumerate(brands):
        pulse, rows = axes[2 * number][0], axes[2 * number + 1][0]
        _draw_pulse(pulse, database, found, brand)
        _draw_lanes(rows, found, brand)
        _draw_verdicts((pulse, rows), found, brand)
    _set_time(axes[-1][0], found, timezone)
    figure.legend(handles=_legend(found), loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    figure.savefig(path, format="png", facecolor="white")
    return brands


def busiest(found: Backtest) -> list[str]:
    """The brands with the most pages, then notices, over all configurations; by name those that are shown."""
    loud: dict[str, tuple[int, int]] = {brand.name: (0, 0) for brand in found.courses[0].variant.settings.brands}
    for course in found.courses:
        for one in course.outcomes:
            pages, notices = loud.get(one.incident.brand, (0, 0))
            loud[one.incident.brand] = (pages + len(one.pages), notices + len(one.notices))
    ranked = sorted(loud, key=lambda brand: (loud[brand], brand), reverse=True)
    return sorted(ranked[:MOST_BRANDS])


def _draw_pulse(axes: Axes, database: Database, found: Backtest, brand: str) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    with database.read() as tx:
        series = bin_store.series(tx, brand, found.since, found.until)
    starts, posts, negative, width = pulse_of(series, found.since, found.until)
    times: Any = starts
    axes.fill_between(times, 0, posts, step="post", color=_POSTS, linewidth=0)
    axes.fill_between(times, 0, negative, step="post", color=_NEGATIVE, alpha=0.75, linewidth=0)
    axes.set_ylim(0, max([*posts, 1]) * 1.1)
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes.set_title(f"{brand}: posts in {_width_in_words(width)}", loc="left", fontsize=9, color=_INK)
    axes.tick_params(axis="both", length=0, labelsize=8, colors=_INK)
    _bare(axes)


def pulse_of(
    series: Sequence[Bin], since: datetime, until: datetime
) -> tuple[list[datetime], list[int], list[int], timedelta]:
    """Posts and negative posts in at most `SLOTS` equal steps of whole bins, with the length of a step."""
    bins = max(1, -(-int((until - since).total_seconds()) // (BIN_SECONDS * SLOTS)))
    width = timedelta(seconds=bins * BIN_SECONDS)
    first, count = floor_tick(since), -(-(until - since) // width)
    posts, negative = [0] * count, [0] * count
    for one in series:
        place = (one.start - first) // width
        if 0 <= place < count:
            posts[place] += one.posts
            negative[place] += one.negative
    return [first + place * width for place in range(count)], posts, negative, width


def _width_in_words(width: timedelta) -> str:
    minutes = int(width.total_seconds() // 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes / 60:.3g} hours"


def _draw_lanes(axes: Axes, found: Backtest, brand: str) -> None:
    for lane, course in enumerate(found.courses):
        mine = [one for one in course.outcomes if one.incident.brand == brand]
        for one in sorted(mine, key=lambda one: one.severity.rank):  # the worst is drawn over the others
            _draw_incident(axes, lane, one, course)
    axes.set_ylim(len(found.courses) - 0.4, -0.6)
    axes.set_yticks(range(len(found.courses)), [course.variant.name for course in found.courses])
    axes.tick_params(axis="both", length=0, labelsize=8, colors=_INK)
    _bare(axes)


def _draw_incident(axes: Axes, lane: int, one: Outcome, course: Course) -> None:
    start = max(one.incident.opened_at, course.since)
    end = max(one.incident.resolved_at or course.until, start + (course.until - course.since) * SHORTEST_BAR)
    left: Any = start
    length: Any = end - start
    axes.barh(lane, length, left=left, height=0.5, color=_BARS[one.severity], linewidth=0)
    for at in one.pages:
        moment: Any = at
        axes.plot([moment], [lane], marker="v", markersize=5, color=_INK, markeredgewidth=0, clip_on=False)


def _draw_verdicts(panels: Sequence[Axes], found: Backtest, brand: str) -> None:
    for anchor in found.judged:
        if anchor.incident.brand == brand and anchor.verdict in _VERDICTS:
            start, end = max(anchor.incident.opened_at, found.since), min(anchor.ends_at, found.until)
            for axes in panels:
                axes.axvspan(start, end, color=_VERDICTS[anchor.verdict][0], alpha=0.16, linewidth=0)  # type: ignore[arg-type]


def _set_time(axes: Axes, found: Backtest, timezone: str) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415

    locator = AutoDateLocator(tz=ZoneInfo(timezone), maxticks=10)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=ZoneInfo(timezone)))  # type: ignore[no-untyped-call]
    axes.xaxis.get_offset_text().set_fontsize(8)
    axes.set_xlim(found.since, found.until)  # type: ignore[arg-type]


def _legend(found: Backtest) -> list[Any]:
    from matplotlib.lines import Line2D  # noqa: PLC0415
    from matplotlib.patches import Patch  # noqa: PLC0415

    verdicts = {anchor.verdict for anchor in found.judged}
    bands = dict.fromkeys(_VERDICTS[one] for one in _VERDICTS if one in verdicts)
    return [
        Patch(color=_POSTS, label="posts"),
        Patch(color=_NEGATIVE, alpha=0.75, label="negative posts"),
        *(Patch(color=colour, label=f"incident, {severity.value}") for severity, colour in _BARS.items()),
        Line2D([], [], marker="v", linestyle="", color=_INK, label="people are paged"),
        *(Patch(color=colour, alpha=0.16, label=label) for colour, label in bands),
    ]


def _bare(axes: Axes) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_POSTS)
