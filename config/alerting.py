"""What is configured of telling people: routes, escalations, quiet hours, duty, and who watches the program itself."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from config.durations import Duration
from config.hours import window
from config.moments import TimeOfDay, ZoneName
from config.names import SeverityName, Weekday
from config.problems import Mistake
from config.references import SecretReference
from config.tables import Name, Table, Text, WebAddress


def _known_hours(text: str) -> str:
    window(text)
    return text


Hours = Annotated[str, AfterValidator(_known_hours)]


class StepSettings(Table):
    """Who is told next while nobody has taken an incident."""

    delay: Duration
    """How long after the step before, or after the first message for the first step."""
    channels: list[Name] = Field(min_length=1)
    """Channels that are told."""
    fallback: list[Name] = []
    """Channels that are told as well when none of them could be reached."""


class PolicySettings(Table):
    """An escalation: step after step while nobody takes an incident, and in the end a last resort."""

    name: Name
    """Its name, by which routes point to it."""
    steps: list[StepSettings] = Field(min_length=1)
    """The steps, one after another."""
    repeat: int = Field(default=0, ge=0, le=10)
    """How often all steps are gone through again."""
    last_resort: list[Name] = Field(min_length=1)
    """Channels that are told when the steps are used up; of a critical incident every 15 minutes for a day."""


class InhibitionSettings(Table):
    """An incident that makes others not worth a message of their own while it goes on."""

    brands: list[Name] = []
    """Brands of the incident that holds others back; empty for all."""
    severities: list[SeverityName] = Field(min_length=1)
    """Severities of the incident that holds others back."""
    kinds: list[Name] = []
    """Kinds of the incident that holds others back; empty for all."""
    muted_severities: list[SeverityName] = Field(min_length=1)
    """Severities of the incidents that are held back; never critical ones."""
    muted_kinds: list[Name] = []
    """Kinds of the incidents that are held back; empty for all."""
    same: list[Literal["brand", "kind", "topic"]] = ["brand"]
    """What both incidents must have in common."""

    @model_validator(mode="after")
    def _hold_back_what_is_less(self) -> Self:
        if "critical" in self.muted_severities:
            raise Mistake("critical incidents are never held back by others", 'leave "critical" out')
        if set(self.severities) & set(self.muted_severities) and _overlap(self.kinds, self.muted_kinds):
            raise Mistake("two incidents could hold each other back", "hold back only what is less severe")
        return self


def _overlap(some: list[str], others: list[str]) -> bool:
    """Whether one thing can be in both lists, an empty one being for all."""
    return not some or not others or bool(set(some) & set(others))


class RouteSettings(Table):
    """Who is told about what. An alert goes to the channels of every route that matches it."""

    channels: list[Name] = Field(min_length=1)
    """Channels that are told."""
    brands: list[Name] = []
    """Brands that it is for; empty for all."""
    severities: list[SeverityName] = []
    """Severities that it is for; empty for all."""
    kinds: list[Name] = []
    """Kinds of incident that it is for; empty for all."""
    sources: list[Name] = []
    """Sources of which one must have carried the incident; empty for all."""
    languages: list[Text] = []
    """Languages (two-letter codes) of which one must be spoken in the incident; empty for all."""
    hours: list[Hours] = []
    """When it is for, such as "monday-friday 08:00-18:00" or "18:00-08:00"; empty for always."""
    timezone: ZoneName | None = None
    """Time zone in which its hours are counted; unset for that of [general]."""
    fallback: list[Name] = []
    """Channels that are told as well when none of the channels could be reached."""
    policy: Name | None = None
    """The escalation that follows while nobody takes an incident of this route."""


class QuietHoursSettings(Table):
    """Hours in which watches and warnings wait; critical alerts never wait."""

    start: TimeOfDay
    """When they begin, as HH:MM."""
    end: TimeOfDay
    """When they end, as HH:MM; earlier than the start means the next day."""
    timezone: ZoneName | None = None
    """Time zone in which they are counted; unset for that of [general]."""
    days: list[Weekday] = []
    """Weekdays on which they begin; empty for every day."""

    @model_validator(mode="after")
    def _span_some_time(self) -> Self:
        if self.start == self.end:
            raise Mistake("start and end are the same time", "leave [quiet_hours] out to have none")
        return self


def _date(value: str) -> str:
    try:
        date.fromisoformat(value)
    except ValueError as error:
        raise Mistake(f'"{value}" is no date', 'write it as "2026-01-05"') from error
    return value


class DutySettings(Table):
    """Hours for which somebody is on duty: messages name who it is."""

    people: list[Text] = Field(min_length=1)
    """Who, as people are to read it, with a telephone number if you like; several take turns, a week each."""
    since: Annotated[str, AfterValidator(_date)] = "2024-01-01"
    """A day of the week that belongs to the first of them, as "YYYY-MM-DD"; weeks begin on Monday at the start."""
    start: TimeOfDay = time(0, 0)
    """When their day begins, as HH:MM."""
    end: TimeOfDay = time(0, 0)
    """When it ends, as HH:MM; not later than the start means the next day."""
    timezone: ZoneName | None = None
    """Time zone in which that is counted; unset for that of [general]."""
    days: list[Weekday] = []
    """Weekdays on which it begins; empty for every day."""
    brands: list[Name] = []
    """Brands that it is for; empty for all."""


class AlertingSettings(Table):
    """When people are told again, and when an incident is over."""

    repeat_critical: Duration = timedelta(minutes=15)
    """How often to remind of a critical incident that nobody took."""
    repeat_warning: Duration = timedelta(hours=1)
    """How often to remind of a warning that nobody took."""
    update_interval: Duration = timedelta(minutes=5)
    """Least time between two updates of one incident; a critical one may be updated each minute."""
    material_growth: float = Field(default=2.0, gt=1)
    """Growth since the last message, as a factor, that is worth telling."""
    acknowledge_timeout_critical: Duration = timedelta(hours=1)
    """After how long a critical incident that was taken and not resolved is opened again."""
    acknowledge_timeout_warning: Duration = timedelta(hours=4)
    """After how long a warning that was taken and not resolved is opened again."""
    reopen_window: Duration = timedelta(minutes=30)
    """How long after its end a new surge reopens an incident instead of opening another."""
    clear_for: Duration = timedelta(minutes=30)
    """How long a surge must have been over for its incident to be resolved."""
    failover_critical: Duration = timedelta(seconds=55)
    """How long a critical alert may wait for its channels before the fallback channels are told as well."""
    failover_warning: Duration = timedelta(minutes=5)
    """The same for a warning."""
    calm_limit: int = Field(default=60, ge=0)
    """Messages about what is not critical that may go out in ten minutes, all channels together; 0 for any number."""


HeartbeatAddress = Annotated[
    Annotated[WebAddress, Tag("text")] | Annotated[SecretReference, Tag("reference")],
    Discriminator(lambda value: "text" if isinstance(value, str) else "reference"),
]


class OperationsSettings(Table):
    """How the program watches itself, and who hears of its own troubles."""

    channels: list[Name] = []
    """Channels that are told when the program itself is ill; empty for all."""
    heartbeat: HeartbeatAddress | None = None
    """Address outside that hears each minute while all is well, such as a check of healthchecks.io; often a secret."""
    canary: Name | None = None
    """Channel for tests alone, to which a made incident is sent every 15 minutes to see that all of it works."""
    all_quiet_at: TimeOfDay | None = None
    """When the operators hear once a day that the program works, with its counts; unset for never."""
    runbooks: WebAddress | None = None
    """Where your copies of the runbooks lie, so that messages about the program link to them."""

    def heartbeat_url(self) -> str:
        """The address of the heartbeat, read from where the reference points when it is one; empty for none."""
        if self.heartbeat is None or isinstance(self.heartbeat, str):
            return self.heartbeat or ""
        return self.heartbeat.resolve().get_secret_value()
