"""Webhooks: what an independent verifier takes, once, and what each refusal means."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import ValidationError

from alerts.channels import webhook
from alerts.channels.contract import ChannelContext, ChannelError, Message, Outcome, Receipt
from alerts.deadline import Deadline
from tests.alerts.examples import page
from tests.alerts.stage import SECRET, Stage
from tests.servers.platform import Fault, Reply
from tests.servers.webhooks import Receiver


def signing(text: str) -> str:
    return f"whsec_{base64.b64encode(text.encode().ljust(24, b'.')).decode()}"


OLD, NEW = signing("the secret until now"), signing("the secret from now on")


@contextmanager
def stage() -> Iterator[Stage]:
    """A receiver for the conformance suite."""
    with Receiver(signing(SECRET)) as server:
        options = {"url": {"env": "STAGE_URL"}, "secret": {"env": "STAGE_SIGNING"}}
        yield Stage(
            options=options,
            received=lambda: list(server.taken),
            trouble=server.trouble,
            environment={
                "STAGE_URL": server.address,
                "STAGE_SIGNING": signing(SECRET),
                "STAGE_NOWHERE": f"http://127.0.0.1:1/{SECRET}",
            },
            unreachable={**options, "url": {"env": "STAGE_NOWHERE"}},
        )


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with Receiver(OLD) as running:
        monkeypatch.setenv("HOOK_URL", running.address)
        monkeypatch.setenv("HOOK_OLD", OLD)
        monkeypatch.setenv("HOOK_NEW", NEW)
        yield running


def channel(**options: Any) -> webhook.WebhookChannel:
    usual = {"url": {"env": "HOOK_URL"}, "secret": {"env": "HOOK_OLD"}}
    return webhook.build(webhook.Options.model_validate({**usual, **options}), ChannelContext("hook"))


def send(name: str = "d1", **options: Any) -> Receipt:
    return channel(**options).send(Message(name, "receiver", page()), Deadline(60))


def failure(**options: Any) -> ChannelError:
    with pytest.raises(ChannelError) as raised:
        send(**options)
    return raised.value


def test_an_alert_is_signed_json_with_everything(server: Receiver) -> None:
    assert send().remote_id == "d1"
    event = server.taken["d1"]
    assert event["type"] == "alert.opened"
    assert event["data"]["page"]["observed"] == 388
    assert event["data"]["page"]["curve"]["bin_seconds"] == 900
    assert "WHERE IT BEGAN" in event["data"]["text"]


def test_a_repeat_has_the_same_id_and_is_kept_once(server: Receiver) -> None:
    send()
    send()
    assert (len(server.requests), len(server.taken)) == (2, 1)


@pytest.mark.parametrize("known", [OLD, NEW])
def test_while_a_secret_is_replaced_both_are_good(known: str, server: Receiver) -> None:
    with Receiver(known) as other, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOOK_URL", other.address)
        send(next_secret={"env": "HOOK_NEW"})
        assert list(other.taken) == ["d1"]


def test_another_secret_is_refused_and_the_operators_to_mend(server: Receiver) -> None:
    error = failure(secret={"env": "HOOK_NEW"})
    assert (error.outcome, error.whole_channel) == (Outcome.BROKEN, True)
    assert server.taken == {}


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ("whsec_c2hvcnQ=", "at least 24 random bytes; this one has 5"),
        (OLD.removeprefix("whsec_"), "begins with whsec_"),
        ("whsec_***", "followed by base64"),
    ],
)
def test_a_weak_secret_signs_nothing(server: Receiver, monkeypatch: pytest.MonkeyPatch, secret: str, said: str) -> None:
    monkeypatch.setenv("HOOK_OLD", secret)
    error = failure()
    assert said in str(error)
    assert "$HOOK_OLD" in str(error)
    assert secret not in str(error)
    assert server.requests == []


@pytest.mark.parametrize(
    ("reply", "outcome", "wait"),
    [
        (Reply(302, b"", {"Location": "http://169.254.169.254/"}), Outcome.BROKEN, None),
        (Reply(410, b"gone"), Outcome.BROKEN, None),
        (Reply(404), Outcome.BROKEN, None),
        (Reply(400, b"what?"), Outcome.REFUSED, None),
        (Reply(425), Outcome.NOT_DELIVERED, None),
        (Reply(429, b"", {"Retry-After": "90"}), Outcome.NOT_DELIVERED, 90),
        (Reply(502), Outcome.AMBIGUOUS, None),
    ],
)
def test_a_failure_says_what_is_known(server: Receiver, reply: Reply, outcome: Outcome, wait: float | None) -> None:
    server.script(Fault(reply))
    error = failure()
    assert (error.outcome, error.retry_after) == (outcome, wait)
    assert len(server.requests) == 1


def test_an_answer_without_end_is_cut(server: Receiver) -> None:
    server.script(Fault(Reply(200), endless=True))
    assert send().remote_id == "d1"


def test_what_is_too_large_goes_out_without_its_posts_and_then_as_a_line(server: Receiver) -> None:
    send("whole")
    server.most = len(server.requests[0].body) - 1
    send()
    assert server.taken["d1"]["data"]["page"]["quotes"] == []
    server.most = 600
    send("d2")
    assert set(server.taken["d2"]["data"]) == {"line", "incident_id", "episode"}


def test_an_echo_of_the_address_shows_no_secret(server: Receiver) -> None:
    server.script(Fault(Reply(403, f"no such hook: {server.address}, {OLD}".encode())))
    said = str(failure())
    assert server.address not in said
    assert OLD not in said
    assert "***" in said


@pytest.mark.parametrize(
    "address", ["ftp://a.example/x", "https://user:word@a.example/", "not an address", "https:///path"]
)
def test_an_address_that_is_none_is_named_by_its_place(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("HOOK_URL", address)
    monkeypatch.setenv("HOOK_OLD", OLD)
    error = failure()
    assert error.outcome is Outcome.BROKEN
    assert "$HOOK_URL" in str(error)
    assert address not in str(error)


def test_a_probe_asks_for_the_head_and_checks_the_secrets(server: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    assert channel().probe(Deadline(60)) == "somebody answers (405); alerts are signed with 1 secret(s)"
    monkeypatch.setenv("HOOK_URL", f"{server.url}/elsewhere")
    with pytest.raises(ChannelError, match="answered 404"):
        channel().probe(Deadline(60))


def test_a_secret_is_not_replaced_by_itself() -> None:
    with pytest.raises(ValidationError, match="name another place"):
        channel(next_secret={"env": "HOOK_OLD"})
