"""The shape of `tocsin.toml`: what the operator decides, with its defaults and one sentence for each setting.

The sentences are the documentation: the example file, the JSON Schema and docs/configuration.md are made from them.
"""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from config.briefs import BriefSettings
from config.digests import DigestSettings
from config.durations import Duration
from config.hours import window
from config.moments import TimeOfDay, ZoneName
from config.names import ScorerName, Sensitivity, SentimentName, SeverityName, Weekday
from config.problems import Mistake
from config.references import SecretReference
from config.tables import FilePath, Name, Table, Text, WebAddress
from config.thresholds import ThresholdSettings
from config.web import WebSettings

SHORTEST_INTERVAL = timedelta(seconds=10)


class GeneralSettings(Table):
    """What concerns the whole program."""

    name: Name = "tocsin"
    """How this installation calls itself in messages."""
    timezone: ZoneName = "UTC"
    """Time zone in which people read times and quiet hours are counted."""
    public_url: WebAddress = ""
    """Address at which staff reach this installation's web page; links in messages begin with it."""


def _database_address(url: str) -> str:
    if not url.startswith(("sqlite:", "postgresql:", "postgresql+psycopg:")):
        raise Mistake("is no database that is known", 'begin with "sqlite:///" or "postgresql+psycopg://"')
    if urlsplit(url).password is not None:
        raise Mistake("an address with a password is a secret", 'give it as { env = "NAME" } or { file = "path" }')
    return url


DatabaseAddress = Annotated[
    Annotated[str, AfterValidator(_database_address), Tag("text")] | Annotated[SecretReference, Tag("reference")],
    Discriminator(lambda value: "text" if isinstance(value, str) else "reference"),
]


class DatabaseSettings(Table):
    """Where everything is remembered."""

    url: DatabaseAddress = "sqlite:///tocsin.db"
    """SQLAlchemy address of a SQLite file or PostgreSQL database; one with a password is given by reference."""
    backup_folder: FilePath | None = None
    """Folder that "tocsin run" copies a SQLite database into; unset for no copies."""
    backup_every: Duration = timedelta(days=1)
    """How often it is copied."""
    backups_kept: int = Field(default=7, ge=1, le=1000)
    """Copies that are kept, the newest."""

    @model_validator(mode="after")
    def _copied_by_itself(self) -> Self:
        if self.backup_folder and isinstance(self.url, str) and not self.url.startswith("sqlite:"):
            raise Mistake("only SQLite files are copied by Tocsin", "leave backup_folder out, and use pg_dump")
        return self

    def resolved_url(self) -> str:
        """The address, read from where the reference points when it is one."""
        return self.url if isinstance(self.url, str) else self.url.resolve().get_secret_value()


class SentimentRuleSettings(Table):
    """Words whose sentiment toward this brand is known."""

    words: list[Text] = Field(min_length=1)
    """Words or phrases, in any of the brand's languages."""
    sentiment: SentimentName
    """What they say about the brand."""


class BrandSettings(Table):
    """A company or product that is watched."""

    name: Name
    """The brand's name; the key under which everything about it is kept."""
    aliases: list[Text] = []
    """Other names and spellings of the brand."""
    handles: list[Text] = []
    """Its accounts, with or without @."""
    hashtags: list[Text] = []
    """Its hashtags, with or without #."""
    tickers: list[Text] = []
    """Its stock symbols, with or without $."""
    people: list[Text] = []
    """People who stand for the brand, such as its chief executive."""
    products: list[Text] = []
    """Its products and services."""
    context: list[Text] = []
    """Words of which one must stand near an ambiguous name for it to count."""
    context_against: list[Text] = []
    """Words near an ambiguous name that speak for another meaning of it."""
    exclude: list[Text] = []
    """Phrases that rule a match out, such as another company of the same name."""
    rivals: list[Text] = []
    """Competitors, so that blame for them is not counted against this brand."""
    ambiguous: bool = False
    """Whether the name or an alias is an ordinary word, which counts only with context, capitals or a strong term."""
    case_sensitive: bool = False
    """Whether names match only in the capitals written here."""
    languages: list[Text] = []
    """Languages (two-letter codes) in which the brand is watched; empty for all."""
    sensitivity: Sensitivity | None = None
    """Sensitivity of detection for this brand; unset for that of [detection]."""
    minimum_relevance: float = Field(default=0.5, ge=0, le=1)
    """How sure a match must be (0 to 1) for a post to count as a mention."""
    thresholds: ThresholdSettings = Field(default_factory=ThresholdSettings)
    """Thresholds for this brand alone."""
    sentiment_rules: list[SentimentRuleSettings] = []
    """Words whose sentiment toward this brand is known, whatever a model would say."""


