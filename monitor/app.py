"""The running program: what its processes do, each in its turn; nothing is made at import time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog

from alerts.channels.contract import Channel
from alerts.ladder import Ladder
from alerts.outbox import Sender, build_channels
from alerts.pictures import Illustrator
from alerts.routing import Routing
from alerts.storm import Storm
from alerts.system import SystemIncidents
from alerts.warming import warm
from collectors.contract import Wakes
from config.settings import Settings, SourceSettings
from monitor import judging_again, living, memory, remembered, watchdog
from monitor.assembly import Clock, assemble, build_collector, rehearsed, utc_now
from monitor.backups import Backups
from monitor.briefs import Briefs
from monitor.care import Care
from monitor.collecting import SourceJob
from monitor.forgetting import LOOK_EVERY as FORGET_EVERY
from monitor.forgetting import Forgetting
from monitor.heartbeat import LOOK_EVERY
from monitor.last_word import LastWord
from monitor.leading import RENEW_EVERY, Leadership, NotLeadingError
from monitor.resting import Rest
from monitor.scheduler import Timer
from monitor.sharing import NotHoldingError, Sharing
from monitor.slack_desks import SlackDesks
from monitor.sources.budget import Budget, tariff_of
from monitor.sources.health import SourceHealth
from monitor.sources.pace import Pace
from monitor.sources.upkeep import Upkeep
from monitor.tidying import tidy
from monitor.vigil import Vigil
from monitor.waking import Watch
from storage import schedule as schedule_store
from storage import waits
from storage.database import Database
from storage.errors import StorageError

_log = structlog.get_logger(__name__)

JUDGE_EVERY = timedelta(seconds=5)
SEND_EVERY = timedelta(seconds=1)
REMIND_EVERY = timedelta(seconds=30)
BACK_UP_EVERY = timedelta(minutes=5)
"""How often it is looked whether a copy of the database is due."""
AUDIT_EVERY = timedelta(seconds=60)
CANARY_EVERY = timedelta(minutes=15)
ALIVE_EVERY = timedelta(seconds=10)
LOOK_AGAIN_EVERY = timedelta(seconds=30)
KEEP_EVERY = timedelta(hours=1)
HEALTH_EVERY = timedelta(seconds=60)


@dataclass
class App:
    """The running program: one leader judges and reminds; every process sends, and reads its share of the sources."""

    settings: Settings
    clock: Clock = utc_now
    owner: str = field(default_factory=living.new_name)

    def __post_init__(self) -> None:
        """Open the database and put everything together."""
        self.database = Database.open(self.settings.database.resolved_url())
        self.storm = Storm.build(self.settings)
        self.pipeline = assemble(self.settings, self.database, speaker=Storm.speaker(self.settings))
        self.leadership = Leadership(self.owner, self.database, self.clock)
        self.pipeline.guard = self.leadership.require
        self.sharing = self._sharing()
        self.pipeline.read_by_others = self.sharing.read_by_others
        self.care = Care.build(self.settings)
        self.system = SystemIncidents.build(self.settings, self.care.speaker)
        self.backups = Backups.build(self.settings)
        self.briefs = Briefs(self.settings, self.database, self.system, self.clock)
        self.ladder = Ladder(self.care.speaker, self.care.brief)
        self.sender = Sender.build(self.settings, self.database, clock=self.clock, owner=self.owner)
        channels = build_channels(self.settings, self.clock)
        self.illustrator = Illustrator(self.database, channels, self.clock)
        self.slack = SlackDesks.build(self.settings, self.care, self.database, self.clock, self.send)
        self.stopping = threading.Event()
        self.jobs = {source.name: self._job(source) for source in self.settings.sources if source.enabled}
        parts = (self.settings, self.database, self.pipeline, self.clock)
        self.upkeep = Upkeep.build(*parts, self.sharing, self.leadership.require)
        self.health = SourceHealth(self.jobs, self.database, self.system, self.clock)
        self.timer = Timer(threads=len(self.jobs) + 9, put_back=self.put_back)
        self.watches = [
            self._watch(name, job.collector) for name, job in self.jobs.items() if isinstance(job.collector, Wakes)
        ]
        self._reading: set[str] = set()
        self._had: set[str] = set()
        self._turned_at: datetime | None = None
        self.vigil = self._vigil(channels)
        self.last_word = LastWord(self.system, channels, self.clock)
        self._judging, self._sharing_out = threading.Lock(), threading.Lock()
        self.forgetting = Forgetting(self.database, self._forget_fold)
        self.rest = Rest()

    def start(self) -> None:
        """Begin to collect, judge and send, each in its own thread."""
        warm(self.settings)
        self.plan()
        self.timer.start()
        self.slack.start()
        watchdog.notify("READY=1")
        for watch in self.watches:
            watch.start()
        _log.info("running", brands=len(self.settings.brands), sources=sorted(self.jobs), owner=self.owner)

    def plan(self) -> None:
        """Take what is to be read, lead where nobody does, and put every job on the timer."""
        self.forgetting.look()
        self.share()
        with self.database.write() as tx:
            for name, job in self.jobs.items():  # of several processes, none brings the turns of others forward
                schedule_store.plan(tx, name, job.every, self.clock(), sooner=not self.sharing.others)
            schedule_store.keep(tx, list(self.jobs))
            planned = {entry.source: entry for entry in schedule_store.every(tx)}
        self.lead()
        for name, job in self.jobs.items():
            job.failures = planned[name].failures
            self.timer.every(f"collect:{name}", job.every, partial(self.collect, name), planned[name].next_at)
        self.timer.every("lead", RENEW_EVERY, self.lead)
        self.timer.every("share", RENEW_EVERY, self.share)
        self.timer.every("judge", JUDGE_EVERY, self.judge)
        self.timer.every("send", SEND_EVERY, self.send)
        self.timer.every("illustrate", SEND_EVERY, self.illustrator.run_once)
        self.timer.every("remind", REMIND_EVERY, self.remind)
        if self.backups is not None:
            self.timer.every("back up", BACK_UP_EVERY, self.back_up)
        self.timer.every("escalate", SEND_EVERY, self.escalate)
        for name, every, look in (
            ("audit", AUDIT_EVERY, self.vigil.audit),
            ("heartbeat", LOOK_EVERY, self.vigil.heartbeat),
            ("canary", CANARY_EVERY, self.vigil.canary),
            ("daily", AUDIT_EVERY, self.vigil.daily),
            ("briefs", AUDIT_EVERY, self.briefs.run),
        ):
            self.timer.every(name, every, partial(self._while_leading, look), self.clock() + every)
        self.timer.every("alive", ALIVE_EVERY, self.alive)
        self.timer.every("look again", LOOK_AGAIN_EVERY, self.look_again)
        self.timer.every("read threads", LOOK_AGAIN_EVERY, self.read_threads)
        self.timer.every("keep", KEEP_EVERY, self.keep)
        self.timer.every("forget", FORGET_EVERY, self.forgetting.look)
        self.timer.every("give back", memory.GIVE_BACK_EVERY, self.give_back)
        self.timer.every("health", HEALTH_EVERY, partial(self._while_leading, self.health.look))

    def stop(self) -> None:
        """Finish what is under way, give the leases back, and close."""
        watchdog.notify("STOPPING=1")
        self.stopping.set()
        self.slack.stop()
        for watch in self.watches:
            watch.stop()
        self.timer.stop()
        self.sender.close()
        self._give_back_the_leases()
        self.database.close()

    def _give_back_the_leases(self) -> None:
        try:
            with self.database.write() as tx:
                self.sharing.give_back(tx)
                self.leadership.give_back(tx)
        except StorageError as error:
            _log.warning("the leases could not be given back; they run out by themselves", error=str(error))

    @property
    def is_leader(self) -> bool:
        """Whether this process judges."""
        return self.leadership.is_held

    def lead(self) -> None:
        """Renew the leader's lease, or take it when nobody holds it; say so when nothing can be stored."""
        now = self.clock()
        try:
            is_new = self.leadership.look()
            self.vigil.written_at = now
            if is_new:
                self.pipeline.forget()  # somebody else may have led in between
                self.share()
        except StorageError as error:
            self.last_word.refused(str(error))
            raise
        self.last_word.worked(self.database)

    def share(self) -> None:
        """Renew the leases of this process's sources, give back and take what is another share by now."""
        with self._sharing_out:
            taken = self.sharing.look(leads=self.is_leader)
        for name in taken:
            self._take_up(name)

    def put_back(self, by: timedelta) -> None:
        """Let nothing that is stored wait longer because the clock was put back; one process sees to it for all."""
        if not self.is_leader:
            return
        with self.database.write() as tx:
            count = waits.bring_forward(tx, by, self.clock())
        _log.warning("what waited was brought forward", moments=count)

    def collect(self, name: str) -> None:
        """Read one source, then judge at once, so that a decisive post does not wait for the timer."""
        if not self.sharing.holds(name):
            return
        self._reading.add(name)
        self.jobs[name].guard = self.sharing.guard_of_run(name)
        try:
            next_at = self.jobs[name].run()
        except NotHoldingError as lost:
            _log.warning("not reading", reason=str(lost))
            return
        finally:
            self._reading.discard(name)
        self.timer.run_at(f"collect:{name}", next_at)
        self.judge()
        self.send()

    def judge(self) -> None:
        """Judge up to now, with a provisional look at what is not settled; it takes half of the time at the most."""
        if not self.is_leader or self.rest.is_on(self.clock()):
            return
        try:
            with self._judging:
                began = self.clock()
                judging_again.heed(self.database, self.pipeline.rewind, self.clock(), self.settings.detection.lateness)
                alerts = self.pipeline.advance(self.clock(), early=True)
                self.rest.take(began, self.clock())
        except NotLeadingError as lost:
            _log.warning("not judging", reason=str(lost))
            return
        self.vigil.judged_at = self.clock()
        if alerts:
            self.send()

    def send(self) -> None:
        """Send what is due."""
        self.sender.run_once()
        self._turned_at = self.clock()

    def alive(self) -> None:
        """Tell systemd that the process lives, while it still sends."""
        if watchdog.is_alive(self._turned_at, self.clock()):
            watchdog.notify("WATCHDOG=1")

    def _while_leading(self, look: Callable[[], None]) -> None:
        if self.is_leader:
            look()

    def remind(self) -> None:
        """Open again what was taken and not ended in time, and remind of what nobody took."""
        if self.is_leader:
            with self.database.write() as tx:
                now = self.clock()
                self.care.release_overdue(tx, now)
                self.care.speaker.remind(tx, now, self.care.brief)
                self.storm.watch(tx, self.care.speaker, now)

    def back_up(self) -> None:
        """Copy the database, if that is due."""
        if self.backups is not None and self.is_leader:
            self.backups.run(self.database, self.system, self.clock())

    def look_again(self) -> None:
        """Look posts up again that may have been deleted or edited."""
        self.upkeep.look_again()
        self.send()

    def read_threads(self) -> None:
        """Read the threads of live incidents."""
        if not self.is_leader:
            return
        try:
            self.upkeep.read_threads()
        except NotLeadingError as lost:
            _log.warning("not reading threads", reason=str(lost))

    def keep(self) -> None:
        """Delete what is older than it is to be kept."""
        if self.is_leader:
            self.upkeep.prune()

    def give_back(self) -> None:
        """Hold no more memory than what is in use."""
        self.database.let_go()
        remembered.let_go_of_copies()
        tidy()
        memory.give_back()

    def _forget_fold(self) -> None:
        """Judge on without what was deleted; one that no longer leads has no other turn to let go of it."""
        with self._judging:
            self.pipeline.let_go_of_deleted()

    def _take_up(self, name: str) -> None:
        """Take the turn of a new source from the schedule."""
        with self.database.read() as tx:
            planned = schedule_store.of(tx, name)
        if planned is not None and f"collect:{name}" in self.timer.names():
            self.jobs[name].failures = planned.failures
            self.timer.run_at(f"collect:{name}", planned.next_at)

    def escalate(self) -> None:
        """Tell the next people about what nobody took."""
        if not self.is_leader:
            return
        with self.database.write() as tx:
            said = self.ladder.climb(tx, self.clock())
        if said:
            self.send()

    def _vigil(self, channels: Mapping[str, Channel]) -> Vigil:
        return Vigil(
            self.settings,
            self.database,
            self.care,
            channels,
            rehearsed,
            self.clock,
            self.system,
            self.clock(),
            degraded=self._degraded,
        )

    def _degraded(self) -> str:
        """Why sentiment is judged by less than what is configured, here or where another process reads."""
        said = (self.pipeline.understanding.degraded, *(one.degraded for one in self.sharing.others))
        return next(filter(None, said), "")

    def _sharing(self) -> Sharing:
        is_shared = self.settings.scale.share_sources and self.database.engine_name == "postgresql"
        return Sharing(
            self.owner,
            [source.name for source in self.settings.sources if source.enabled],
            self.database,
            self.clock,
            is_shared,
            is_busy=self._is_busy,
            degraded=lambda: self.pipeline.understanding.degraded,
            prepare=self._begin_anew,
        )

    def _begin_anew(self, name: str) -> None:
        """Forget what is remembered of a source that others have read meanwhile, such as where its stream broke off."""
        if name in self._had:
            source = next(source for source in self.settings.sources if source.name == name)
            self.jobs[name].collector = collector = build_collector(source, self.settings, self.clock, self.database)
            for watch in self.watches:
                if watch.name == name and isinstance(collector, Wakes):
                    watch.source = collector
        self._had.add(name)

    def _is_busy(self, name: str) -> bool:
        """Whether a source is read or listened to at this moment."""
        return name in self._reading or any(watch.name == name and watch.is_listening for watch in self.watches)

    def _watch(self, name: str, collector: Wakes) -> Watch:
        def news() -> None:
            if self.jobs[name].failures == 0:  # one that fails is left alone as long as was decided
                self.timer.run_at(f"collect:{name}", self.clock())

        return Watch(collector, name, news, partial(self.sharing.holds, name))

    def _job(self, source: SourceSettings) -> SourceJob:
        collector = build_collector(source, self.settings, self.clock, self.database)
        budget = Budget.of(source, tariff_of(collector))
        pace = Pace.of(source, counts_requests=budget.is_limited)
        return SourceJob(
            collector,
            source.every,
            self.database,
            self.pipeline,
            self.clock,
            self.stopping,
            pace=pace,
            budget=budget,
            routing=Routing.build(self.settings),
            guard=self.sharing.guard(source.name),
            holds=partial(self.sharing.holds, source.name),
        )
