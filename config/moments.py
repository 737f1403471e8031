"""Times of day and time zones as settings."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from config.problems import Mistake
from config.suggestions import did_you_mean

TIME_PATTERN = r"^([01]\d|2[0-3]):[0-5]\d$"


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        advice = did_you_mean(name, available_timezones(), none="no time zones are installed; install tzdata")
        raise Mistake(f'there is no time zone "{name}"', advice) from error
    return name


def _time_of_day(value: Any) -> Any:
    if isinstance(value, time):
        return value
    match = re.fullmatch(r"(\d\d):(\d\d)", value) if isinstance(value, str) else None
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        raise Mistake("is not a time of day", 'write "HH:MM", from "00:00" to "23:59"')
    return time(int(match[1]), int(match[2]))


TimeOfDay = Annotated[time, BeforeValidator(_time_of_day), WithJsonSchema({"type": "string", "pattern": TIME_PATTERN})]
ZoneName = Annotated[str, AfterValidator(_known_zone)]
