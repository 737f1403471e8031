"""The shape of `[[briefs]]`: a look back on each brand, by schedule."""

from __future__ import annotations

from datetime import time
from typing import Literal, Self

from pydantic import Field, model_validator

from config.moments import TimeOfDay, ZoneName
from config.names import BriefPeriod, Weekday
from config.problems import Mistake
from config.tables import FilePath, Name, Table


class BriefSettings(Table):
    """A look back on the week or the month that is over, one for each brand."""

    every: BriefPeriod
    """What it looks back on: the seven days before the day it is made on, or the calendar month before."""
    brands: list[Name] = []
    """Brands that it is made for; empty for all."""
    weekday: Weekday = "monday"
    """The day on which that of a week is made."""
    day: int = Field(default=1, ge=1, le=28)
    """The day of the month on which that of a month is made; 28 at the most, since every month has one."""
    at: TimeOfDay = time(8, 0)
    """When it is made on that day, as HH:MM."""
    timezone: ZoneName | None = None
    """Time zone in which its days and its time are counted; unset for that of [general]."""
    channels: list[Name] = []
    """Channels that are told what stands in it, with the way to all of it."""
    folder: FilePath | None = None
    """Folder that it is written into, whole; unset for none."""
    forms: list[Literal["html", "pdf"]] = Field(default=["html", "pdf"], min_length=1)
    """Forms in which it is written there."""

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Self:
        if not self.channels and self.folder is None:
            raise Mistake("it goes nowhere", "name channels, or a folder")
        return self

    @model_validator(mode="after")
    def _has_one_kind_of_day(self) -> Self:
        other, own = ("day", "weekday") if self.every == "week" else ("weekday", "day")
        if getattr(self, other) != type(self).model_fields[other].default:
            raise Mistake(f"{other} means nothing to a brief of each {self.every}", f"name its {own} instead")
        return self
