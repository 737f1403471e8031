"""From the decisive post to the request: the made story of benchmarks.trust, told to a webhook on this machine.

Every twenty posts are taken in and looked at as a running program does, provisional look and outbox included. Where a
new incident comes of it, what passed until its request is one measurement. Notices are not gathered here: that they
wait some minutes for what belongs to them is the operator's choice, not the program's slowness.
"""

from __future__ import annotations

import json
import os
import queue
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from alerts.outbox import Sender
from alerts.policy import Rules
from alerts.routing import Routing
from alerts.speak import Speaker
from benchmarks import trust_whole
from config.settings import Settings
from monitor.assembly import assemble
from monitor.pipeline import Batch
from storage.database import Database
from storage.records import Reason, Severity

Arrivals = queue.Queue[tuple[float, float, str]]
PATIENCE = 5.0
"""Seconds after which a request that was promised is missed."""


def decisive_post(days: int) -> dict[str, Any]:
    """Milliseconds from posts to request, over a story of so many days."""
    os.environ |= {"BENCH_SECRET": "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}
    with _receiver() as (port, arrived), tempfile.TemporaryDirectory() as place:
        os.environ["BENCH_URL"] = f"http://127.0.0.1:{port}/"
        options = {"url": {"env": "BENCH_URL"}, "secret": {"env": "BENCH_SECRET"}}
        chosen = trust_whole.settings([{"type": "webhook", "name": "hook", "options": options}])
        with Database.open(f"sqlite:///{place}/speed.db") as database:
            taken = list(_told(chosen, database, arrived, days))
    return {
        "requests": len(taken),
        "milliseconds_median": round(1000 * statistics.median(busy for _, busy in taken), 1),
        "milliseconds_median_by_the_clock": round(1000 * statistics.median(at for at, _ in taken), 1),
        "milliseconds_worst_by_the_clock": round(1000 * max(at for at, _ in taken), 1),
    }


def _told(chosen: Settings, database: Database, arrived: Arrivals, days: int) -> Iterator[tuple[float, float]]:
    posts = trust_whole.story(days)
    now = posts[0].created_at

    def clock() -> datetime:
        return now

    at_once = replace(Rules.build(chosen), wait=dict.fromkeys(Severity, timedelta(0)))
    pipeline = assemble(chosen, database, speaker=Speaker(at_once, Routing.build(chosen)))
    sender = Sender.build(chosen, database, clock=clock, owner="bench")
    for start in range(0, len(posts), trust_whole.CHUNK):
        batch = posts[start : start + trust_whole.CHUNK]
        now, began, busy = batch[-1].created_at, time.perf_counter(), time.process_time()
        pipeline.ingest(Batch(posts=batch))
        alerts = pipeline.advance(now, early=True)
        sender.run_once()
        opened = [alert.incident_id for alert in alerts if alert.reason is Reason.OPENED]
        if opened:
            at, busy_at = _arrival(arrived, opened)
            yield at - began, busy_at - busy
        sender.drain(PATIENCE)
    sender.close()


def _arrival(arrived: Arrivals, incidents: Sequence[str]) -> tuple[float, float]:
    """When the request about one of the incidents came; what is told of others may come between."""
    while True:
        at, busy, incident = arrived.get(timeout=PATIENCE)
        if incident in incidents:
            return at, busy


@contextmanager
def _receiver() -> Iterator[tuple[int, Arrivals]]:
    arrived: Arrivals = queue.Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            at, busy, body = (
                time.perf_counter(),
                time.process_time(),
                self.rfile.read(int(self.headers.get("Content-Length", 0))),
            )
            arrived.put((at, busy, json.loads(body)["data"]["incident_id"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port, arrived
    finally:
        server.shutdown()
        server.server_close()
