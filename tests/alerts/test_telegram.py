"""Telegram: one message an incident and chat, edited; its HTML and limits; and what each refusal means."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from pydantic import ValidationError

from alerts.channels import telegram
from alerts.channels.contract import ChannelContext, ChannelError, Message, Outcome, Receipt
from alerts.deadline import Deadline
from alerts.page import Page
from alerts.render import telegram as render
from storage.records import IncidentState, Reason, Severity
from tests.alerts.examples import NOW, page
from tests.alerts.stage import SECRET, Stage
from tests.servers.platform import Fault, Reply, said
from tests.servers.telegram import _ALIVE, TOKEN, Telegram, _Markup

CHAT = "-100200"


@contextmanager
def stage() -> Iterator[Stage]:
    """Telegram for the conformance suite."""
    with Telegram(f"1:{SECRET}") as server:
        options = {"token": {"env": "STAGE_TOKEN"}, "chats": [CHAT], "base_url": server.url}
        yield Stage(
            options=options,
            received=server.shown,
            trouble=server.trouble,
            environment={"STAGE_TOKEN": f"1:{SECRET}"},
            unreachable={**options, "base_url": "http://127.0.0.1:1"},
        )


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Telegram]:
    monkeypatch.setenv("TELEGRAM_TOKEN", TOKEN)
    with Telegram() as running:
        yield running


def channel(server: Telegram, **options: Any) -> telegram.TelegramChannel:
    usual = {"token": {"env": "TELEGRAM_TOKEN"}, "chats": [CHAT], "base_url": server.url}
    return telegram.build(
        telegram.Options.model_validate({**usual, **options}), ChannelContext("telegram", clock=lambda: NOW)
    )


def send(server: Telegram, told: Page, root: str | None = None, name: str = "d1", **options: Any) -> Receipt:
    return channel(server, **options).send(Message(name, CHAT, told, root), Deadline(30))


def failure(server: Telegram, told: Page | None = None, root: str | None = None) -> ChannelError:
    with pytest.raises(ChannelError) as raised:
        send(server, told or page(curve=None), root)
    return raised.value


def test_an_incident_is_one_message_with_its_curve_below(server: Telegram) -> None:
    receipt = send(server, page())
    (posted,) = server.messages()
    (drawn,) = server.pictures()
    assert receipt.remote_id == f"{CHAT}:{posted.id}"
    for needed in ("388 negative voices", "Where it began", "What people say", "Why it rang", "ref d1"):
        assert needed in posted.text
    assert (drawn.answers, drawn.silent) == (posted.id, True)
    assert drawn.picture.startswith(b"\x89PNG")
    assert "at most" in drawn.text


def test_what_is_new_edits_the_message_and_answers_it(server: Telegram) -> None:
    root = send(server, page(curve=None)).remote_id
    send(server, page(curve=None, reason=Reason.UPDATE, observed=900, changed=("It is new.",)), root, "d2")
    first, second = server.messages()
    assert (first.edits, second.answers) == (1, first.id)
    assert "900 negative voices" in first.text
    assert "It is new" in second.text


def test_figures_that_moved_only_edit_the_message(server: Telegram) -> None:
    root = send(server, page(curve=None)).remote_id
    assert send(server, page(curve=None, reason=Reason.UPDATE, observed=401), root).remote_id == root
    assert [one.edits for one in server.messages()] == [1]


def test_an_edit_that_changes_nothing_is_fine(server: Telegram) -> None:
    root = send(server, page(curve=None, reason=Reason.UPDATE)).remote_id
    assert send(server, page(curve=None, reason=Reason.UPDATE), root).remote_id == root


@pytest.mark.parametrize(
    ("told", "silent"),
    [
        (page(curve=None), False),
        (page(curve=None, severity=Severity.WATCH), True),
        (page(curve=None, reason=Reason.RESOLVED, state=IncidentState.RESOLVED), True),
    ],
)
def test_only_what_rings_makes_a_sound(server: Telegram, told: Page, silent: bool) -> None:
    send(server, told)
    assert server.messages()[0].silent is silent


def test_a_group_that_became_a_supergroup_is_followed(server: Telegram) -> None:
    server.chats[CHAT].moved_to = "-100999"
    server.chats["-100999"] = type(server.chats[CHAT])()
    receipt = send(server, page(curve=None))
    assert receipt.remote_id.startswith("-100999:")
    assert len(server.messages("-100999")) == 1
    send(server, page(curve=None, reason=Reason.UPDATE, changed=("More.",)), receipt.remote_id, "d2")
    assert len(server.messages("-100999")) == 2


def test_a_message_that_is_gone_is_replaced_by_a_new_one(server: Telegram) -> None:
    receipt = send(server, page(curve=None, reason=Reason.UPDATE, changed=("More.",)), f"{CHAT}:77", "d2")
    assert receipt.remote_id == f"{CHAT}:{server.messages()[0].id}"


def test_markup_that_telegram_refuses_is_followed_by_one_line(server: Telegram) -> None:
    server.script(Fault(said({"ok": False, "description": "Bad Request: can't parse entities: x"}, 400)))
    send(server, page(curve=None))
    assert "\n" not in server.messages()[0].text
    assert "01HR7Q4Z8XK3M2N5P6T7V9W0AB" in server.messages()[0].text


def test_no_outside_word_comes_alive_in_the_one_line_either() -> None:
    said = render.one_line(page(headline="@everyone #now /kill see evil.example & <b>", url=""), "d1")
    assert _ALIVE.findall(said) == []
    assert "& <b>" in said


def test_a_picture_that_fails_costs_nothing(server: Telegram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telegram, "picture", lambda _page: 1 / 0)
    assert send(server, page()).remote_id
    assert server.pictures() == []


def refused(status: int, words: str, **more: Any) -> Reply:
    return said({"ok": False, "error_code": status, "description": words, **more}, status)


@pytest.mark.parametrize(
    ("reply", "outcome", "wait", "whole"),
    [
        (refused(429, "Too Many", parameters={"retry_after": 17}), Outcome.NOT_DELIVERED, 17, False),
        (refused(429, "Too Many"), Outcome.NOT_DELIVERED, 30, False),
        (Reply(429, b"", {"Retry-After": "5"}), Outcome.NOT_DELIVERED, 5, False),
        (refused(403, "Forbidden: bot was blocked by the user"), Outcome.REFUSED, None, False),
        (refused(401, "Unauthorized"), Outcome.BROKEN, None, True),
        (refused(404, "Not Found"), Outcome.BROKEN, None, True),
        (refused(400, "Bad Request: chat not found"), Outcome.BROKEN, None, False),
        (refused(500, "Internal Server Error"), Outcome.AMBIGUOUS, None, False),
        (Reply(200, b"<html>"), Outcome.AMBIGUOUS, None, False),
        (said({"ok": True, "result": True}), Outcome.AMBIGUOUS, None, False),
    ],
)
def test_a_failure_says_what_is_known(
    server: Telegram, reply: Reply, outcome: Outcome, wait: float | None, whole: bool
) -> None:
    server.script(Fault(reply))
    error = failure(server)
    assert (error.outcome, error.retry_after, error.whole_channel) == (outcome, wait, whole)
    assert TOKEN not in str(error)


def test_a_probe_signs_in_and_looks_at_each_chat(server: Telegram, monkeypatch: pytest.MonkeyPatch) -> None:
    assert channel(server).probe(Deadline(60)) == "signed in as @tocsin_bot; knows 1 chat"
    with pytest.raises(ChannelError, match="add the bot"):
        channel(server, chats=["-5"]).probe(Deadline(60))
    monkeypatch.setenv("TELEGRAM_TOKEN", "1:other")
    with pytest.raises(ChannelError, match="check the bot's token"):
        channel(server).probe(Deadline(60))


@given(text=some.text(alphabet=some.sampled_from("ab1 @#/.:<>&\"'$exampl"), max_size=60))
def test_no_outside_word_comes_alive(text: str) -> None:
    markup = _Markup()
    markup.feed(render.escaped(text))
    markup.close()
    assert markup.tags == []
    assert markup.text.replace("\u2060", "") == text
    assert _ALIVE.findall(markup.loose) == []


@settings(max_examples=30)
@given(text=some.text(max_size=300), number=some.integers(0, 40))
def test_a_page_as_full_as_can_be_stays_within_the_limits(text: str, number: int) -> None:
    quote = replace(page().quotes[0], text=text * 20, author=text)
    full = page(
        headline="&" * 900, quotes=(quote,) * number, origin=quote, why=("<" * 400,) * number, notes=(text,) * number
    )
    for made in (render.text(full, "d1"), render.update(full, "d1")):
        markup = _Markup()
        markup.feed(made)
        markup.close()
        assert (markup.wrong, markup.open) == (False, [])
        assert len(markup.text.encode("utf-16-le")) // 2 <= 4096


@pytest.mark.parametrize("chats", [[], ["halden"], ["12 34"], ["@a"]])
def test_what_is_no_chat_is_refused(server: Telegram, chats: list[str]) -> None:
    with pytest.raises(ValidationError):
        channel(server, chats=chats)
