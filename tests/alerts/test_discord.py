"""Discord: one message an incident, edited; its limits; whom it calls; and what each refusal means."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from pydantic import ValidationError

from alerts.channels import discord
from alerts.channels.contract import ChannelContext, ChannelError, Message, Outcome, Receipt
from alerts.deadline import Deadline
from alerts.page import Page
from alerts.render import discord as render
from storage.records import IncidentState, Reason
from tests.alerts.examples import NOW, page
from tests.alerts.stage import SECRET, Stage
from tests.servers.discord import Discord
from tests.servers.platform import Fault, Reply, said


@contextmanager
def stage() -> Iterator[Stage]:
    """Discord for the conformance suite."""
    with Discord(SECRET) as server:
        yield Stage(
            options={"url": {"env": "STAGE_URL"}},
            received=server.shown,
            trouble=server.trouble,
            environment={"STAGE_URL": server.address, "STAGE_NOWHERE": f"http://127.0.0.1:1/{SECRET}"},
            unreachable={"url": {"env": "STAGE_NOWHERE"}},
        )


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Discord]:
    with Discord() as running:
        monkeypatch.setenv("DISCORD_HOOK", running.address)
        yield running


def channel(**options: Any) -> discord.DiscordChannel:
    usual = {"url": {"env": "DISCORD_HOOK"}}
    return discord.build(
        discord.Options.model_validate({**usual, **options}), ChannelContext("discord", clock=lambda: NOW)
    )


def send(told: Page, root: str | None = None, name: str = "d1", **options: Any) -> Receipt:
    return channel(**options).send(Message(name, "channel", told, root), Deadline(30))


def failure(told: Page | None = None, root: str | None = None) -> ChannelError:
    with pytest.raises(ChannelError) as raised:
        send(told or page(curve=None), root)
    return raised.value


def test_an_incident_is_one_message_with_its_curve_above_the_details(server: Discord) -> None:
    receipt = send(page())
    (posted,) = server.messages
    assert receipt.remote_id == posted.id
    head, rest = posted.sent["embeds"]
    assert posted.pictures["files[0]"].startswith(b"\x89PNG")
    assert head["image"]["url"] == "attachment://curve.png"
    assert "at most" in posted.sent["attachments"][0]["description"]
    assert "Nobody has taken it yet" in head["description"]
    names = ["What people say", "What is known", "Where it began", "Why it rang"]
    assert [one["name"] for one in rest["fields"] if one["name"] in names] == names
    assert rest["footer"]["text"].endswith("ref d1")
    assert "url" not in rest  # Discord would make one of two embeds with the same address


def test_what_is_new_edits_the_message_and_is_said_below(server: Discord) -> None:
    root = send(page(curve=None)).remote_id
    send(page(curve=None, reason=Reason.UPDATE, observed=900, changed=("It is on twitter.",)), root, "d2")
    first, second = server.messages
    assert first.edits == 1
    assert "900 negative voices" in json.dumps(first.sent)
    assert "It is on twitter." in second.sent["embeds"][0]["description"]


def test_figures_that_moved_only_edit_the_message(server: Discord) -> None:
    root = send(page(curve=None)).remote_id
    assert send(page(curve=None, reason=Reason.UPDATE, observed=401), root, "d2").remote_id == root
    assert len(server.messages) == 1


def test_the_end_turns_the_message_green(server: Discord) -> None:
    root = send(page(curve=None)).remote_id
    send(page(curve=None, reason=Reason.RESOLVED, state=IncidentState.RESOLVED, resolved_at=NOW), root, "d2")
    assert server.messages[0].sent["embeds"][0]["color"] == 0x30A46C


def test_a_message_that_was_deleted_is_replaced_by_a_new_one(server: Discord) -> None:
    assert send(page(curve=None, reason=Reason.UPDATE, changed=("More.",)), "77", "d2").remote_id == "9000"


def test_only_those_are_called_whom_the_policy_names(server: Discord) -> None:
    called = {"mentions": {"critical": ["role:11111", "user:22222"]}}
    root = send(page(curve=None, headline="<@33333> @everyone <@&44444>"), **called).remote_id
    send(page(curve=None, reason=Reason.UPDATE, changed=("@here",)), root, "d2", **called)
    send(page(curve=None, drill=True), None, "d3", **called)
    assert [one.called for one in server.messages] == [["11111", "22222"], [], []]


def test_without_mentions_nobody_is_called(server: Discord) -> None:
    send(page(curve=None, headline="@everyone @here <@33333>"))
    assert server.messages[0].sent["allowed_mentions"] == {"parse": [], "roles": [], "users": []}
    assert server.messages[0].called == []


@pytest.mark.parametrize("reply", [said({"message": "Invalid Form Body", "code": 50035}, 400), Reply(413)])
def test_what_discord_finds_malformed_goes_out_in_a_plainer_form(server: Discord, reply: Reply) -> None:
    server.script(Fault(reply), Fault(reply))
    send(page(curve=None))
    (posted,) = server.messages
    assert posted.sent["embeds"] == []
    assert "01HR7Q4Z8XK3M2N5P6T7V9W0AB" in posted.sent["content"]


@pytest.mark.parametrize(
    ("reply", "outcome", "wait"),
    [
        (said({"message": "limited", "retry_after": 12.5}, 429, Retry_After="13"), Outcome.NOT_DELIVERED, 12.5),
        (Reply(429, b"<html>", {"Retry-After": "13"}), Outcome.NOT_DELIVERED, 13),
        (Reply(429), Outcome.NOT_DELIVERED, 30),
        (said({"retry_after": 1e9}, 429), Outcome.NOT_DELIVERED, 3600),
        (said({"message": "Unknown Webhook", "code": 10015}, 404), Outcome.BROKEN, None),
        (said({"message": "Invalid Webhook Token", "code": 50027}, 401), Outcome.BROKEN, None),
        (Reply(502), Outcome.AMBIGUOUS, None),
        (Reply(200, b"[]"), Outcome.AMBIGUOUS, None),
    ],
)
def test_a_failure_says_what_is_known(server: Discord, reply: Reply, outcome: Outcome, wait: float | None) -> None:
    server.script(Fault(reply))
    error = failure()
    assert (error.outcome, error.retry_after) == (outcome, wait)
    assert server.token not in str(error)


def test_an_edit_that_may_have_worked_can_simply_be_made_again(server: Discord) -> None:
    root = send(page(curve=None)).remote_id
    server.script(Fault(after=True, reset=True))
    assert failure(page(curve=None, reason=Reason.UPDATE), root).outcome is Outcome.NOT_DELIVERED


def test_a_probe_reads_the_webhook_and_posts_nothing(server: Discord, monkeypatch: pytest.MonkeyPatch) -> None:
    assert channel().probe(Deadline(60)) == "Discord knows this webhook as 'Tocsin'"
    monkeypatch.setenv("DISCORD_HOOK", f"{server.url}{server.path}wrong")
    with pytest.raises(ChannelError, match="Make another"):
        channel().probe(Deadline(60))
    assert server.messages == []


@given(text=some.text(alphabet=some.sampled_from("ab1. \\*_~`|>#-+<@&!:/[]()httpseveryon"), max_size=60))
def test_no_markup_in_outside_words_is_alive(text: str) -> None:
    """Whatever Discord could read as markup stands behind a backslash; without the backslashes the words are whole."""
    escaped = render.escaped(text)
    assert not set(re.sub(r"\\(.)", "", escaped)) & set("*_~`|>#<[]():@")
    assert re.sub(r"\\(.)", r"\1", escaped) == text


@settings(max_examples=30)
@given(text=some.text(max_size=300), number=some.integers(0, 30))
def test_a_page_as_full_as_can_be_stays_within_the_limits(text: str, number: int) -> None:
    quote = replace(page().quotes[0], text=text * 20, author=text, url="https://x.example/" + "a" * 1800)
    full = page(
        headline="*" * 400 + text,
        quotes=(quote,) * number,
        origin=quote,
        why=("[" * 400,) * number,
        notes=(text,) * number,
    )
    made = render.embed(full, "d1")
    assert render.size(made) <= 6000
    assert len(made["description"]) <= 4096
    assert all(0 < len(one["value"]) <= 1024 for one in made["fields"])
    assert len(render.one_line(full, "d1")) <= 2000


@pytest.mark.parametrize("address", ["https://x.example/" + "(" * 230, "https://x.example/" + "a" * 230])
def test_a_stranger_who_writes_nothing_but_signs_costs_no_part_of_the_page(address: str) -> None:
    quote = replace(page().quotes[0], text="*" * 900, author="_" * 300, answers="~" * 300, url=address)
    made = render.embed(page(quotes=(quote, replace(quote, text="_" * 900)), origin=quote), "d1")
    assert all(0 < len(one["value"]) <= 1024 for one in made["fields"])
    assert {"What people say", "Where it began"} <= {one["name"] for one in made["fields"]}
    assert made["fields"][0]["value"].count("\\_") > 100


def test_who_calls_nobody_is_refused() -> None:
    with pytest.raises(ValidationError, match="calls nobody"):
        channel(mentions={"critical": ["@kim"]})
