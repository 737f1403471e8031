"""The API: what programs get, that it is as its description says, and that nothing makes it fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest

from config.settings import SourceSettings
from monitor.casework import DOABLE
from monitor.web import live
from monitor.web.api.work import Doable
from monitor.web.cursors import encoded
from monitor.web.desk import Desk
from storage import audit, incidents, outbox, schedule, silences
from storage.database import Database
from storage.ingest import Intake, write
from storage.records import DeliveryState, IncidentState
from tests.monitor.web.desks import NOW, browser, desk
from tests.storage.examples import delivery, incident, mentioned, post

HALF = "\ud800"
"""Half of a surrogate pair."""
ID = "01JXAAAAAAAAAAAAAAAAAAAAAA"


@pytest.fixture
def of() -> Iterator[Desk]:
    """A desk with three incidents and a few posts of one thread."""
    with desk() as made:
        fill(made)
        yield made


def fill(made: Desk) -> None:
    posts = [
        post(external_id=f"p{n}", thread_id="p0", created_at=NOW - timedelta(minutes=n), text=f"word{n} same")
        for n in range(5)
    ]
    with made.database.write() as tx:
        write(tx, Intake(mentions=[mentioned(one) for one in posts]))
        for number in range(3):
            name, at = f"{ID[:-1]}{number}", NOW - timedelta(hours=number)
            one = incident(name, opened_at=at, began_at=at, updated_at=at)
            incidents.insert(tx, one)


def test_lists_go_on_to_their_end(of: Desk) -> None:
    client = browser(of)
    for path, key in (("incidents", "id"), ("posts", "external_id"), ("posts?q=same", "external_id")):
        found, address = [], f"/api/v1/{path}{'&' if '?' in path else '?'}limit=2"
        following: str | None = ""
        while following is not None:
            answer = client.get(f"{address}&before={following}").json()
            found += [one[key] for one in answer["items"]]
            following = answer["next"]
        assert len(found) == len(set(found)) == (3 if key == "id" else 5)


def test_an_incident_that_is_known_is_not_sent_again(of: Desk) -> None:
    client = browser(of)
    first = client.get(f"/api/v1/incidents/{ID[:-1]}0")
    again = client.get(f"/api/v1/incidents/{ID[:-1]}0", headers={"if-none-match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


def test_an_action_is_done_and_on_record(of: Desk) -> None:
    client = browser(of)
    url = f"/api/v1/incidents/{ID[:-1]}0/actions"
    done = client.post(url, json={"action": "acknowledged", "note": "mine"}).json()
    again = client.post(url, json={"action": "acknowledged"}).json()
    assert (done["changed"], done["incident"]["state"], again["changed"]) == (True, "acknowledged", False)
    events = client.get(f"/api/v1/incidents/{ID[:-1]}0/timeline").json()["events"]
    assert [event["kind"] for event in events] == ["acknowledged", "acknowledged"]
    with of.database.read() as tx:
        assert [line.action for line in audit.recent(tx)] == ["acknowledged", "acknowledged"]


def test_work_is_done_shown_taken_back_and_on_record(of: Desk) -> None:
    client = browser(of)
    first, second = (f"/api/v1/incidents/{ID[:-1]}{number}" for number in (0, 1))
    client.post(f"{first}/work", json={"work": "tagged", "tags": ["Recall"]})
    done = client.post(f"{first}/work", json={"work": "assigned", "to": "Bo", "seen": 1}).json()
    assert (done["changed"], done["line"], done["incident"]["assigned_to"]) == (True, 2, "Bo")
    merged = client.post(f"{second}/work", json={"work": "merged", "other": f"{ID[:-1]}0"}).json()
    assert (merged["incident"]["merged_into"], merged["other"]["tags"]) == (f"{ID[:-1]}0", ["recall"])
    listed = client.get("/api/v1/incidents?tag=Recall&assigned_to=Bo").json()["items"]
    assert [one["id"] for one in listed] == [f"{ID[:-1]}0"]
    late = client.post(f"{first}/work", json={"work": "assigned", "to": "Cy", "seen": 1})
    assert (late.status_code, "look at it and try again" in late.json()["detail"]) == (409, True)
    back = client.post(f"{second}/work", json={"work": "undone"}).json()
    assert (back["incident"]["state"], back["incident"]["merged_into"]) == ("open", None)
    with of.database.read() as tx:
        assert [line.action for line in audit.recent(tx)][:2] == ["undone", "merged"]


def test_what_can_be_asked_for_is_what_can_be_done() -> None:
    assert set(get_args(Doable)) == {work.value for work in DOABLE}


def test_what_makes_no_sense_is_a_conflict_that_says_why(of: Desk) -> None:
    client = browser(of)
    url = f"/api/v1/incidents/{ID[:-1]}1/actions"
    client.post(url, json={"action": "resolved"})
    answer = client.post(url, json={"action": "acknowledged"})
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    assert "is over" in answer.json()["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "incidents?before=nonsense",
        "incidents?before=WzEsMl0",
        "posts?before=WyJhIiwiYiJd",
        "posts?color=red",
        "pulse?brand=Acme&every=7",
        "pulse?brand=Acme&since=2024-01-02T00:00:00Z&until=2024-01-01T00:00:00Z",
        "posts?since=2024-01-01T00:00:00",
        f"incidents?before={encoded(NOW.isoformat(), HALF)}",
        f"incidents?before={encoded(NOW.isoformat(), chr(0))}",
        f"incidents?before={encoded('0001-01-01T00:00:00+14:00', 'i1')}",
        f"posts?before={encoded(1, '9999-12-31T23:59:59-14:00')}",
    ],
)
def test_what_cannot_be_read_is_refused(of: Desk, path: str) -> None:
    answer = browser(of).get(f"/api/v1/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["detail"]


@pytest.mark.parametrize("path", ["gaps", "pulse", "posts", "incidents"])
@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
@pytest.mark.parametrize("end", ["since", "until"])
def test_the_ends_of_the_calendar_are_asked_for_without_harm(of: Desk, path: str, at: str, end: str) -> None:
    asked = {end: at} | ({"brand": "Acme"} if path == "pulse" else {})
    assert browser(of).get(f"/api/v1/{path}", params=asked).status_code in (200, 422)


def test_a_silence_is_made_and_ended(of: Desk) -> None:
    client = browser(of)
    wanted = {"ends_at": (NOW + timedelta(hours=1)).isoformat(), "comment": "maintenance", "brand": "Acme"}
    made = client.post("/api/v1/silences", json=wanted)
    assert made.status_code == 201
    assert [one["id"] for one in client.get("/api/v1/silences").json()] == [made.json()["id"]]
    assert client.delete(f"/api/v1/silences/{made.json()['id']}").status_code == 200
    assert client.delete(f"/api/v1/silences/{made.json()['id']}").status_code == 404
    with of.database.read() as tx:
        assert silences.active(tx, NOW) == []
    late = client.post("/api/v1/silences", json={**wanted, "ends_at": (NOW + timedelta(days=31)).isoformat()})
    assert late.status_code == 422


def test_a_stream_tells_what_changed_since_it_broke_off(of: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOKS_EVERY", 0)
    of.stopping.set()  # it ends after its first look
    start = browser(of)
    known = start.get(f"/api/v1/incidents/{ID[:-1]}2").json()
    with of.database.write() as tx:
        one = incidents.get(tx, f"{ID[:-1]}2")
        assert one is not None
        incidents.update(tx, replace(one, state=IncidentState.RESOLVED, version=2, updated_at=NOW), 1)
    last = encoded((NOW - timedelta(hours=1)).isoformat(), f"{ID[:-1]}1")
    text = start.get("/api/v1/events", headers={"last-event-id": last}).text
    told = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    assert known["state"] == "open"
    assert "event: line" not in text
    assert [(one["id"], one["state"]) for one in told] == [(f"{ID[:-1]}0", "open"), (f"{ID[:-1]}2", "resolved")]


def test_a_stream_tells_what_people_wrote(of: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOKS_EVERY", 0)
    of.stopping.set()
    later = NOW + timedelta(hours=1)
    with of.database.write() as tx:
        for note in ("calling legal", "legal says no"):
            incidents.append_event(tx, f"{ID[:-1]}1", later, "note", "slack:Kim", {"note": note})
        incidents.append_event(tx, f"{ID[:-1]}1", later, "updated")
    start = browser(of)
    text = start.get("/api/v1/events", headers={"last-event-id": encoded(NOW.isoformat(), "Z")}).text
    numbers = [line[4:] for line in text.splitlines() if line.startswith("id: ")]
    told = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    assert text.count("event: line") == 2
    assert [(one["incident_id"], one["details"]["note"]) for one in told] == [
        (f"{ID[:-1]}1", "calling legal"),
        (f"{ID[:-1]}1", "legal says no"),
    ]
    rest = start.get("/api/v1/events", headers={"last-event-id": numbers[0]}).text
    assert rest.count("data: ") == 1
    assert "legal says no" in rest


def test_figures_are_there_for_prometheus(of: Desk) -> None:
    text = browser(of).get("/metrics").text
    assert 'tocsin_incidents_live{severity="critical"}' in text
    assert "tocsin_posts_stored_total 5.0" in text
    assert ("process_resident_memory_bytes" in text) == Path("/proc/self/stat").exists()


def test_a_message_that_a_silence_holds_back_keeps_nobody_waiting(of: Desk) -> None:
    named = {"incident_id": f"{ID[:-1]}0", "first_due_at": NOW - timedelta(hours=8)}
    held = delivery(**named, due_at=NOW + timedelta(hours=2))
    tried = delivery(2, **named, due_at=NOW + timedelta(minutes=2), state=DeliveryState.RETRY)
    for item, seconds in ((held, 0.0), (tried, 28_800.0)):
        with of.database.write() as tx:
            outbox.enqueue(tx, [item])
        assert f"tocsin_delivery_oldest_due_seconds {seconds}" in browser(of).get("/metrics").text


def test_prometheus_is_told_when_a_source_is_to_be_read_next(of: Desk) -> None:
    of.settings.sources.append(SourceSettings(type="hackernews"))
    with of.database.write() as tx:
        schedule.plan(tx, "hackernews", timedelta(hours=6), NOW)
    text = browser(of).get("/metrics").text
    (told,) = [line.split()[1] for line in text.splitlines() if line.startswith("tocsin_source_due_seconds{")]
    assert float(told) == NOW.timestamp()


def test_the_api_is_as_it_says_and_nothing_makes_it_fail() -> None:
    from benchmarks import conformance  # which takes longer to import than most tests to run

    with Database.open("sqlite://") as database:
        tried = conformance.desk(database)
        fill(tried)
        found = conformance.conformance(tried, examples=4)
    assert len(found) > 15
    assert [wrong for wrong in found if wrong[1]] == []
