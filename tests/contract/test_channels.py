"""Every channel that there is holds the contract (alerts/channels/contract.py). Channels are found, not listed."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from alerts.channels.contract import (
    Channel,
    ChannelContext,
    ChannelError,
    ChannelOptions,
    Message,
    OnDoubt,
    Outcome,
    Receipt,
)
from alerts.deadline import Deadline
from alerts.digests import MOST_ENTRIES, digest_page
from alerts.page import Page
from alerts.routing import CHANNELS
from config.plugins import available, resolve
from storage.records import IncidentState, Reason
from tests.alerts.examples import NOW, page
from tests.alerts.stage import SECRET, Stage, Trouble

ROOT = Path(__file__).parents[2]
DOCS, OURS = ROOT / "docs" / "channels", ROOT / "alerts" / "channels"
SECRETIVE = re.compile(r"token|password|secret|(^|_)key$")
GRACE = 2.0


@pytest.fixture(scope="module", params=available(CHANNELS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def shared_stage(name: str) -> Iterator[Stage]:
    """The channel's local server, from the channel's own test."""
    with import_module(f"tests.alerts.test_{name}").stage() as stage:
        yield stage


@pytest.fixture
def stage(shared_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    for variable, value in shared_stage.environment.items():
        monkeypatch.setenv(variable, value)
    return shared_stage


def build(name: str, options: dict[str, Any]) -> Channel:
    module = resolve(CHANNELS, name)
    channel: Channel = module.build(module.Options.model_validate(options), ChannelContext("the channel"))
    return channel


def target(name: str, options: dict[str, Any]) -> str:
    return str(resolve(CHANNELS, name).Options.model_validate(options).targets[0])


def send(name: str, stage: Stage, delivery: str, said: Page | None = None, root: str | None = None) -> Receipt:
    message = Message(delivery, target(name, stage.options), said or page(curve=None), root)
    return build(name, stage.options).send(message, Deadline(10))


def failure(name: str, options: dict[str, Any], delivery: str, seconds: float = 10) -> ChannelError:
    with pytest.raises(ChannelError) as raised:
        build(name, options).send(Message(delivery, target(name, options), page(curve=None)), Deadline(seconds))
    return raised.value


def test_every_channel_of_ours_is_held_to_the_contract() -> None:
    ours = {"slack", "slack_webhook", "smtp", "pagerduty", "jsm", "teams", "discord", "telegram", "webhook", "twilio"}
    assert ours | {"apprise"} == set(available(CHANNELS))


def test_options_are_made_from_the_base_and_refuse_unknown_keys(name: str, stage: Stage) -> None:
    options = resolve(CHANNELS, name).Options
    assert issubclass(options, ChannelOptions)
    with pytest.raises(ValidationError, match="not permitted"):
        options.model_validate({**stage.options, "no_such_key": 1})


def test_every_option_is_explained(name: str) -> None:
    for field, about in resolve(CHANNELS, name).Options.model_fields.items():
        assert about.description, f"{name}.{field} has no docstring"


@pytest.mark.parametrize("shipped", [path.stem for path in OURS.glob("*.py") if path.stem in available(CHANNELS)])
def test_every_option_of_a_channel_of_ours_stands_on_its_page(shipped: str) -> None:
    said = (DOCS / f"{shipped}.md").read_text(encoding="utf-8")
    for field in resolve(CHANNELS, shipped).Options.model_fields:
        assert f"`{field}`" in said, f"docs/channels/{shipped}.md does not name {field}"


def test_secrets_are_given_by_reference_only(name: str, stage: Stage) -> None:
    for field in resolve(CHANNELS, name).Options.model_fields:
        if SECRETIVE.search(field):
            with pytest.raises(ValidationError, match="never written into the configuration"):
                resolve(CHANNELS, name).Options.model_validate({**stage.options, field: SECRET})


def test_it_delivers_somewhere_and_nowhere_twice(name: str, stage: Stage) -> None:
    targets = resolve(CHANNELS, name).Options.model_validate(stage.options).targets
    assert targets
    assert len(set(targets)) == len(targets)


def test_building_it_talks_to_nobody(name: str, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> None:
        raise AssertionError("a connection was made")

    for variable in stage.environment:
        monkeypatch.delenv(variable)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    built = build(name, stage.options)
    assert isinstance(built, Channel)
    assert (built.name, isinstance(built.on_doubt, OnDoubt)) == ("the channel", True)


def test_a_message_arrives_once_and_carries_its_identity(name: str, stage: Stage) -> None:
    receipt = send(name, stage, "arrives")
    assert receipt.remote_id
    assert stage.received().count("arrives") == 1


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_arrives_with_and_without_a_first_message(name: str, stage: Stage, reason: Reason) -> None:
    state = IncidentState.RESOLVED if reason is Reason.RESOLVED else IncidentState.OPEN
    said = page(curve=None, reason=reason, state=state, changed=("Something is new.",))
    root = send(name, stage, f"{reason}-first", said)
    send(name, stage, f"{reason}-next", said, root.remote_id)
    assert stage.received().count(f"{reason}-first") == stage.received().count(f"{reason}-next") == 1


@pytest.mark.parametrize("text", ["", "<!channel> & <b>", "x" * 50_000, "\r\n.\r\nBcc: a@b\x00\u202e", "🇩🇪" * 9000])
def test_nothing_that_an_outsider_writes_costs_the_page(name: str, stage: Stage, text: str) -> None:
    quote = replace(page().quotes[0], text=text, author=text, url=text, title=text)
    said = page(curve=None, headline=text, why=(text,) * 8, quotes=(quote,) * 8, terms=(text,), notes=(text,))
    send(name, stage, f"hostile-{len(text)}", said)
    assert stage.received().count(f"hostile-{len(text)}") == 1


@pytest.mark.parametrize("number", [2, MOST_ENTRIES])
def test_a_digest_arrives_once_however_long_it_is(name: str, stage: Stage, number: int) -> None:
    if not resolve(CHANNELS, name).Options.gathers:
        return
    text = "<!channel> 🇩🇪 & [x](y) " * 30
    entries = [page(curve=None, headline=f"{each} {text}", changed=(text,), terms=(text,)) for each in range(number)]
    send(name, stage, f"digest-{number}", digest_page(entries, "Kim", NOW, NOW, "https://tocsin.example"))
    assert stage.received().count(f"digest-{number}") == 1


def test_where_nobody_listens_nothing_was_delivered(name: str, stage: Stage) -> None:
    assert failure(name, stage.unreachable, "nobody").outcome is Outcome.NOT_DELIVERED


def test_what_is_refused_for_now_was_not_delivered(name: str, stage: Stage) -> None:
    stage.trouble(Trouble.BUSY)
    assert failure(name, stage.options, "busy").outcome is Outcome.NOT_DELIVERED
    assert "busy" not in stage.received()


@pytest.mark.parametrize(("trouble", "arrived"), [(Trouble.LOST_ANSWER, True), (Trouble.LOST_REQUEST, False)])
def test_a_lost_answer_is_doubt_that_ends_with_one_message(
    name: str, stage: Stage, trouble: Trouble, arrived: bool
) -> None:
    channel, delivery = build(name, stage.options), f"doubt-{arrived}"
    message = Message(delivery, target(name, stage.options), page(curve=None))
    began = datetime.now(UTC)
    stage.trouble(trouble)
    assert failure(name, stage.options, delivery).outcome is Outcome.AMBIGUOUS
    assert (delivery in stage.received()) is arrived
    if channel.on_doubt is OnDoubt.CHECK:
        assert (channel.find(message, began, Deadline(10)) is not None) is arrived
    if channel.on_doubt is OnDoubt.RESEND or not arrived:
        channel.send(message, Deadline(10))
    assert set(stage.received()) >= {delivery}
    if channel.on_doubt is OnDoubt.CHECK:
        assert stage.received().count(delivery) == 1


def test_silence_is_borne_until_the_deadline_and_no_longer(name: str, stage: Stage) -> None:
    stage.trouble(Trouble.SILENCE)
    began = time.monotonic()
    assert failure(name, stage.options, "silence", seconds=0.5).outcome is Outcome.AMBIGUOUS
    assert time.monotonic() - began < 0.5 + GRACE


def test_after_the_deadline_nothing_is_sent(name: str, stage: Stage) -> None:
    assert failure(name, stage.options, "late", seconds=0).outcome is Outcome.NOT_DELIVERED
    assert "late" not in stage.received()


def test_a_probe_says_what_it_found_and_sends_nothing(name: str, stage: Stage) -> None:
    before = len(stage.received())
    assert build(name, stage.options).probe(Deadline(10))
    with pytest.raises(ChannelError):
        build(name, stage.unreachable).probe(Deadline(10))
    assert len(stage.received()) == before


def test_no_secret_shows_in_an_error_or_a_representation(name: str, stage: Stage) -> None:
    channel = build(name, stage.options)
    stage.trouble(Trouble.BUSY)
    told = [
        repr(channel),
        repr(failure(name, stage.options, "canary")),
        str(failure(name, stage.unreachable, "canary")),
    ]
    assert SECRET not in " ".join(told)


def test_times_in_a_page_are_the_readers(name: str, stage: Stage) -> None:
    assert page().at == NOW
    send(name, stage, "zone", page(curve=None, timezone="Pacific/Auckland"))
    assert "zone" in stage.received()