def _known_hours(text: str) -> str:
    window(text)
    return text


Hours = Annotated[str, AfterValidator(_known_hours)]


class PluginTable(BaseModel):
    """A table whose `type` names a plug-in; keys that are not ours are the plug-in's `options`."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    type: Name
    """Which plug-in, by its module name; a dotted name loads one from another distribution."""
    name: Name
    """Name in routes, messages and pages, unique; the type unless set."""
    enabled: bool = True
    """Whether it is used."""
    options: dict[str, Any] = {}
    """All further keys of the table, for the plug-in itself."""

    @model_validator(mode="before")
    @classmethod
    def _separate_options(cls, table: Any) -> Any:
        if not isinstance(table, dict):
            return table
        own = {key: value for key, value in table.items() if key in cls.model_fields and key != "options"}
        given = table.get("options", {})
        loose = {key: value for key, value in table.items() if key not in cls.model_fields}
        kind = own.get("type")
        own.setdefault("name", kind if isinstance(kind, str) and kind else "unnamed")
        return own | {"options": {**given, **loose} if isinstance(given, dict) else given}


def _not_too_often(every: timedelta) -> timedelta:
    if every < SHORTEST_INTERVAL:
        raise Mistake("must be at least 10s", "sources do not allow to be read more often")
    return every


Interval = Annotated[Duration, AfterValidator(_not_too_often)]


KEPT_FOR = timedelta(days=90)
"""How long posts are kept unless a source says otherwise."""


class SourceSettings(PluginTable):
    """A place posts come from."""

    every: Interval = timedelta(minutes=5)
    """How often it is read as a rule."""
    fastest: Interval | None = None
    """How often it is read while something gathers speed there or an incident lives; unset for a fifth of every."""
    slowest: Interval | None = None
    """How often it is read while nothing new comes; unset for every, or twice that where requests are counted."""
    brands: list[Name] = []
    """Brands that it is read for; empty for all."""
    requests_per_day: int | None = Field(default=None, ge=1)
    """Requests that may be made in a day (UTC); unset for what the platform documents."""
    dollars_per_day: float | None = Field(default=None, gt=0)
    """US dollars that reading may cost in a day (UTC), where the platform charges; unset for no limit."""
    reserve: float = Field(default=0.25, ge=0, le=0.9)
    """Share of a day's budget that is kept for incidents."""
    context_replies: int = Field(default=50, ge=0, le=500)
    """Replies that are fetched of the thread of a post which an incident rests on; 0 for no threads."""
    recheck_every: Duration = timedelta(hours=6)
    """How often stored posts are looked up again, to take back what was deleted."""
    keep: Duration | None = None
    """How long posts are kept, counts aside; unset for 90 days, and for ever where they come from files."""

    @model_validator(mode="after")
    def _paces_are_in_order(self) -> Self:
        if self.fastest is not None and self.fastest > self.every:
            raise Mistake("fastest is longer than every", "it is the interval while something happens")
        if self.slowest is not None and self.slowest < self.every:
            raise Mistake("slowest is shorter than every", "it is the interval while nothing happens")
        return self

    @property
    def kept_for(self) -> timedelta | None:
        """How long its posts are kept, `None` for ever."""
        return self.keep if self.keep is not None or self.type == "files" else KEPT_FOR


class ChannelSettings(PluginTable):
    """A way to people."""


class DetectorSettings(PluginTable):
    """A way of one's own to find trouble in what is said."""


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


class UnderstandingSettings(Table):
    """How posts are read: language, relevance and sentiment toward the brand."""

    scorer: ScorerName = "default"
    """Which sentiment scorer is used: the lexicon, a learned one, or a transformer; by default the one of the model."""
    model: FilePath | None = None
    """A model that "tocsin train" made, or the folder of a transformer (model.onnx, tokenizer.json, config.json)."""
    languages: list[Text] = []
    """Languages (two-letter codes) that are told apart; empty for all that the identifier knows."""
    transformer_languages: list[Text] = []
    """Languages that the transformer was made for; empty for all; posts in others go to the lexicon."""
    transformer_aspect: bool = False
    """Whether the transformer takes the brand's name as a second text, as models of aspects do."""
    transformer_deadline: Duration = timedelta(seconds=10)
    """How long the transformer may take for sixteen texts before the lexicon stands in for it."""

    @model_validator(mode="after")
    def _learned_from_something(self) -> Self:
        if self.scorer == "learned" and self.model is None:
            raise Mistake("the learned scorer needs a model", 'make one with "tocsin train", and name it as model')
        if self.scorer == "transformer" and self.model is None:
            raise Mistake("the transformer needs a model", "name the folder with its ONNX files as model")
        return self


