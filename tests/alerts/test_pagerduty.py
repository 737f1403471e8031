"""PagerDuty: one alert an episode, whatever is repeated, and what each refusal means."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from alerts.channels import pagerduty
from alerts.channels.contract import ChannelContext, ChannelError, Message, Outcome, Receipt
from alerts.deadline import Deadline
from alerts.page import Page
from storage.records import IncidentState, Reason, Severity
from tests.alerts.examples import NOW, page
from tests.alerts.stage import SECRET, Stage
from tests.servers.pagerduty import KEY, PagerDuty
from tests.servers.platform import Fault, Reply, said


@contextmanager
def stage() -> Iterator[Stage]:
    """PagerDuty for the conformance suite."""
    with PagerDuty(key := SECRET.ljust(32, "0")) as server:
        options = {"routing_key": {"env": "STAGE_KEY"}, "base_url": server.url}
        yield Stage(
            options=options,
            received=server.shown,
            trouble=server.trouble,
            environment={"STAGE_KEY": key},
            unreachable={**options, "base_url": "http://127.0.0.1:1"},
        )


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PagerDuty]:
    monkeypatch.setenv("PD_KEY_FOR_TESTS", KEY)
    with PagerDuty() as running:
        yield running


def channel(server: PagerDuty) -> pagerduty.PagerDutyChannel:
    options = {"routing_key": {"env": "PD_KEY_FOR_TESTS"}, "base_url": server.url}
    return pagerduty.build(pagerduty.Options.model_validate(options), ChannelContext("pager", clock=lambda: NOW))


def send(server: PagerDuty, told: Page, name: str = "d1") -> Receipt:
    return channel(server).send(Message(name, "service", told), Deadline(60))


def failure(server: PagerDuty) -> ChannelError:
    with pytest.raises(ChannelError) as raised:
        send(server, page())
    return raised.value


def test_an_incident_is_one_alert_with_every_fact_and_link(server: PagerDuty) -> None:
    assert send(server, page()).remote_id == "01HR7Q4Z8XK3M2N5P6T7V9W0AB.1"
    (alert,) = server.alerts
    event = alert.events[0]
    assert event["payload"]["severity"] == "critical"
    assert "388 negative voices" in event["payload"]["custom_details"]["Now"]
    assert event["links"][0]["href"].endswith("01HR7Q4Z8XK3M2N5P6T7V9W0AB")
    assert event["payload"]["custom_details"]["delivery_id"] == "d1"


@pytest.mark.parametrize(
    ("severity", "shown"), [(Severity.CRITICAL, "critical"), (Severity.WARNING, "warning"), (Severity.WATCH, "info")]
)
def test_severities_are_those_of_pagerduty(server: PagerDuty, severity: Severity, shown: str) -> None:
    send(server, page(severity=severity))
    assert server.events[0]["payload"]["severity"] == shown


def test_a_repeat_is_no_second_alert(server: PagerDuty) -> None:
    send(server, page())
    send(server, page(), "d1")
    assert len(server.alerts) == 1


def test_what_somebody_took_or_ended_here_is_taken_and_ended_there(server: PagerDuty) -> None:
    send(server, page())
    taken = page(reason=Reason.UPDATE, state=IncidentState.ACKNOWLEDGED, acknowledged_by="Kim", changed=("Kim.",))
    send(server, taken, "d2")
    assert server.alerts[0].status == "acknowledged"
    send(server, page(reason=Reason.RESOLVED, state=IncidentState.RESOLVED, resolved_at=NOW), "d3")
    assert [alert.status for alert in server.alerts] == ["resolved"]


def test_a_new_episode_is_a_new_alert(server: PagerDuty) -> None:
    send(server, page())
    send(server, page(reason=Reason.RESOLVED, state=IncidentState.RESOLVED), "d2")
    send(server, page(episode=2), "d3")
    assert [alert.key[-2:] for alert in server.alerts] == [".1", ".2"]


def test_a_drill_wakes_nobody(server: PagerDuty) -> None:
    send(server, page(drill=True))
    assert server.events[0]["payload"]["severity"] == "info"


def test_an_event_that_is_refused_goes_out_in_one_line(server: PagerDuty) -> None:
    server.script(Fault(said({"status": "invalid event", "message": "no", "errors": ["'links' is invalid"]}, 400)))
    send(server, page())
    (alert,) = server.alerts
    assert "01HR7Q4Z8XK3M2N5P6T7V9W0AB" in alert.summary
    assert set(alert.events[0]["payload"]["custom_details"]) == {"delivery_id"}


def test_an_event_refused_in_every_form_is_given_up(server: PagerDuty) -> None:
    refused = Fault(said({"message": "no", "errors": ["'x' is invalid"]}, 400))
    server.script(refused, refused)
    assert failure(server).outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    ("reply", "outcome", "wait"),
    [
        (Reply(429, b"", {"Retry-After": "7"}), Outcome.NOT_DELIVERED, 7),
        (Reply(429, b"", {"Retry-After": "Tue, 05 Mar 2024 14:20:40 GMT"}), Outcome.NOT_DELIVERED, 40),
        (Reply(429), Outcome.NOT_DELIVERED, 30),
        (Reply(500), Outcome.AMBIGUOUS, None),
        (Reply(503, b"", {"Retry-After": "4"}), Outcome.AMBIGUOUS, 4),
        (Reply(202, b"<html>"), Outcome.AMBIGUOUS, None),
        (Reply(302, b"", {"Location": "http://127.0.0.1:1/"}), Outcome.BROKEN, None),
        (Reply(403, f"key {KEY}?".encode()), Outcome.BROKEN, None),
    ],
)
def test_a_failure_says_what_is_known(server: PagerDuty, reply: Reply, outcome: Outcome, wait: float | None) -> None:
    server.script(Fault(reply))
    error = failure(server)
    assert (error.outcome, error.retry_after) == (outcome, wait)
    assert KEY not in str(error)


def test_a_wrong_key_is_the_operators_to_mend(server: PagerDuty, monkeypatch: pytest.MonkeyPatch) -> None:
    assert channel(server).probe(Deadline(60)).endswith("takes events with this key")
    monkeypatch.setenv("PD_KEY_FOR_TESTS", "f" * 32)
    with pytest.raises(ChannelError, match="check the integration key") as raised:
        channel(server).probe(Deadline(60))
    assert (raised.value.outcome, raised.value.whole_channel) == (Outcome.BROKEN, True)
    assert server.alerts == []


def test_what_an_outsider_wrote_stays_within_the_limits(server: PagerDuty) -> None:
    quote: Any = replace(page().quotes[0], text="x" * 9000, url="https://e.example/" + "a" * 3000)
    send(server, page(headline="y" * 5000, quotes=(quote,) * 300, why=("z" * 4000,) * 100))
    assert len(server.requests) == 1
