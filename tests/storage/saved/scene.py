"""A small life, with something in every table: what the saved databases hold.

Whoever adds a table puts something into it here.
"""

from __future__ import annotations

from datetime import timedelta

from storage import (
    accounts,
    audit,
    buckets,
    casework,
    corrections,
    erasure,
    escalations,
    inbox,
    incidents,
    instances,
    leases,
    outbox,
    pictures,
    saved_views,
    schedule,
    shards,
    silences,
    spending,
    state,
)
from storage.buckets import Bucket, Spares
from storage.corrections import Correction
from storage.database import Transaction
from storage.ingest import Intake, write
from storage.instances import Instance
from storage.pictures import Picture, PictureState
from storage.records import (
    Casework,
    CollectorRun,
    CorrectedLabel,
    Cursor,
    DeliveryState,
    Engagement,
    EngagementSample,
    Escalation,
    Gap,
    GapCause,
    IncidentState,
    Label,
    Reason,
    RunOutcome,
    SetAside,
    Severity,
    Silence,
    Spent,
    Stage,
)
from storage.saved_views import SavedView
from tests.storage.examples import NOON, after, alert, delivery, incident, mentioned, post, signal

COOKIE, TOKEN = "a cookie of the tests", "a token of the tests"


def fill(tx: Transaction) -> None:
    """Write it into an empty database."""
    _what_was_read(tx)
    _how_it_was_read(tx)
    _what_it_came_to(tx)
    _who_was_told(tx)
    _who_comes_in(tx)


def _what_was_read(tx: Transaction) -> None:
    root = post(
        "1",
        title="Parcels",
        text="Acme's parcels are late, says \u201cJo\u201d \u2013 \u914d\u9001\u304c\u9045\u3044",
        author="ann",
        author_reach=90,
    )
    edited = post("2", text="Acme answers", edited_at=after(minutes=9), collected_at=after(minutes=10), thread_id="1")
    first = post("2", text="Acme is silent", collected_at=after(minutes=2), thread_id="1")
    gone = post("3", text="Acme, call 555 01 99", author="leaver")
    plain = post("4", text="a post about nobody", brands=("Acme",), engagement=Engagement(likes=3))
    write(
        tx,
        Intake(
            posts=[plain],
            mentions=[
                mentioned(root, uncertainty=0.2),
                mentioned(first),
                mentioned(edited, label=Label.UNSCORED),
                mentioned(root, brand="Bolt", label=Label.POSITIVE),
                mentioned(gone),
            ],
            samples=[
                EngagementSample("forum", "1", after(minutes=5), Engagement(likes=1, replies=4)),
                EngagementSample("forum", "1", after(minutes=7), Engagement(likes=2, replies=5)),
            ],
            cursor=Cursor("forum", {"since": 4, "seen": ["1", "2"]}, after(minutes=10)),
            gaps=[
                Gap("forum", after(hours=-2), after(hours=-1), "refused: 429", 0.5, None, GapCause.FAILURE),
                Gap("forum", after(hours=-5), after(hours=-4), "capped", filled_at=NOON),
            ],
            set_aside=[SetAside("forum", "page 2", "no time", "h1", Stage.READ, NOON, b"{\x00}")],
            run=CollectorRun("forum", NOON, after(seconds=2), RunOutcome.PARTIAL, 4, 4, 2, "429", True, 3),
        ),
    )
    erasure.erase(tx, [("forum", "3")], after(hours=1), "deleted")
    corrections.add(
        tx, Correction("c1", "forum", "1", "Acme", "a1", True, CorrectedLabel.NEUTRAL, after(hours=1), "Kim", "a joke")
    )
    corrections.undo(tx, "c1", after(hours=2), "Bo")


def _how_it_was_read(tx: Transaction) -> None:
    shards.plan(tx, "import:one", [{"path": "RC_2023-11.zst", "size": 9, "start": 0, "end": None}])
    part = shards.take(tx, "import:one", 0, "a worker")
    assert part is not None
    shards.advance(tx, part, {"rows": 7, "left_out": {"no time": 1}}, NOON)
    schedule.plan(tx, "forum", timedelta(minutes=5), NOON)
    schedule.finish(tx, "forum", CollectorRun("forum", after(minutes=5), after(minutes=6), RunOutcome.FAILED), NOON)
    spending.add(tx, Spent("forum", NOON.date(), 12, 40, 0.25))
    inbox.accept(tx, "hook", "m1", "digest", [{"external_id": "9", "text": "Acme by post"}], NOON)
    state.save(tx, "fold", NOON, b"\x00\x01state")
    leases.acquire(tx, "leader", "one", NOON, timedelta(seconds=10))
    instances.say(tx, Instance("one", NOON, after(seconds=10), "the model is missing"))


def _what_it_came_to(tx: Transaction) -> None:
    over = incident(
        "i0",
        state=IncidentState.RESOLVED,
        opened_at=after(days=-3),
        resolved_at=after(days=-3, hours=2),
        facts={"terms": ["late"], "share": 0.5, "none": None},
    )
    live = incident(
        kind="outage",
        topic="1",
        state=IncidentState.ACKNOWLEDGED,
        acknowledged_by="slack:Kim",
        acknowledged_at=after(minutes=7),
        sources=("forum",),
        origin=("forum", "1"),
        evidence=(("forum", "1"), ("forum", "2")),
    )
    for each in (over, live):
        incidents.insert(tx, each)
    made = Casework("i1", "Kim", ("recall",), (over.id,), headline="Parcels are lost", detected=live)
    casework.save(tx, made)
    incidents.append_event(tx, "i1", NOON, "opened", details={"why": "40 voices in an hour"})
    incidents.append_event(tx, "i1", after(minutes=7), "acknowledged", "slack:Kim", {"note": "calling \u00c5sa"})
    incidents.add_signals(tx, "i1", [signal(facts={"why": "much"}, evidence=(("forum", "1"),), sources=("forum",))])


def _who_was_told(tx: Transaction) -> None:
    incidents.add_alert(tx, alert())
    outbox.enqueue(tx, [delivery(), delivery(2, reason=Reason.ESCALATED, step=1, channel="smtp", target="a@b.example")])
    (held,) = outbox.claim(tx, NOON, "one", timedelta(seconds=30))
    outbox.record(tx, held.id, held.fence, state=DeliveryState.SENT, now=after(seconds=2), remote_id="17.4")
    escalations.save(tx, Escalation("i1", 1, {"name": "press office", "steps": [60]}, 2, after(minutes=20), 1))
    outbox.block_channel(tx, "slack", after(minutes=1), "429")
    pictures.add(tx, Picture("p1", "i1", "slack", "#press", PictureState.SHOWN, "F0123ABCD", after(minutes=5), 40.0))
    buckets.keep(tx, [Bucket("slack", "#press", after(seconds=4), after(seconds=1), Spares.URGENT)])
    silences.add(
        tx, Silence("s1", NOON, after(hours=4), "Kim", "a launch", "Acme", Severity.WATCH, None, False, "outage", "1")
    )


def _who_comes_in(tx: Transaction) -> None:
    accounts.add(tx, accounts.Account("kim", "responder", NOON, "a hash"))
    accounts.begin_session(tx, COOKIE, "kim", NOON)
    accounts.add_token(tx, TOKEN, accounts.Token("t1", "kim", "responder", "notebook", ("read",), NOON, after(days=90)))
    audit.add(tx, NOON, "kim", "judged", "i0", {"verdict": "real"})
    audit.add(tx, after(minutes=1), "kim", "saved view", "late parcels")
    saved_views.save(tx, SavedView("late parcels", "kim", "brand=Acme&q=late", NOON))
