"""Looking into what was said: any brand, span, source, language, sentiment and words; and views that people keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, Field, field_validator

from monitor.web.access import Analyst, Viewer
from monitor.web.calendar import day_within_calendar
from monitor.web.charts import Chart, of_counts
from monitor.web.cursors import post_cursor, read_post_cursor
from monitor.web.desk import Desk, desk_of
from monitor.web.pages import page
from monitor.web.seen import Seen, by_slot, seen
from storage import audit, limits, saved_views
from storage import posts as post_store
from storage import pulse as pulse_store
from storage.database import Transaction
from storage.limits import TooSlowError
from storage.pulse import Counts
from storage.records import Label
from storage.saved_views import SavedView
from storage.search import Found

router = APIRouter(include_in_schema=False)

AtDesk = Annotated[Desk, Depends(desk_of)]
ON_A_PAGE = 50
LONGEST_ANSWER = timedelta(seconds=5)
SPANS: Mapping[str, tuple[str, timedelta]] = {
    "24h": ("24 hours", timedelta(hours=24)),
    "7d": ("7 days", timedelta(days=7)),
    "30d": ("30 days", timedelta(days=30)),
    "90d": ("90 days", timedelta(days=90)),
    "1y": ("a year", timedelta(days=365)),
}
_SLOTS = (
    (timedelta(days=2), timedelta(minutes=30)),
    (timedelta(days=10), timedelta(hours=3)),
    (timedelta(days=40), timedelta(hours=12)),
    (timedelta(days=120), timedelta(days=1)),
)
"""Slots of the curve for spans up to so long."""
LONGEST_SPAN = timedelta(days=3 * 366)


class Asked(BaseModel):
    """What a person asks for, as it stands in the address."""

    brand: str = Field("", max_length=100)
    span: Literal["24h", "7d", "30d", "90d", "1y", ""] = "7d"
    since: date | None = None
    until: date | None = None
    source: str = Field("", max_length=100)
    language: str = Field("", max_length=20)
    label: Literal["", "negative", "neutral", "positive", "unscored"] = ""
    author: str = Field("", max_length=200)
    q: str = Field("", max_length=500)

    @field_validator("since", "until", mode="before")
    @classmethod
    def _nothing_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("since", "until")
    @classmethod
    def _within_calendar(cls, day: date | None) -> date | None:
        return day_within_calendar(day) if day else None

    def window(self, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """The span asked for; days are those of the readers. Its end is not in it."""
        end = now + timedelta(minutes=5)
        if self.until is not None:
            end = min(end, datetime.combine(self.until, time(), zone).astimezone(UTC) + timedelta(days=1))
        if self.since is not None:
            begin = datetime.combine(self.since, time(), zone).astimezone(UTC)
        else:
            begin = end - SPANS[self.span or "7d"][1]
        return max(min(begin, end - timedelta(hours=1)), end - LONGEST_SPAN), end

    def query(self) -> str:
        """The same as the query of an address, without what is not asked."""
        values = self.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
        return urlencode({key: value for key, value in values.items() if value != ""})


@dataclass(frozen=True, slots=True)
class ShareOfVoice:
    """How much of what is said of all brands here is said of one."""

    brand: str
    counts: Counts
    share: float
    is_rival: bool


@router.get("/explore")
def explore(
    request: Request,
    person: Viewer,
    desk: AtDesk,
    asked: Annotated[Asked, Query()],
    before: Annotated[str, Query(max_length=200)] = "",
) -> HTMLResponse:
    """Posts, their curve, their authors, and how brands compare."""
    brands = [one.name for one in desk.settings.brands]
    brand = asked.brand or (brands[0] if brands else "")
    begin, end = asked.window(desk.clock(), ZoneInfo(desk.settings.general.timezone))
    found: list[Found] = []
    failed = ""
    with desk.database.read() as tx:
        views = saved_views.every(tx)
        read = seen(tx, desk.settings, begin, end, brand=brand, source=asked.source)
        chart = _curve(tx, brand, asked.source, begin, end, read) if brand else None
        shares = _shares(tx, desk, brand, begin, end)
        sources = pulse_store.by_source(tx, brand, begin, end) if brand else {}
    try:
        with desk.database.read() as tx, limits.within(tx, LONGEST_ANSWER):
            voices = pulse_store.voices(tx, brand, begin, end, asked.source or None) if brand else []
            found = search(tx, asked, brand, begin, end, before)
    except TooSlowError as error:
        failed, voices = str(error), []
    older = post_cursor(found[ON_A_PAGE - 1]) if len(found) > ON_A_PAGE else ""
    return page(
        request,
        person,
        "explore.html",
        asked=asked,
        brand=brand,
        brands=brands,
        spans=SPANS,
        chart=chart,
        total=sum((one for name, one in sources.items() if asked.source in ("", name)), Counts()),
        sources=sources,
        read=read,
        shares=shares,
        voices=voices,
        most_counted=pulse_store.MOST_COUNTED,
        found=found[:ON_A_PAGE],
        older=older,
        failed=failed,
        views=views,
        begin=begin,
        end=end,
    )


@router.post("/explore/views")
def save_view(
    person: Analyst,
    desk: AtDesk,
    name: Annotated[str, Form(min_length=1, max_length=80)],
    query: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Keep a view for everybody."""
    asked = Asked.model_validate({key: value for key, value in parse_qsl(query) if key in Asked.model_fields})
    at = desk.clock()
    with desk.database.write() as tx:
        saved_views.save(tx, SavedView(" ".join(name.split()), person.name, asked.query(), at))
        audit.add(tx, at, person.name, "saved view", name)
    return RedirectResponse(f"/explore?{asked.query()}", 303)


