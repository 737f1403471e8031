"""The shape of `tocsin.toml`: what the operator decides, with its defaults and one sentence for each setting.

The sentences are the documentation: the example file, the JSON Schema and docs/configuration.md are made from them.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Self
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

from config.alerting import (
    AlertingSettings,
    DutySettings,
    InhibitionSettings,
    OperationsSettings,
    PolicySettings,
    QuietHoursSettings,
    RouteSettings,
)
from config.briefs import BriefSettings
from config.digests import DigestSettings
from config.durations import Duration
from config.moments import ZoneName
from config.names import ScorerName, Sensitivity, SentimentName, SeverityName
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
        raise Mistake("is no database that is known", 'begin with "sqlite:///" or "postgresql://"')
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
    """How work is spread over processes."""

    workers: int = Field(default=1, ge=0, le=1024)
    """Processes of this machine that work on history (replay, import, rescore, backtest); 0 for one per processor."""
    share_sources: bool = True
    """Whether processes that run over the same PostgreSQL share the sources; otherwise the one that leads reads all."""


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
    """How work is spread over processes."""

    def brand(self, name: str) -> BrandSettings | None:
        """The brand called `name`, or None."""
        return next((brand for brand in self.brands if brand.name == name), None)

    def thresholds_for(self, brand: str | BrandSettings | None = None) -> ThresholdSettings:
        """Every threshold in force: the preset, then [detection.thresholds], then the brand's own."""
        chosen = self.brand(brand) if isinstance(brand, str) else brand
        sensitivity = (chosen.sensitivity if chosen else None) or self.detection.sensitivity
        own = [chosen.thresholds] if chosen else []
        return ThresholdSettings.preset(sensitivity).overridden_by(self.detection.thresholds, *own)
