"""Times of day and time zones as settings."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from config.problems import Mistake
from config.suggestions import closest, did_you_mean

TIME_PATTERN = r"^([01]\d|2[0-3]):[0-5]\d$"


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise Mistake(f'there is no time zone "{name}"', _zones_like(name)) from error
    return name


def _zones_like(name: str) -> str:
    """Advice: UTC and the zones of places first, for names such as UCT, W-SU and Etc/GMT+2 are kept for old files."""
    known = available_timezones()
    usual = {zone for zone in known if zone == "UTC" or ("/" in zone and not zone.startswith("Etc/"))}
    zones = known if closest(name, usual) is None else usual
    return did_you_mean(name, zones, none="no time zones are installed; install tzdata")


def _time_of_day(value: Any) -> Any:
    if isinstance(value, time):
        return value
    match = re.fullmatch(r"(\d\d):(\d\d)", value) if isinstance(value, str) else None
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        raise Mistake("is not a time of day", 'write "HH:MM", from "00:00" to "23:59"')
    return time(int(match[1]), int(match[2]))


TimeOfDay = Annotated[time, BeforeValidator(_time_of_day), WithJsonSchema({"type": "string", "pattern": TIME_PATTERN})]
ZoneName = Annotated[str, AfterValidator(_known_zone)]
