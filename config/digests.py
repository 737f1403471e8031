"""The shape of `[[digests]]`: who reads what is not urgent at fixed times, in one message."""

from __future__ import annotations

from pydantic import Field, field_validator

from config.moments import TimeOfDay, ZoneName
from config.names import SeverityName, Weekday
from config.problems import Mistake
from config.tables import Name, Table, Text


class DigestSettings(Table):
    """Somebody who reads what is not urgent at fixed times, in one message; what is critical never waits."""

    name: Name
    """Who reads it, or what it is called, such as "Kim's morning"."""
    channels: list[Name] = Field(min_length=1)
    """Channels in which messages wait for it."""
    targets: list[Text] = []
    """Targets of those channels (an address, a room, a number) that it is for; empty for all of them."""
    at: list[TimeOfDay] = Field(min_length=1)
    """When it goes out, as HH:MM, once or several times a day."""
    days: list[Weekday] = []
    """Weekdays on which it goes out; empty for every day."""
    timezone: ZoneName | None = None
    """Time zone in which that is counted; unset for that of [general]."""
    severities: list[SeverityName] = ["watch", "warning"]
    """Severities that wait for it."""
    brands: list[Name] = []
    """Brands that wait for it; empty for all."""
    kinds: list[Name] = []
    """Kinds of incident that wait for it; empty for all."""
    languages: list[Text] = []
    """Languages (two-letter codes) of which one must be spoken in the incident; empty for all."""

    @field_validator("severities")
    @classmethod
    def _can_wait(cls, severities: list[SeverityName]) -> list[SeverityName]:
        if "critical" in severities:
            raise Mistake("what is critical never waits", 'leave "critical" out')
        if not severities:
            raise Mistake("no severity waits for it", 'leave the key out, or name "watch", "warning" or both')
        return severities
