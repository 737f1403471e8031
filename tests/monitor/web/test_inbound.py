"""What comes in with a lock of its own: links in mails, presses in Slack, and PagerDuty's webhooks."""

from __future__ import annotations

import hashlib
import hmac
import html
import json
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from alerts.actions import Action
from alerts.signed_links import SignedLinks
from config.settings import Settings
from monitor.web.desk import Desk
from storage import incidents, silences
from storage.database import Database
from storage.records import Incident, IncidentState
from tests.alerts.examples import page
from tests.monitor.web.desks import application
from tests.servers.slack import TOKEN, Slack
from tests.servers.slack_people import signed
from tests.storage.examples import after, incident

FIRST, SECOND = "01HWRX5Z00AAAAAAAAAAAAAAA1", "01HWRX6Z00BBBBBBBBBBBBBBB2"
READER = "kim@acme.example"
SIGNING = "8f742231b10e8888abcd99yyyzzz85a5"
HOOK = "pagerduty-webhook-secret"
AT = after(minutes=10)


@pytest.fixture
def desk(slack: Slack, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk with two incidents, behind a public address."""
    for name, secret in (("BOT", TOKEN), ("SIGNING", SIGNING), ("KEY", "k" * 32), ("HOOK", HOOK), ("WEB", "w" * 40)):
        monkeypatch.setenv(name, secret)
    slack.people.whispers.clear()
    slack.people.views.clear()
    room = {
        "token": {"env": "BOT"},
        "signing_secret": {"env": "SIGNING"},
        "channels": ["C0ROOM"],
        "base_url": slack.url,
    }
    duty = {"routing_key": {"env": "KEY"}, "webhook_secret": {"env": "HOOK"}}
    chosen = {
        "general": {"public_url": "https://tocsin.example"},
        "web": {"secret": {"env": "WEB"}},
        "brands": [{"name": "Acme"}],
        "channels": [{"type": "slack", **room}, {"type": "pagerduty", "name": "duty", **duty}],
    }
    with sqlite_database.write() as tx:
        for name, headline in ((FIRST, "Parcels are <b>late</b>"), (SECOND, "Parcels are lost")):
            incidents.insert(tx, incident(name, headline=headline))
    return Desk.build(Settings.model_validate(chosen), sqlite_database, lambda: AT)


@pytest.fixture
def stranger(desk: Desk) -> TestClient:
    """Somebody out there, without a session."""
    return TestClient(application(desk), base_url="https://tocsin.example", client=("192.0.2.7", 50_000))


def stored(desk: Desk) -> Incident:
    with desk.database.read() as tx:
        found = incidents.get(tx, FIRST)
    assert found is not None
    return found


def link(desk: Desk, action: Action, at: datetime = AT, **fields: Any) -> str:
    """The path of a link in a mail."""
    said = page(incident_id=FIRST, **fields)
    url = SignedLinks.build(desk.settings, lambda: at).for_reader(said, READER)[action]
    return url.removeprefix("https://tocsin.example")


def text(answer: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


# -- Links in mails ----------------------------------------------------------------------------------------------------


def test_opening_a_link_asks_and_does_nothing(desk: Desk, stranger: TestClient) -> None:
    for _ in range(2):  # as programs do that look into mails
        answer = stranger.get(link(desk, Action.ACKNOWLEDGE))
        assert answer.status_code == 200
    assert "Take it?" in text(answer)
    assert "It is open, and nobody has it." in text(answer)
    assert "You act as kim@acme.example." in text(answer)
    assert "<b>late" not in answer.text
    assert stored(desk).state is IncidentState.OPEN
    with desk.database.read() as tx:
        assert incidents.events(tx, FIRST) == []


def test_confirming_does_it_and_says_who_has_it(desk: Desk, stranger: TestClient) -> None:
    answer = stranger.post(link(desk, Action.ACKNOWLEDGE), data={"note": "on my way"})
    assert answer.status_code == 200
    assert "kim@acme.example has it since 1 May 12:10." in text(answer)
    assert stored(desk).acknowledged_by == f"mail:{READER}"
    again = stranger.post(link(desk, Action.ACKNOWLEDGE), data={})
    assert "Nothing changed" in text(again)


@pytest.mark.parametrize(
    ("action", "fields", "expected"),
    [
        (Action.ANSWERED, {"link": "https://acme.example/sorry"}, "The public answer is on record."),
        (Action.SNOOZE, {"time": "2h"}, "Snoozed until 14:10."),
        (Action.DUPLICATE, {"incident": SECOND}, f"It is over, as a duplicate of {SECOND}."),
        (Action.FALSE_ALARM, {}, "It is over, as a false alarm."),
        (Action.NOTE, {"note": "legal reads"}, "Noted on"),
    ],
)
def test_what_an_action_needs_is_asked_for(
    desk: Desk, stranger: TestClient, action: Action, fields: dict[str, str], expected: str
) -> None:
    form = stranger.get(link(desk, action)).text
    assert all(f'name="{name}"' in form for name in fields)
    assert expected in text(stranger.post(link(desk, action), data=fields))


def test_what_is_wrong_is_said_above_the_form_which_keeps_what_was_written(desk: Desk, stranger: TestClient) -> None:
    answer = stranger.post(link(desk, Action.ANSWERED), data={"link": "ftp://x", "note": "see there"})
    assert answer.status_code == 422
    assert "an address that begins with https://" in text(answer)
    assert "see there" in answer.text
    assert stored(desk).state is IncidentState.OPEN


def test_an_old_or_broken_link_explains_itself(desk: Desk, stranger: TestClient) -> None:
    old = link(desk, Action.ACKNOWLEDGE, AT - timedelta(days=7, seconds=1))
    for path, said in ((old, "older than seven days"), ("/mail/nonsense", "not one of ours")):
        for answer in (stranger.get(path), stranger.post(path, data={})):
            assert answer.status_code == 410
            assert said in text(answer)
    assert stored(desk).state is IncidentState.OPEN


def test_a_snooze_by_mail_is_that_readers(desk: Desk, stranger: TestClient) -> None:
    stranger.post(link(desk, Action.SNOOZE), data={"time": "30m"})
    with desk.database.read() as tx:
        (silence,) = silences.active(tx, AT)
    assert silence.author == f"mail:{READER}"


# -- Slack -------------------------------------------------------------------------------------------------------------


def press(slack: Slack, action: str) -> dict[str, Any]:
    blocks = [
        {
            "type": "actions",
            "elements": [
                {
                    "type": "button",
                    "action_id": f"tocsin_press:{action}",
                    "text": {"text": "It"},
                    "value": f"{action}:{FIRST}",
                }
            ],
        }
    ]
    return slack.people.pressed(blocks, "It", "U0KIM", "C0ROOM", slack.url.replace("/api/", "/response/1"))


def post_press(client: TestClient, payload: dict[str, Any], secret: str = SIGNING, at: datetime = AT) -> Any:
    body, headers = signed(payload, secret, at.timestamp())
    return client.post("/inbound/slack/slack", content=body, headers=headers)


def settle(client: TestClient) -> None:
    desks = client.app.state.slack.desks  # type: ignore[attr-defined]
    assert all(one.drain(10) for one in desks.values())


def test_a_signed_press_acts(desk: Desk, stranger: TestClient, slack: Slack) -> None:
    assert post_press(stranger, press(slack, "acknowledged")).status_code == 200
    settle(stranger)
    assert stored(desk).acknowledged_by == "slack:Kim Berg"


def test_a_form_that_is_wrong_is_answered_with_what_is_wrong(desk: Desk, stranger: TestClient, slack: Slack) -> None:
    post_press(stranger, press(slack, "answered"))
    sent = slack.people.sent(slack.people.view(), "U0KIM", link="nowhere")
    answer = post_press(stranger, sent)
    assert answer.json()["errors"].keys() == {"link"}


@pytest.mark.parametrize("case", ["secret", "old", "future", "body", "timestamp", "again", "name"])
def test_what_slack_did_not_sign_is_401(desk: Desk, stranger: TestClient, slack: Slack, case: str) -> None:
    payload = press(slack, "acknowledged")
    at = AT + {"old": -timedelta(seconds=301), "future": timedelta(seconds=301)}.get(case, timedelta(0))
    body, headers = signed(payload, "wrong" if case == "secret" else SIGNING, at.timestamp())
    body = body + b"&x=\xff" if case == "body" else body
    headers |= {"X-Slack-Request-Timestamp": "now"} if case == "timestamp" else {}
    path = "/inbound/slack/other" if case == "name" else "/inbound/slack/slack"
    if case == "again":
        assert stranger.post(path, content=body, headers=headers).status_code == 200
        settle(stranger)
        with desk.database.write() as tx:
            desk.care.do(tx, FIRST, Action.RELEASE, "Bo", AT)
    assert stranger.post(path, content=body, headers=headers).status_code == 401
    assert stored(desk).state is IncidentState.OPEN


def test_what_is_signed_and_holds_nothing_is_400(stranger: TestClient) -> None:
    body = b"nothing=here"
    stamp = str(int(AT.timestamp()))
    mac = hmac.new(SIGNING.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={mac}"}
    assert stranger.post("/inbound/slack/slack", content=body, headers=headers).status_code == 400


# -- PagerDuty ---------------------------------------------------------------------------------------------------------


def webhook(
    kind: str, *, agent: str = "user_reference", key: str = f"{FIRST}.1", at: str = "2024-05-01T12:10:00.000Z"
) -> bytes:
    event = {
        "id": "5ac64822-4adc-4fda-ade0-410becf0de4f",
        "event_type": kind,
        "resource_type": "incident",
        "occurred_at": at,
        "agent": {"id": "PLH1HKV", "type": agent, "summary": "Tenex Engineer"},
        "data": {"id": "PGR0VU2", "type": "incident", "incident_key": key, "status": "acknowledged"},
    }
    return json.dumps({"event": event}).encode()


def post_webhook(client: TestClient, body: bytes, secret: str = HOOK, name: str = "duty") -> Any:
    mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return client.post(f"/inbound/pagerduty/{name}", content=body, headers={"X-PagerDuty-Signature": f"v1={mac}"})


def test_taken_there_is_taken_here_and_over_there_is_over_here(desk: Desk, stranger: TestClient) -> None:
    for _ in range(2):
        assert post_webhook(stranger, webhook("incident.acknowledged")).status_code == 200
    assert stored(desk).acknowledged_by == "pagerduty:Tenex Engineer"
    post_webhook(stranger, webhook("incident.resolved"))
    assert stored(desk).state is IncidentState.RESOLVED


@pytest.mark.parametrize("agent", ["user_reference", "service_reference"])
def test_an_acknowledgement_that_ran_out_there_is_none_here(desk: Desk, stranger: TestClient, agent: str) -> None:
    post_webhook(stranger, webhook("incident.acknowledged"))
    later = "2099-01-01T00:00:00Z"
    assert post_webhook(stranger, webhook("incident.unacknowledged", agent=agent, at=later)).status_code == 200
    assert (stored(desk).state, stored(desk).acknowledged_by) == (IncidentState.OPEN, None)


def test_one_that_ran_out_before_it_was_taken_anew_changes_nothing(desk: Desk, stranger: TestClient) -> None:
    post_webhook(stranger, webhook("incident.acknowledged"))
    said = post_webhook(stranger, webhook("incident.unacknowledged", at="2001-01-01T00:00:00Z"))
    assert "taken anew" in said.text
    assert stored(desk).state is IncidentState.ACKNOWLEDGED


def test_who_took_it_elsewhere_keeps_it_when_pagerduty_forgets(desk: Desk, stranger: TestClient) -> None:
    with desk.database.write() as tx:
        desk.care.do(tx, FIRST, Action.ACKNOWLEDGE, "slack:Kim", AT)
    said = post_webhook(stranger, webhook("incident.unacknowledged", at="2099-01-01T00:00:00Z"))
    assert "not taken at PagerDuty" in said.text
    assert stored(desk).acknowledged_by == "slack:Kim"


@pytest.mark.parametrize(
    "body",
    [
        webhook("incident.acknowledged", agent="inbound_integration_reference"),
        webhook("incident.annotated"),
        webhook("incident.acknowledged", key="of somebody else"),
        webhook("incident.acknowledged", key=f"{FIRST}.2"),
        webhook("incident.acknowledged", key="unknown.1"),
        b'{"event": null}',
        b"[]",
        b"\xff",
    ],
)
def test_what_is_not_a_persons_doing_on_our_alert_changes_nothing(
    desk: Desk, stranger: TestClient, body: bytes
) -> None:
    assert post_webhook(stranger, body).status_code in (200, 204)
    assert stored(desk).state is IncidentState.OPEN


@pytest.mark.parametrize(("secret", "name"), [("wrong", "duty"), (HOOK, "other"), (HOOK, "slack")])
def test_what_pagerduty_did_not_sign_is_401(desk: Desk, stranger: TestClient, secret: str, name: str) -> None:
    assert post_webhook(stranger, webhook("incident.acknowledged"), secret, name).status_code == 401
    assert stored(desk).state is IncidentState.OPEN
