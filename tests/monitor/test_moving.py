"""An incident that is about another brand of ours: who hears what, what becomes of it, and how it is taken back."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from alerts.page import Page
from alerts.policy import Change
from config.settings import Settings
from monitor import shapes
from monitor.briefing import Briefing
from monitor.care import Action, Care, CareError
from monitor.casework import Asked, Case, decide
from monitor.casework_lines import Work, sentence
from monitor.caseworker import Caseworker
from monitor.incidents import Change as Found
from monitor.register import Finding, Register, Told
from storage import casework as casework_store
from storage import escalations, incidents, outbox
from storage.database import Database, Transaction
from storage.ingest import Intake, write
from storage.records import SYSTEM, Casework, DeliveryState, Incident, IncidentState, Severity
from tests.monitor.cli import letterbox
from tests.monitor.test_care import page_of
from tests.monitor.test_casework import do
from tests.storage.examples import NOON, after, incident, mentioned, post

CRITICAL = Severity.CRITICAL
RESOLVED = IncidentState.RESOLVED


def room(name: str) -> dict[str, Any]:
    return {"type": "letterbox.channel", "name": name, "rooms": [name]}


SETTINGS: dict[str, Any] = {
    "brands": [{"name": "Acme"}, {"name": "Bolt"}],
    "channels": [room("acme"), room("bolt"), room("head")],
    "policies": [
        {"name": "of acme", "steps": [{"delay": "10m", "channels": ["head"]}], "last_resort": ["head"]},
        {"name": "of bolt", "steps": [{"delay": "20m", "channels": ["head"]}], "last_resort": ["head"]},
    ],
    "routes": [
        {"brands": ["Acme"], "channels": ["acme"], "policy": "of acme"},
        {"brands": ["Bolt"], "channels": ["bolt"], "policy": "of bolt"},
    ],
}


@pytest.fixture
def caseworker(monkeypatch: pytest.MonkeyPatch) -> Caseworker:
    """Casework in a house of two brands, each with its own room and its own policy."""
    for name, module in letterbox.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    built = Care.build(Settings.model_validate(SETTINGS))
    return Caseworker(replace(built, brief=lambda _tx, of, at: page_of(of, at)))


def opened(tx: Transaction, caseworker: Caseworker, name: str = "i1", **fields: Any) -> Incident:
    new = incident(name, evidence=(("forum", "1"),), **{"headline": "Acme: ovens catch fire", **fields})
    incidents.insert(tx, new)
    incidents.append_event(tx, name, NOON, "opened")
    caseworker.care.speaker.speak(tx, new, Change.OPENED, page_of(new, NOON), NOON)
    return new


def moved(tx: Transaction, caseworker: Caseworker, name: str = "i1", **asked: Any) -> Incident:
    other = do(tx, caseworker, name, Work.MOVE, **{"brand": "Bolt", **asked}).other
    assert other is not None
    return other


def sent(tx: Transaction) -> None:
    """Everything that is to be sent within half an hour is sent."""
    for item in outbox.claim(tx, after(minutes=25), "sender", timedelta(minutes=1), 50):
        outbox.record(tx, item.id, item.fence, state=DeliveryState.SENT, now=after(minutes=25), remote_id=item.id)


def said(tx: Transaction, name: str) -> list[tuple[str, str, str]]:
    """What was sent or is to be sent about an incident, and where."""
    return [(item.channel, item.reason.value, item.state.value) for item in outbox.history(tx, name)]


def found(tx: Transaction, caseworker: Caseworker, now: Incident, at: datetime) -> None:
    """Detection tells what it knows of an incident now."""

    def brief(_: Transaction, told: Told) -> Page:
        return page_of(told.incident, told.at)

    Register(brief, caseworker.care.speaker.announce).record(tx, [Finding(now)], at)


# -- What may be moved ------------------------------------------------------------------------------------------------

CASE = Case(incident(headline="Acme: ovens catch fire"), brands=("Acme", "Bolt"))


def ask(brand: str, **fields: Any) -> Asked:
    return Asked(Work.MOVE, "Ada", NOON, brand=brand, **fields)


def test_a_headline_that_begins_with_the_brand_begins_with_the_other_one() -> None:
    details = decide(CASE, ask(" bolt "))
    assert details is not None
    assert (details["brand"], details["from"], details["headline"]) == ("Bolt", "Acme", "Bolt: ovens catch fire")
    own = decide(CASE, ask("Bolt", headline="Ovens again"))
    assert own is not None
    assert own["headline"] == "Ovens again"


@pytest.mark.parametrize(
    ("case", "asked", "why"),
    [
        (CASE, ask("Curl"), 'is called "Curl"; there are: Acme, Bolt'),
        (CASE, ask(""), 'is called ""'),
        (replace(CASE, incident=incident(state=RESOLVED)), ask("Bolt"), "is over .resolved.; only what goes on"),
        (replace(CASE, incident=incident(brand=SYSTEM)), ask("Bolt"), "the program's own"),
        (replace(CASE, work=Casework("i1", merged_into="i9"), whole=incident("i9")), ask("Bolt"), "is part of i9"),
    ],
)
def test_what_cannot_be_moved_is_refused_with_the_reason(case: Case, asked: Asked, why: str) -> None:
    with pytest.raises(CareError, match=why):
        decide(case, asked)


def test_what_is_about_the_brand_already_stays_as_it_is() -> None:
    assert decide(CASE, ask("Acme")) is None
    there = replace(CASE, work=Casework("i1", merged_into="i9"), whole=incident("i9", brand="Bolt"))
    assert decide(there, ask("Bolt")) is None


# -- Who hears what ---------------------------------------------------------------------------------------------------


def test_it_ends_for_those_who_were_told_and_opens_for_the_other_brand(
    database: Database, caseworker: Caseworker
) -> None:
    with database.write() as tx:
        opened(tx, caseworker, severity=CRITICAL)
        sent(tx)
        caseworker.care.do(tx, "i1", Action.ACKNOWLEDGE, "Ada", after(minutes=15))
        new = moved(tx, caseworker, note="their oven")
        here, again = incidents.get(tx, "i1"), do(tx, caseworker, "i1", Work.MOVE, brand="Bolt")
        assert said(tx, new.id) == [("bolt", "opened", "pending")]
        assert said(tx, "i1")[-1] == ("acme", "resolved", "pending")
        ends = outbox.history(tx, "i1")[-1].page["changed"]
        assert ends == [f'Ada moved it to Bolt, where it goes on as "Bolt: ovens catch fire" ({new.id}).']
        assert [sentence(event) for event in incidents.events(tx, new.id)] == ["moved it here from Acme (i1)"]
        assert escalations.get(tx, new.id).policy["name"] == "of bolt"  # type: ignore[union-attr]
        assert escalations.get(tx, "i1").next_at is None  # type: ignore[union-attr]
    assert here is not None
    assert (here.state, new.state, new.acknowledged_by) == (RESOLVED, IncidentState.OPEN, None)
    assert (new.brand, new.counted_as, new.severity, new.evidence) == ("Bolt", "Acme", CRITICAL, (("forum", "1"),))
    assert (again.changed, again.other) == (False, new)  # asked twice, moved once


def test_who_had_not_been_told_yet_is_not_told_any_more(database: Database, caseworker: Caseworker) -> None:
    with database.write() as tx:
        opened(tx, caseworker)
        new = moved(tx, caseworker)
        assert said(tx, "i1") == [("acme", "opened", "superseded")]
        assert [channel for channel, _, _ in said(tx, new.id)] == ["bolt"]


def test_it_is_not_moved_to_where_nobody_would_hear_of_it(database: Database, caseworker: Caseworker) -> None:
    routing = caseworker.care.speaker.routing
    alone = replace(routing, routes=routing.routes[:1])
    deaf = Caseworker(replace(caseworker.care, speaker=replace(caseworker.care.speaker, routing=alone)))
    with database.write() as tx:
        opened(tx, deaf)
        sent(tx)
        with pytest.raises(CareError, match=r"nobody would be told of it: no route is for Bolt \(warning\)"):
            moved(tx, deaf)
        assert shapes.stored(tx, "i1").state is IncidentState.OPEN


# -- What becomes of it -----------------------------------------------------------------------------------------------


def test_what_is_found_of_it_later_goes_to_the_other_brand_until_it_is_over(
    database: Database, caseworker: Caseworker
) -> None:
    with database.write() as tx:
        first = opened(tx, caseworker)
        sent(tx)
        new = moved(tx, caseworker)
        sent(tx)
        count = len(outbox.history(tx, "i1"))
        worse = replace(first, severity=CRITICAL, sources=("forum", "plaza"), updated_at=after(minutes=40))
        found(tx, caseworker, worse, after(minutes=40))
        now = shapes.stored(tx, new.id)
        assert (now.severity, now.brand, now.sources) == (CRITICAL, "Bolt", ("forum", "plaza"))
        assert said(tx, new.id)[-1][:2] == ("bolt", "escalated")
        assert len(outbox.history(tx, "i1")) == count  # those of the first brand hear nothing more
        over = replace(worse, state=RESOLVED, resolved_at=after(hours=3))
        found(tx, caseworker, over, after(hours=3))
        assert shapes.stored(tx, new.id).state is RESOLVED
        found(tx, caseworker, replace(worse, episode=2), after(hours=4))
        back = shapes.stored(tx, new.id)
        assert (back.state, back.episode) == (IncidentState.OPEN, 2)
        assert shapes.stored(tx, "i1").state is RESOLVED


def test_when_the_other_brand_ends_it_detection_ends_it_too(database: Database, caseworker: Caseworker) -> None:
    with database.write() as tx:
        opened(tx, caseworker)
        new = moved(tx, caseworker)
        register = Register(lambda _tx, told: page_of(told.incident, told.at), lambda *_: ())
        known = {one.id: one for one in register.stored(tx, ["i1"])}
        assert known["i1"].state.is_live
        assert known["i1"].brand == "Acme"
        caseworker.care.do(tx, new.id, Action.RESOLVE, "Bo", after(minutes=30))
        assert [one.state for one in register.stored(tx, ["i1"]) if one.id == "i1"] == [RESOLVED]


def test_it_can_be_merged_into_an_incident_that_the_other_brand_has_already(
    database: Database, caseworker: Caseworker
) -> None:
    with database.write() as tx:
        opened(tx, caseworker, severity=CRITICAL)
        opened(tx, caseworker, "i2", brand="Bolt", headline="Bolt: smoke", severity=Severity.WARNING)
        new = moved(tx, caseworker)
        do(tx, caseworker, new.id, Work.MERGE, other="i2")
        assert (shapes.survivor(tx, "i1"), shapes.stored(tx, "i2").severity) == ("i2", CRITICAL)
        with pytest.raises(CareError, match="merged or split since; take that back first"):
            do(tx, caseworker, "i1", Work.UNDO)


def test_a_move_that_is_taken_back_ends_it_there_and_goes_on_here(database: Database, caseworker: Caseworker) -> None:
    with database.write() as tx:
        opened(tx, caseworker)
        sent(tx)
        caseworker.care.do(tx, "i1", Action.ACKNOWLEDGE, "Ada", after(minutes=15))
        new = moved(tx, caseworker)
        sent(tx)
        do(tx, caseworker, new.id, Work.UNDO, "Bo", at=after(minutes=30))
        here, there = shapes.stored(tx, "i1"), shapes.stored(tx, new.id)
        assert (here.state, here.acknowledged_by, here.brand) == (IncidentState.ACKNOWLEDGED, "Ada", "Acme")
        assert there.state is RESOLVED
        assert casework_store.is_put_back(casework_store.of(tx, new.id))
        ends, goes_on = outbox.history(tx, new.id)[-1].page, outbox.history(tx, "i1")[-1].page
        assert ends["changed"] == ['Bo took back that it is about Bolt; it goes on as "Acme: ovens catch fire" (i1).']
        assert goes_on["changed"] == ["Bo took back that it is about Bolt."]
        second = moved(tx, caseworker, at=after(minutes=40))
        assert second.id != new.id


def test_a_page_says_where_it_was_found_and_keeps_the_figures_of_that_brand(
    database: Database, caseworker: Caseworker
) -> None:
    at = after(minutes=20)
    with database.write() as tx:
        write(tx, Intake(mentions=[mentioned(post("1", text="The oven burns", created_at=NOON))]))
        opened(tx, caseworker)
        new = moved(tx, caseworker, note="their oven", at=at)
        page = Briefing().page(tx, Told(Found.HELD, new, new, "", at + timedelta(minutes=1)))
    assert (page.brand, page.posts, [quote.text for quote in page.quotes]) == ("Bolt", 1, ["The oven burns"])
    assert page.notes == ("Ada moved it here from Acme, whose posts and figures these are: their oven",)
