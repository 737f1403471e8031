"""The parts of one configuration, put together the same way for the program, replays, rehearsals and tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from alerts.routing import Routing
from alerts.speak import Speaker
from collectors.contract import Collector, SourceContext
from config.plugins import resolve
from config.settings import Settings, SourceSettings
from monitor.briefing import Briefing
from monitor.fold import Fold
from monitor.handed_in import StoredInbox
from monitor.incidents import CorrelationSettings
from monitor.judge import Judge, JudgeSettings
from monitor.pipeline import Pipeline, ledgered_coverage
from monitor.register import Register
from monitor.sources.budget import Budget, tariff_of
from monitor.sources.rechecks import Rechecks
from monitor.understanding import Understanding
from storage.database import Database

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The one clock of the program."""
    return datetime.now(UTC)


def assemble(
    settings: Settings,
    database: Database,
    *,
    speaker: Speaker | None = None,
    durable: bool = True,
    drill: bool = False,
    understanding: Understanding | None = None,
) -> Pipeline:
    """The pipeline of one configuration over one database.

    `speaker` stands in for the channels configured, and `understanding` for the one that would be made.
    """
    briefing = Briefing.build(settings, drill=drill)
    speaker = speaker or Speaker.build(settings)
    return Pipeline(
        database=database,
        understanding=understanding or Understanding.build(settings, steady=durable),
        new_fold=lambda: new_fold(settings),
        register=Register(brief=briefing.page, announce=speaker.announce),
        lateness=settings.detection.lateness,
        durable=durable,
        coverage=ledgered_coverage([source.name for source in settings.sources]),
    )


def rehearsed(settings: Settings, database: Database, speaker: Speaker) -> Pipeline:
    """The pipeline of a rehearsal: the real one, over a database that is forgotten, marked as a drill."""
    return assemble(settings, database, speaker=speaker, durable=False, drill=True)


def new_fold(settings: Settings) -> Fold:
    """A fold without a past, under the thresholds of the configuration."""
    judge = Judge([brand.name for brand in settings.brands], JudgeSettings.from_settings(settings))
    return Fold(judge, CorrelationSettings.from_settings(settings))


def build_collector(
    source: SourceSettings, settings: Settings, clock: Clock, database: Database | None = None
) -> Collector:
    """One configured source, with its options checked; `ValidationError` where they are wrong.

    What was handed in for it lies in the database.
    """
    module = resolve("collectors", source.type)
    brands = [brand for brand in settings.brands if not source.brands or brand.name in source.brands]
    inbox = StoredInbox(database, source.name, clock) if database else None
    context = SourceContext(name=source.name, brands=brands, clock=clock, inbox=inbox)
    collector: Collector = module.build(module.Options.model_validate(source.options), context)
    return collector


def build_rechecks(
    source: SourceSettings, settings: Settings, database: Database, pipeline: Pipeline, clock: Clock
) -> Rechecks:
    """What looks the posts of one configured source up again."""
    collector = build_collector(source, settings, clock, database)
    budget = Budget.of(source, tariff_of(collector))
    return Rechecks(collector, source.recheck_every, database, pipeline, Routing.build(settings), clock, budget)
