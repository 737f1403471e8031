"""Trying again what was set aside: after the mend of a source, of a scorer, or of this program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from collectors.contract import Collector, CollectorError, Rereads
from config.settings import Settings
from monitor.assembly import assemble, build_collector
from monitor.pipeline import Batch, Pipeline
from monitor.sifting import post_of
from storage import quarantine as quarantine_store
from storage.database import Database
from storage.records import EngagementSample, Post, SetAside, Stage


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of an item: `reason` is why it stays set aside, `None` where it was stored."""

    item: SetAside
    reason: str | None = None


@dataclass
class Retry:
    """Tries items again; what is stored by it is judged like any post that comes late: nobody is paged for the past."""

    settings: Settings
    database: Database
    clock: Callable[[], datetime]

    def __post_init__(self) -> None:
        """The pipeline and, as they are needed, the sources."""
        self._pipeline: Pipeline = assemble(self.settings, self.database)
        self._collectors: dict[str, Collector | None] = {}

    def run(self, items: Sequence[SetAside]) -> list[Tried]:
        """Each item once; those that are stored leave the quarantine."""
        return [self._tried(item) for item in items]

    def _tried(self, item: SetAside) -> Tried:
        if item.raw is None:
            return Tried(item, "its content was not kept: it was large, or is older than a week")
        try:
            found = self._reread(item, item.raw)
        except (ValueError, CollectorError) as error:
            return Tried(item, str(error) or repr(error))
        posts = [each for each in found if isinstance(each, Post)]
        samples = [each for each in found if isinstance(each, EngagementSample)]
        if self._pipeline.ingest(Batch(posts=posts, samples=samples)).set_aside:
            return Tried(item, "it can still not be judged")
        with self.database.write() as tx:
            quarantine_store.remove(tx, [item])
        return Tried(item)

    def _reread(self, item: SetAside, raw: bytes) -> Sequence[Post | EngagementSample]:
        if item.stage is Stage.UNDERSTAND:
            return [post_of(raw)]
        collector = self._collector(item.source)
        if collector is None:
            raise CollectorError(f"there is no source {item.source} in the configuration any more")
        if not isinstance(collector, Rereads):
            raise CollectorError("its source cannot read a single item again; it will bring it by itself if it can")
        return collector.reread(raw)

    def _collector(self, name: str) -> Collector | None:
        if name not in self._collectors:
            source = next((source for source in self.settings.sources if source.name == name), None)
            self._collectors[name] = build_collector(source, self.settings, self.clock) if source else None
        return self._collectors[name]
