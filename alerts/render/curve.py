"""The picture of an incident's curve: what was counted, against what is usual.

In a mail the background is transparent and every colour stands out on white as on black, so that one picture serves
readers in light and in dark. Where nobody knows what a program puts behind it (Slack) it stands on light paper of its
own, in darker ink. Letters are large enough for a telephone that shows the picture at a third of its size.
"""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from alerts.page import Curve, Page
from alerts.render.drawing import drawn
from alerts.render.outside import cleaned, cut
from alerts.words import clock, count, span

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT, DPI = 5.2, 2.5, 200
_LINE = "#e5484d"
_BAND = "#8b95a5"
_INK = "#808a99"
PAPER, _INK_ON_PAPER = "#fbfbfa", "#59616e"
_MOST_MARKS = 3
_LEAD_IN = 4
SHORTEST = timedelta(hours=8)
MOST_KEPT = 8
"""Pictures, of some sixty kilobytes each, that the channels of a message or another try at it find drawn."""


def is_drawable(page: Page) -> bool:
    """Whether the page has a curve that makes a picture."""
    return page.curve is not None and sum(value is not None for value in page.curve.observed) >= 2


def picture(page: Page, paper: str = "") -> bytes | None:
    """The curve as PNG, on `paper` of a colour or on nothing; `None` where there is none to draw."""
    return _picture(shown(page), page.timezone, paper) if is_drawable(page) else None


def shown(page: Page) -> Curve:
    """The end of the curve: enough of the time before to see what is usual, and no more, so that the rise has room."""
    curve = page.curve
    if curve is None:
        raise ValueError("the page has no curve")
    wanted = max(SHORTEST, _LEAD_IN * (page.at - page.began_at))
    bins = max(2, int(wanted.total_seconds() // curve.bin_seconds))
    gone = max(0, len(curve.observed) - bins)
    start = curve.start + gone * timedelta(seconds=curve.bin_seconds)
    return replace(
        curve,
        start=start,
        observed=curve.observed[gone:],
        expected=curve.expected[gone:],
        low=curve.low[gone:],
        high=curve.high[gone:],
        marks=tuple(mark for mark in curve.marks if mark.at >= start),
    )


def alternative(page: Page) -> str:
    """The curve in words, for those who do not see it."""
    if page.curve is None:
        return ""
    curve = shown(page)
    seen = [(value, number) for number, value in enumerate(curve.observed) if value is not None]
    if not seen:
        return ""
    highest, at = max(seen)
    peak = clock(_starts(curve)[at], page.timezone, page.at)
    said = f"{curve.unit.capitalize()} per {span(curve.bin_seconds)}: at most {count(highest)}, at {peak}"
    usual = next((value for value in curve.expected if value is not None), None)
    return f"{said}; about {count(usual)} would be usual." if usual is not None else f"{said}."


@lru_cache(maxsize=MOST_KEPT)
def _picture(curve: Curve, zone: str, paper: str) -> bytes:
    return drawn(_draw, curve, zone, paper)


def _draw(curve: Curve, zone: str, paper: str) -> bytes:
    # Imported here: it takes a second, and only mail needs it.
    from matplotlib import rc_context  # noqa: PLC0415
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with rc_context({"font.size": 12.5, "axes.unicode_minus": False}):
        figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        _band(axes, curve)
        _observed(axes, curve)
        ink = _INK_ON_PAPER if paper else _INK
        _marks(axes, curve, ink)
        _frame(axes, curve, zone, ink)
        held = io.BytesIO()
        if paper:
            axes.set_facecolor(paper)
            figure.savefig(held, format="png", facecolor=paper)
        else:
            figure.savefig(held, format="png", transparent=True)
    return held.getvalue()


def _starts(curve: Curve) -> list[datetime]:
    width = timedelta(seconds=curve.bin_seconds)
    return [curve.start + number * width for number in range(len(curve.observed))]


def _numbers(values: tuple[float | None, ...]) -> list[float]:
    return [float("nan") if value is None else value for value in values]


def _band(axes: Axes, curve: Curve) -> None:
    starts = _starts(curve)
    if len(curve.low) == len(curve.high) == len(starts):
        low, high = _numbers(curve.low), _numbers(curve.high)
        axes.fill_between(starts, low, high, color=_BAND, alpha=0.35, linewidth=0, label="usual")  # type: ignore[arg-type]
    if len(curve.expected) == len(starts):
        axes.plot(starts, _numbers(curve.expected), color=_BAND, linewidth=1.2, linestyle="--")  # type: ignore[arg-type]


def _observed(axes: Axes, curve: Curve) -> None:
    starts, values = _starts(curve), _numbers(curve.observed)
    axes.fill_between(starts, 0, values, color=_LINE, alpha=0.12, linewidth=0)  # type: ignore[arg-type]
    axes.plot(starts, values, color=_LINE, linewidth=2.4, solid_joinstyle="round", label=curve.unit)  # type: ignore[arg-type]


def _marks(axes: Axes, curve: Curve, ink: str) -> None:
    """Lines where something happened, with their words in a row each, so that they never cover one another."""
    shown = sorted(curve.marks, key=lambda mark: mark.at)[-_MOST_MARKS:]
    end = curve.start + len(curve.observed) * timedelta(seconds=curve.bin_seconds)
    for number, mark in enumerate(shown):
        axes.axvline(mark.at, color=ink, linewidth=1, linestyle=":")  # type: ignore[arg-type]
        late = mark.at > curve.start + (end - curve.start) * 0.7
        axes.annotate(
            cut(cleaned(mark.label), 24),
            (mark.at, 1),
            xycoords=("data", "axes fraction"),
            xytext=(-4 if late else 4, -2 - 16 * number),
            textcoords="offset points",
            ha="right" if late else "left",
            va="top",
            color=ink,
            fontsize=11.5,
        )


def _frame(axes: Axes, curve: Curve, zone: str, ink: str) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    starts = _starts(curve)
    axes.set_xlim(starts[0], starts[-1])  # type: ignore[arg-type]
    tops = [value for values in (curve.observed, curve.high) for value in values if value is not None]
    axes.set_ylim(0, max([*tops, 1]) * 1.3)
    locator = AutoDateLocator(tz=ZoneInfo(zone), maxticks=6)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    form = ConciseDateFormatter(locator, tz=ZoneInfo(zone), show_offset=False)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(form)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_title(f"{curve.unit} per {span(curve.bin_seconds)}", loc="left", fontsize=12, color=ink)
    axes.tick_params(colors=ink, length=0, labelsize=12.5)
    axes.grid(axis="y", color=ink, alpha=0.25, linewidth=0.6)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(ink)
