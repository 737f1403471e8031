"""`tocsin incidents`: seeing incidents, and saying what people do about them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from storage import incidents, outbox, silences
from storage.database import Database
from storage.records import DeliveryState, IncidentState, Severity
from tests.monitor.cli.conftest import Run
from tests.storage.examples import NOON, after, delivery, incident, signal

FIRST, SECOND = "01HWRX5Z00AAAAAAAAAAAAAAA1", "01HWRX6Z00BBBBBBBBBBBBBBB2"


@pytest.fixture
def known(stored: Database) -> Database:
    """A database with a live incident, and one that is over."""
    with stored.write() as tx:
        incidents.insert(tx, incident(FIRST, headline="Parcels are [late]\x1b[31m", sources=("forum",)))
        incidents.append_event(tx, FIRST, NOON, "opened", details={"why": "forty voices in an hour"})
        incidents.add_signals(tx, FIRST, [signal(facts={"why": "40 voices in an hour, where 5 are usual"})])
        outbox.enqueue(tx, [delivery(incident_id=FIRST, channel="bells", target="hall")])
        over = {"state": IncidentState.RESOLVED, "resolved_at": NOON, "severity": Severity.CRITICAL}
        incidents.insert(tx, incident(SECOND, brand="Bolt", opened_at=after(hours=-5), **over))
    return stored


def test_incidents_are_listed_the_newest_first(tocsin: Run, known: Database) -> None:
    result = tocsin("incidents", "list")
    assert result.exit_code == 0
    lines = [line for line in result.output.splitlines() if line.startswith("01HW")]
    assert [line.split()[0] for line in lines] == [FIRST, SECOND]
    assert "Parcels are [late]\ufffd[31m" in lines[0]
    assert "critical" in lines[1]


def test_live_ones_or_those_of_a_brand_alone(tocsin: Run, known: Database) -> None:
    assert SECOND not in tocsin("incidents", "list", "--live").output
    assert FIRST not in tocsin("incidents", "list", "--brand", "Bolt").output
    assert "No incidents." in tocsin("incidents", "list", "--brand", "Nobody").output


def test_the_list_for_machines_has_an_incident_a_line(tocsin: Run, known: Database) -> None:
    found = [json.loads(line) for line in tocsin("incidents", "list", "--json").output.splitlines()]
    assert [item["id"] for item in found] == [FIRST, SECOND]
    assert found[0]["opened_at"] == "2024-05-01T12:00:00+00:00"
    assert found[1]["severity"] == "critical"


def test_one_incident_is_shown_with_why_timeline_and_messages(tocsin: Run, known: Database) -> None:
    result = tocsin("incidents", "show", FIRST[:12])
    assert result.exit_code == 0
    for words in ("Parcels are [late]", "40 voices in an hour, where 5 are usual", "opened", "bells hall", "pending"):
        assert words in result.output
    assert "\x1b" not in result.output


def test_what_became_of_every_attempt_is_shown(tocsin: Run, known: Database) -> None:
    retry, sent = DeliveryState.RETRY, DeliveryState.SENT
    for minute, state, error in ((1, retry, "no connection to hall"), (2, sent, None)):
        with known.write() as tx:
            (item,) = outbox.claim(tx, after(minutes=minute), "sender", timedelta(seconds=30))
            due = after(minutes=2)
            outbox.record(tx, item.id, item.fence, state=state, now=due, due_at=due, error=error)
    tocsin("incidents", "ack", FIRST)
    result = tocsin("incidents", "show", FIRST, "--no-alternatives")
    assert "Attempts" in result.output
    assert "no connection to hall" in result.output
    clock = "response clock: rang 30 minutes after it began · first message after 2 minutes · taken after 0 seconds"
    assert clock.replace("0 seconds", "1 second") in result.output
    found = json.loads(tocsin("incidents", "show", FIRST, "--json", "--no-alternatives").output)
    assert [one["outcome"] for one in found["attempts"]] == ["retry", "sent"]
    assert found["response"]["seconds"] == {"detected": 1800, "paged": 120, "acknowledged": 0}


def test_one_incident_for_machines(tocsin: Run, known: Database) -> None:
    found = json.loads(tocsin("incidents", "show", FIRST, "--json").output)
    assert found["events"][0]["kind"] == "opened"
    assert found["signals"][0]["observed"] == 40.0
    assert found["deliveries"][0]["target"] == "hall"


def test_an_incident_is_taken_by_the_one_who_asks(tocsin: Run, known: Database) -> None:
    result = tocsin("incidents", "ack", FIRST, "--note", "on it")
    assert result.exit_code == 0
    assert "Ada has it since 1 May 12:00." in result.output
    with known.read() as tx:
        stored = incidents.get(tx, FIRST)
        (*_, event) = incidents.events(tx, FIRST)
    assert stored is not None
    assert (stored.state, stored.acknowledged_by, stored.acknowledged_at) == (IncidentState.ACKNOWLEDGED, "Ada", NOON)
    assert (event.actor, event.details["note"]) == ("Ada", "on it")


def test_taking_it_again_is_said_and_changes_nothing(tocsin: Run, known: Database) -> None:
    tocsin("incidents", "ack", FIRST)
    result = tocsin("incidents", "ack", FIRST, "--by", "Bo")
    assert result.exit_code == 0
    assert "Nothing changed. Ada has it since 1 May 12:00. Your request is on record." in result.output


@pytest.mark.parametrize(
    ("command", "state"),
    [
        ("resolve", IncidentState.RESOLVED),
        ("false-alarm", IncidentState.FALSE_ALARM),
        ("not-about-us", IncidentState.FALSE_ALARM),
    ],
)
def test_an_incident_is_ended(tocsin: Run, known: Database, command: str, state: IncidentState) -> None:
    found = json.loads(tocsin("incidents", command, FIRST, "--by", "Bo", "--json").output)
    assert (found["state"], found["changed"], found["event"]["actor"]) == (state.value, True, "Bo")
    with known.read() as tx:
        stored = incidents.get(tx, FIRST)
    assert stored is not None
    assert stored.state is state


def test_a_note_is_kept(tocsin: Run, known: Database) -> None:
    assert tocsin("incidents", "note", FIRST, "legal has seen it").exit_code == 0
    assert "legal has seen it" in tocsin("incidents", "show", FIRST).output


def test_it_is_snoozed_for_a_while(tocsin: Run, known: Database) -> None:
    assert "Snoozed until 14:00." in tocsin("incidents", "snooze", FIRST, "2h", "--note", "legal reads").output
    assert "snoozed until then already" in tocsin("incidents", "snooze", FIRST, "2h").output
    with known.read() as tx:
        (silence,) = silences.active(tx, NOON)
    assert (silence.author, silence.comment, silence.ends_at) == ("Ada", "legal reads", after(hours=2))


def test_a_public_answer_is_kept_with_its_link(tocsin: Run, known: Database) -> None:
    result = tocsin("incidents", "answered", FIRST, "https://acme.example/sorry")
    assert "The public answer is on record." in result.output
    assert "https://acme.example/sorry" in tocsin("incidents", "show", FIRST).output


def test_it_is_the_same_as_another(tocsin: Run, known: Database) -> None:
    result = tocsin("incidents", "duplicate", FIRST, SECOND[:12])
    assert f"over, as a duplicate of {SECOND}" in " ".join(result.output.split())


def test_it_is_handed_back(tocsin: Run, known: Database) -> None:
    tocsin("incidents", "ack", FIRST)
    assert "open, and nobody has it" in tocsin("incidents", "release", FIRST).output


def test_who_is_told_is_said(tocsin: Run, known: Database) -> None:
    assert "Nobody had been told of it." in tocsin("incidents", "resolve", FIRST).output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "01JX"], 'no incident is called "01JX"'),
        (["show", SECOND[-3:]], "write its first or last 4 letters, or more"),
        (["show", "01HWRX"], "fits 2 incidents"),
        (["ack", SECOND], "is over (resolved), so there is nothing to take"),
        (["note", FIRST, " "], "a note needs words"),
        (["snooze", FIRST, "soon"], '"soon" is not a duration'),
        (["snooze", FIRST, "9d"], "lasts 7 days at most"),
        (["snooze", SECOND, "1h"], "nothing to snooze"),
        (["release", SECOND], "nothing to hand back"),
        (["answered", FIRST, "javascript:alert(1)"], "begins with https://"),
        (["duplicate", FIRST, FIRST], "cannot be a duplicate of itself"),
        (["duplicate", FIRST, "ZZZZ"], 'no incident is called "ZZZZ"'),
    ],
)
def test_what_cannot_be_done_is_one_line(tocsin: Run, known: Database, arguments: list[str], message: str) -> None:
    result = tocsin("incidents", *arguments)
    assert result.exit_code == 1
    assert message in result.output
    assert len(result.output.splitlines()) == 1


def test_a_database_is_not_made_by_looking_for_one(tocsin: Run, configured: Path) -> None:
    result = tocsin("incidents", "list")
    assert result.exit_code == 2
    assert "there is no database at" in result.output
    assert '"tocsin db upgrade" makes it' in result.output
    assert not (configured.parent / "tocsin.db").exists()


def test_open_incidents_go_by_the_policies_of_now(tocsin: Run, known: Database, configured: Path) -> None:
    assert "policy of now" in tocsin("incidents", "apply-policies").output
    text = configured.read_text(encoding="utf-8").replace("[[routes]]", '[[routes]]\npolicy = "night"', 1)
    step = '[[policies.steps]]\ndelay = "10m"\nchannels = ["bells"]\n'
    configured.write_text(f'{text}\n[[policies]]\nname = "night"\nlast_resort = ["bells"]\n{step}', encoding="utf-8")
    said = tocsin("incidents", "apply-policies", "--json")
    assert [json.loads(line)["policy"] for line in said.output.splitlines()] == ["night"]
    configured.write_text(configured.read_text(encoding="utf-8").replace('"10m"', '"30m"'), encoding="utf-8")
    assert tocsin("incidents", "apply-policies").output == f"{FIRST}: night -> night; next step 1 May 12:30\n"
    assert "policy of now" in tocsin("incidents", "apply-policies").output
