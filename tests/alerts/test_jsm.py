"""Jira Service Management: one alert an episode, taken and closed with the incident, and what each refusal means."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from alerts.channels import jsm
from alerts.channels.contract import ChannelContext, ChannelError, Message, Outcome, Receipt
from alerts.deadline import Deadline
from alerts.page import Page
from storage.records import IncidentState, Reason, Severity
from tests.alerts.examples import NOW, page
from tests.alerts.stage import SECRET, Stage
from tests.servers.jsm import KEY, Jsm
from tests.servers.platform import Fault, Reply, said


@contextmanager
def stage() -> Iterator[Stage]:
    """An integration for the conformance suite."""
    with Jsm(SECRET) as server:
        options = {"api_key": {"env": "STAGE_KEY"}, "base_url": server.url}
        yield Stage(
            options=options,
            received=lambda: [name for name in server.taken if name],
            trouble=server.trouble,
            environment={"STAGE_KEY": SECRET},
            unreachable={**options, "base_url": "http://127.0.0.1:1"},
        )


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Jsm]:
    monkeypatch.setenv("JSM_KEY", KEY)
    with Jsm() as running:
        yield running


def channel(server: Jsm) -> jsm.JsmChannel:
    options = jsm.Options.model_validate({"api_key": {"env": "JSM_KEY"}, "base_url": server.url})
    return jsm.build(options, ChannelContext("jsm", clock=lambda: NOW))


def send(server: Jsm, told: Page, name: str = "d1") -> Receipt:
    return channel(server).send(Message(name, "team", told), Deadline(60))


def test_an_incident_is_one_alert_with_every_fact(server: Jsm) -> None:
    assert send(server, page()).remote_id == "r-1"
    (alert,) = server.alerts
    assert alert.alias == "01HR7Q4Z8XK3M2N5P6T7V9W0AB.1"
    assert alert.sent["priority"] == "P1"
    assert "388 negative voices" in alert.sent["details"]["Now"]
    assert "WHERE IT BEGAN" in alert.sent["description"]
    assert alert.sent["tags"] == ["tocsin", "critical", "legal_threat"]


@pytest.mark.parametrize(("severity", "shown"), [(Severity.WARNING, "P2"), (Severity.WATCH, "P4")])
def test_a_severity_is_told_as_a_priority(server: Jsm, severity: Severity, shown: str) -> None:
    send(server, page(severity=severity))
    assert server.alerts[0].sent["priority"] == shown


def test_a_repeat_is_no_second_alert(server: Jsm) -> None:
    send(server, page())
    send(server, page())
    assert [alert.count for alert in server.alerts] == [2]


def test_what_is_new_is_noted_taken_and_closed(server: Jsm) -> None:
    send(server, page())
    send(server, page(reason=Reason.UPDATE, changed=("It has reached twitter.",)), "d2")
    taken = page(
        reason=Reason.UPDATE, state=IncidentState.ACKNOWLEDGED, acknowledged_by="Kim", changed=("Kim has it.",)
    )
    send(server, taken, "d3")
    (alert,) = server.alerts
    assert alert.is_taken
    assert "It has reached twitter." in alert.notes[0]
    send(server, page(reason=Reason.RESOLVED, state=IncidentState.RESOLVED, resolved_at=NOW), "d4")
    assert (alert.status, len(alert.notes), server.taken) == ("closed", 3, ["d1", "d2", "d3", "d4"])


def test_what_got_worse_is_the_same_alert_again(server: Jsm) -> None:
    send(server, page(severity=Severity.WARNING))
    send(server, page(reason=Reason.ESCALATED), "d2")
    assert [alert.count for alert in server.alerts] == [2]


def test_an_alert_that_is_refused_goes_out_in_one_line(server: Jsm) -> None:
    server.script(Fault(said({"message": "Request body is not processable.", "errors": {"details": "no"}}, 422)))
    send(server, page())
    assert "description" not in server.alerts[0].sent


@pytest.mark.parametrize(
    ("reply", "outcome", "wait"),
    [
        (Reply(429, b"", {"Retry-After": "9"}), Outcome.NOT_DELIVERED, 9),
        (Reply(429), Outcome.NOT_DELIVERED, 30),
        (said({"message": "Could not authenticate"}, 401), Outcome.BROKEN, None),
        (said({"message": f"You are not authorized: {KEY}"}, 403), Outcome.BROKEN, None),
        (Reply(503), Outcome.AMBIGUOUS, None),
        (Reply(202, b"<html>"), Outcome.AMBIGUOUS, None),
    ],
)
def test_a_failure_says_what_is_known(server: Jsm, reply: Reply, outcome: Outcome, wait: float | None) -> None:
    server.script(Fault(reply))
    with pytest.raises(ChannelError) as raised:
        send(server, page())
    assert (raised.value.outcome, raised.value.retry_after) == (outcome, wait)
    assert KEY not in str(raised.value)


def test_a_probe_shows_nobody_anything(server: Jsm, monkeypatch: pytest.MonkeyPatch) -> None:
    assert channel(server).probe(Deadline(60)).endswith("takes alerts with this key")
    monkeypatch.setenv("JSM_KEY", "another")
    with pytest.raises(ChannelError, match="check the integration's key"):
        channel(server).probe(Deadline(60))
    assert server.alerts == []


def test_what_an_outsider_wrote_stays_within_the_limits(server: Jsm) -> None:
    quote: Any = replace(page().quotes[0], text="x" * 9000, author="y" * 900)
    send(server, page(headline="y" * 5000, quotes=(quote,) * 300, why=("z" * 4000,) * 100, kind="k" * 50))
    send(server, page(reason=Reason.UPDATE, changed=("z" * 9000,) * 100), "d2")
    assert len(server.requests) == 2
