"""Slack's incoming webhooks: a message an alert, nothing edited, and what each refusal means."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import ValidationError

from alerts.channels import slack_webhook
from alerts.channels.contract import ChannelContext, ChannelError, Message, Outcome, Receipt
from alerts.deadline import Deadline
from alerts.page import Page
from storage.records import Reason
from tests.alerts.examples import NOW, page
from tests.alerts.stage import SECRET, Stage
from tests.servers.platform import Fault, Reply
from tests.servers.webhooks import IncomingWebhook


@contextmanager
def stage() -> Iterator[Stage]:
    """An incoming webhook for the conformance suite."""
    with IncomingWebhook(SECRET) as server:
        yield Stage(
            options={"url": {"env": "STAGE_URL"}},
            received=server.shown,
            trouble=server.trouble,
            environment={"STAGE_URL": server.address, "STAGE_NOWHERE": f"http://127.0.0.1:1/{SECRET}"},
            unreachable={"url": {"env": "STAGE_NOWHERE"}},
        )


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[IncomingWebhook]:
    with IncomingWebhook() as running:
        monkeypatch.setenv("SLACK_HOOK", running.address)
        yield running


def channel(**options: Any) -> slack_webhook.SlackWebhookChannel:
    usual = {"url": {"env": "SLACK_HOOK"}}
    return slack_webhook.build(
        slack_webhook.Options.model_validate({**usual, **options}), ChannelContext("hook", clock=lambda: NOW)
    )


def send(told: Page, name: str = "d1", **options: Any) -> Receipt:
    return channel(**options).send(Message(name, "channel", told), Deadline(60))


def test_a_beginning_is_told_whole_and_an_update_by_what_is_new(server: IncomingWebhook) -> None:
    send(page())
    send(page(reason=Reason.UPDATE, changed=("It has reached twitter.",)), "d2")
    first, second = map(json.dumps, server.messages)
    assert "Where it began" in first
    assert "It has reached twitter." in second
    assert "Where it began" not in second


def test_people_are_called_when_it_rings_and_not_in_a_drill(server: IncomingWebhook) -> None:
    called = {"mentions": {"critical": ["here"]}}
    send(page(), **called)
    send(page(reason=Reason.UPDATE, changed=("More.",)), "d2", **called)
    send(page(drill=True), "d3", **called)
    assert ["<!here>" in json.dumps(sent) for sent in server.messages] == [True, False, False]


def test_blocks_that_slack_refuses_are_followed_by_text(server: IncomingWebhook) -> None:
    server.script(Fault(Reply(400, b"invalid_blocks")))
    send(page())
    (sent,) = server.messages
    assert "blocks" not in sent
    assert "388 negative voices" in sent["text"]


@pytest.mark.parametrize(
    ("reply", "outcome", "wait"),
    [
        (Reply(429, b"rate_limited", {"Retry-After": "12"}), Outcome.NOT_DELIVERED, 12),
        (Reply(429, b"rate_limited"), Outcome.NOT_DELIVERED, 30),
        (Reply(500, b"rollup_error"), Outcome.AMBIGUOUS, None),
        (Reply(200, b"<html>"), Outcome.AMBIGUOUS, None),
        (Reply(403, b"action_prohibited"), Outcome.BROKEN, None),
        (Reply(404, b"no_service"), Outcome.BROKEN, None),
        (Reply(410, b"channel_is_archived"), Outcome.BROKEN, None),
        (Reply(302, b""), Outcome.BROKEN, None),
    ],
)
def test_a_failure_says_what_is_known(
    server: IncomingWebhook, reply: Reply, outcome: Outcome, wait: float | None
) -> None:
    server.script(Fault(reply))
    with pytest.raises(ChannelError) as raised:
        send(page())
    assert (raised.value.outcome, raised.value.retry_after) == (outcome, wait)
    assert server.token not in str(raised.value)


def test_a_probe_posts_nothing_and_knows_a_wrong_address(
    server: IncomingWebhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert channel().probe(Deadline(60)) == "Slack knows this webhook"
    monkeypatch.setenv("SLACK_HOOK", f"{server.url}{server.path}other")
    with pytest.raises(ChannelError, match="copy the webhook's address again"):
        channel().probe(Deadline(60))
    assert server.messages == []


def test_who_calls_nobody_is_refused() -> None:
    with pytest.raises(ValidationError, match="calls nobody"):
        channel(mentions={"critical": ["@kim"]})