class DetectionSettings(Table):
    """When a surge becomes an incident."""

    sensitivity: Sensitivity = "standard"
    """How early to speak: relaxed waits for clear cases, keen accepts more false alarms."""
    lateness: Duration = timedelta(minutes=15)
    """How late a post may arrive and still change the judgement of its five minutes."""
    thresholds: ThresholdSettings = Field(default_factory=ThresholdSettings)
    """Thresholds that differ from those of the sensitivity."""


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


def _kind_name(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,49}", name):
        raise Mistake(f'"{name}" is no name of a kind', "write lower case letters, digits and _, such as recall_batch")
    return name


class KindSettings(Table):
    """A kind of incident of the operator's own, beside those that the program knows."""

    name: Annotated[str, AfterValidator(_kind_name)]
    """Its name in lower case, such as recall_batch."""
    words: dict[str, list[Text]] = Field(min_length=1)
    """Words and phrases that point to it, for each language (two-letter code)."""
    severity: SeverityName | None = None
    """Severity that such an incident has at least; unset to leave that to the numbers."""


class ScaleSettings(Table):
    """How work on history is spread."""

    workers: int = Field(default=1, ge=0, le=1024)
    """Processes of this machine that work on history (replay, import, rescore, backtest); 0 for one per processor."""


class Settings(Table):
    """All of `tocsin.toml`."""

    general: GeneralSettings = Field(default_factory=GeneralSettings)
    """What concerns the whole program."""
    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    """Where everything is remembered."""
    brands: list[BrandSettings] = []
    """The companies and products that are watched."""
    sources: list[SourceSettings] = []
    """The places posts come from."""
    understanding: UnderstandingSettings = Field(default_factory=UnderstandingSettings)
    """How posts are read: language, relevance and sentiment toward the brand."""
    detection: DetectionSettings = Field(default_factory=DetectionSettings)
    """When a surge becomes an incident."""
    detectors: list[DetectorSettings] = []
    """Detectors of the operator's own, beside those of the program."""
    channels: list[ChannelSettings] = []
    """The ways to people."""
    routes: list[RouteSettings] = []
    """Who is told about what."""
    policies: list[PolicySettings] = []
    """Escalations that routes name."""
    inhibitions: list[InhibitionSettings] = []
    """Incidents that hold the messages of others back, beside a critical one that holds back watches of its brand."""
    digests: list[DigestSettings] = []
    """Who reads what is not urgent at fixed times, in one message."""
    quiet_hours: QuietHoursSettings | None = None
    """Hours in which watches and warnings wait; critical alerts never wait."""
    on_duty: list[DutySettings] = []
    """Hours for which somebody is on duty: messages name who it is."""
    alerting: AlertingSettings = Field(default_factory=AlertingSettings)
    """When people are told again, and when an incident is over."""
    briefs: list[BriefSettings] = []
    """Looks back on each brand, by schedule."""
    operations: OperationsSettings = Field(default_factory=OperationsSettings)
    """How the program watches itself, and who hears of its own troubles."""
    kinds: list[KindSettings] = []
    """Kinds of incident of the operator's own."""
    web: WebSettings = Field(default_factory=WebSettings)
    """The web page and the API."""
    scale: ScaleSettings = Field(default_factory=ScaleSettings)
    """How work on history is spread."""

    def brand(self, name: str) -> BrandSettings | None:
        """The brand called `name`, or None."""
        return next((brand for brand in self.brands if brand.name == name), None)

    def thresholds_for(self, brand: str | BrandSettings | None = None) -> ThresholdSettings:
        """Every threshold in force: the preset, then [detection.thresholds], then the brand's own."""
        chosen = self.brand(brand) if isinstance(brand, str) else brand
        sensitivity = (chosen.sensitivity if chosen else None) or self.detection.sensitivity
        own = [chosen.thresholds] if chosen else []
        return ThresholdSettings.preset(sensitivity).overridden_by(self.detection.thresholds, *own)
