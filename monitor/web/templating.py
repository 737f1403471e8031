"""Templates: everything is escaped, links lead to the web only, times are the readers'."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined


def environment(timezone: str) -> Environment:
    """The templates for readers in `timezone`."""
    made = Environment(
        loader=PackageLoader("monitor.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    zone = ZoneInfo(timezone)
    made.filters["link"] = web_link
    made.filters["clock"] = partial(clock, zone=zone)
    made.filters["moment"] = partial(moment, zone=zone)
    return made


def web_link(address: str | None) -> str:
    """The address if it is one of the web, else nothing: outsiders write addresses."""
    if not address:
        return ""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return address if parts.scheme in ("http", "https") and parts.netloc else ""


def clock(at: datetime, zone: ZoneInfo) -> str:
    """The time of day."""
    return f"{at.astimezone(zone):%H:%M}"


def moment(at: datetime, zone: ZoneInfo) -> str:
    """Day and time."""
    return f"{at.astimezone(zone):%d %b %Y %H:%M}"