@router.post("/explore/views/remove")
def remove_view(person: Analyst, desk: AtDesk, name: Annotated[str, Form(max_length=80)]) -> Response:
    """Remove a view."""
    with desk.database.write() as tx:
        if saved_views.remove(tx, name):
            audit.add(tx, desk.clock(), person.name, "removed view", name)
    return RedirectResponse("/explore", 303)


def search(tx: Transaction, asked: Asked, brand: str, begin: datetime, end: datetime, before: str = "") -> list[Found]:
    """The newest posts that have all of what is asked: a page, and one more where there are older ones."""
    return post_store.search(
        tx,
        asked.q,
        brand=brand or None,
        label=Label(asked.label) if asked.label else None,
        source=asked.source or None,
        author=asked.author or None,
        language=asked.language or None,
        since=begin,
        until=end,
        before=read_post_cursor(before) if before else None,
        limit=ON_A_PAGE + 1,
    )


def slot_for(length: timedelta) -> timedelta:
    """The slots in which a span of this length is shown: never more than about a hundred and fifty."""
    return next((slot for longest, slot in _SLOTS if length <= longest), timedelta(days=7))


def _curve(tx: Transaction, brand: str, source: str, begin: datetime, end: datetime, read: Seen) -> Chart:
    """The brand's pulse; a slot in which nothing was read and nothing is known is a hole, not a zero."""
    every = slot_for(end - begin)
    start = datetime.fromtimestamp(begin.timestamp() // every.total_seconds() * every.total_seconds(), UTC)
    counted = pulse_store.pulse(tx, brand, start, end, every, source or None)
    covered = by_slot(tx, read.of_those_read, start, end, every)
    return of_counts(start, every, counted, covered)


def _shares(tx: Transaction, desk: Desk, brand: str, begin: datetime, end: datetime) -> list[ShareOfVoice]:
    """Every brand that is watched, with its share of all that is said of them; rivals are marked."""
    configured = desk.settings.brand(brand)
    rivals = {name.casefold() for name in configured.rivals} if configured else set()
    counts = pulse_store.brands_counted(tx, [one.name for one in desk.settings.brands], begin, end)
    whole = sum(one.posts for one in counts.values())
    found = [
        ShareOfVoice(name, one, one.posts / whole if whole else 0.0, name.casefold() in rivals)
        for name, one in counts.items()
    ]
    return sorted(found, key=lambda one: (-one.counts.posts, one.brand))[:20]
