"""Figures for Prometheus, read from the database when they are asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from monitor.web.access import Viewer
from monitor.web.desk import Desk, desk_of
from monitor.web.now import healths
from storage import gaps, incidents, outbox, source_counts
from storage import posts as post_store
from storage import pulse as pulse_store
from storage.records import Severity

router = APIRouter(include_in_schema=False)

EVER = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


@router.get("/metrics")
def metrics(_: Viewer, desk: Annotated[Desk, Depends(desk_of)]) -> Response:
    """The figures, as text."""
    registry = CollectorRegistry()
    registry.register(Figures(desk))
    ProcessCollector(registry=registry)  # where there is /proc
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class Figures(Collector):
    """Everything that is worth a graph or an alarm of one's own."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing beforehand: the database is asked once, when the figures are collected."""
        return ()

    def collect(self) -> Iterable[GaugeMetricFamily | CounterMetricFamily]:
        """Read the figures."""
        desk, now = self._desk, self._desk.clock()
        with desk.database.read() as tx:
            live = Counter(one.severity for one in incidents.live(tx))
            waiting = outbox.unfinished(tx)
            newest, stored = post_store.latest(tx), pulse_store.largest_post_number(tx)
            health = healths(tx, desk.settings, now)
            runs = source_counts.totals(tx, EVER)
            missing = [gap for gap in gaps.between(tx, EVER, now) if gap.filled_at is None]
        lag = (now - newest).total_seconds() if newest else 0.0
        oldest = max(((now - one.waits_since).total_seconds() for one in waiting), default=0.0)
        planned = {one.name: one.planned for one in health if one.planned}
        read = {name: one.last_ended_at.timestamp() for name, one in planned.items() if one.last_ended_at}
        due = {name: one.next_at.timestamp() for name, one in planned.items()}
        yield CounterMetricFamily("tocsin_posts_stored", "Posts ever stored", value=stored)
        yield GaugeMetricFamily("tocsin_newest_post_age_seconds", "Age of the newest post", value=lag)
        yield GaugeMetricFamily(
            "tocsin_delivery_oldest_due_seconds", "Longest wait of a message", value=max(0.0, oldest)
        )
        gauges: tuple[tuple[str, str, str, Mapping[str, float]], ...] = (
            ("incidents_live", "Incidents that go on", "severity", {one.value: live[one] for one in Severity}),
            ("deliveries_waiting", "Messages on their way", "state", Counter(one.state.value for one in waiting)),
            ("source_well", "1 where nothing is the matter", "source", {one.name: one.is_well for one in health}),
            ("source_coverage", "Share of the last day read", "source", {one.name: one.coverage for one in health}),
            ("source_failures", "Failures in a row", "source", {name: one.failures for name, one in planned.items()}),
            ("source_watermark_seconds", "When it was last read, in Unix time", "source", read),
            ("source_due_seconds", "When it is to be read next, in Unix time", "source", due),
            ("gaps_open", "Spans still missing", "source", Counter(gap.source for gap in missing)),
        )
        for name, words, label, values in gauges:
            yield _gauge(f"tocsin_{name}", words, label, values)
        for name, words, of in (
            ("tocsin_runs", "Runs of collectors", "runs"),
            ("tocsin_runs_failed", "Runs that failed", "failed"),
            ("tocsin_requests", "Requests made", "requests"),
            ("tocsin_posts_read", "Posts read", "posts"),
        ):
            counter = CounterMetricFamily(name, words, labels=["source"])
            for source, totals in runs.items():
                counter.add_metric([source], getattr(totals, of))
            yield counter


def _gauge(name: str, words: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(name, words, labels=[label])
    for value, number in values.items():
        gauge.add_metric([value], float(number))
    return gauge
