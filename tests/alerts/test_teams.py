"""Teams: a card that fits and in which nothing is alive, and what each refusal means."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from alerts.channels import teams
from alerts.channels.contract import ChannelContext, ChannelError, Message, Outcome, Receipt
from alerts.deadline import Deadline
from alerts.page import Page
from alerts.render import teams as render
from storage.records import Reason
from tests.alerts.examples import NOW, page
from tests.alerts.stage import SECRET, Stage
from tests.servers.platform import Fault, Reply, said
from tests.servers.webhooks import Workflow, card_problem


@contextmanager
def stage() -> Iterator[Stage]:
    """A workflow for the conformance suite."""
    with Workflow(SECRET) as server:
        yield Stage(
            options={"url": {"env": "STAGE_URL"}},
            received=server.shown,
            trouble=server.trouble,
            environment={"STAGE_URL": server.address, "STAGE_NOWHERE": f"http://127.0.0.1:1/?sig={SECRET}"},
            unreachable={"url": {"env": "STAGE_NOWHERE"}},
        )


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workflow]:
    with Workflow() as running:
        monkeypatch.setenv("TEAMS_URL", running.address)
        yield running


def channel() -> teams.TeamsChannel:
    options = teams.Options.model_validate({"url": {"env": "TEAMS_URL"}})
    return teams.build(options, ChannelContext("teams", clock=lambda: NOW))


def send(told: Page, name: str = "d1") -> Receipt:
    return channel().send(Message(name, "channel", told), Deadline(60))


def kinds(card: dict[str, Any]) -> list[str]:
    return [element["type"] for element in card["body"]]


def test_a_beginning_is_a_whole_card_with_the_curve_drawn_by_teams(server: Workflow) -> None:
    assert send(page()).remote_id == "run-1"
    (card,) = server.cards
    chart = next(element for element in card["body"] if element["type"] == "Chart.Line")
    assert [line["legend"] for line in chart["data"]] == ["voices", "usual"]
    assert max(point["y"] for point in chart["data"][0]["values"]) == max(filter(None, page().curve.observed))  # type: ignore[union-attr]
    assert chart["fallback"]["type"] == "RichTextBlock"
    text = json.dumps(card, ensure_ascii=False)
    for needed in ("388 negative voices", "Where it began", "What people say", "Why it rang", "ref d1"):
        assert needed in text
    assert card["actions"][0]["url"].endswith("01HR7Q4Z8XK3M2N5P6T7V9W0AB")


def test_an_update_is_a_short_card_with_what_is_new(server: Workflow) -> None:
    send(page(reason=Reason.UPDATE, changed=("It has reached twitter.",)))
    assert "It has reached twitter." in json.dumps(server.cards[0])
    assert "Chart.Line" not in kinds(server.cards[0])


@pytest.mark.parametrize("status", [400, 413])
def test_a_card_that_is_refused_is_followed_by_shorter_ones(server: Workflow, status: int) -> None:
    server.script(Fault(Reply(status)), Fault(Reply(status)))
    send(page())
    (card,) = server.cards
    assert len(card["body"]) == 2


@pytest.mark.parametrize(
    ("reply", "outcome", "wait"),
    [
        (Reply(429, b"", {"Retry-After": "21"}), Outcome.NOT_DELIVERED, 21),
        (Reply(429), Outcome.NOT_DELIVERED, 30),
        (said({"error": {"code": "WorkflowNotFound", "message": "gone"}}, 404), Outcome.BROKEN, None),
        (said({"error": {"code": "AuthorizationFailed", "message": "no canary-teams-sig"}}, 401), Outcome.BROKEN, None),
        (Reply(307, b"", {"Location": "https://elsewhere.example/"}), Outcome.BROKEN, None),
        (Reply(502), Outcome.AMBIGUOUS, None),
    ],
)
def test_a_failure_says_what_is_known(server: Workflow, reply: Reply, outcome: Outcome, wait: float | None) -> None:
    server.script(Fault(reply))
    with pytest.raises(ChannelError) as raised:
        send(page())
    assert (raised.value.outcome, raised.value.retry_after) == (outcome, wait)
    assert server.signature not in str(raised.value)


def test_a_probe_starts_no_workflow(server: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    assert channel().probe(Deadline(60)) == "Teams knows this workflow"
    monkeypatch.setenv("TEAMS_URL", server.address.replace(server.signature, "another-signature"))
    with pytest.raises(ChannelError, match="Copy its address again"):
        channel().probe(Deadline(60))
    assert server.cards == []


@settings(max_examples=30)
@given(text=some.text(max_size=300), number=some.integers(0, 60))
def test_a_page_as_full_as_can_be_fits_and_is_sound(text: str, number: int) -> None:
    quote = replace(page().quotes[0], text=text * 20, author=text, url="https://x.example/" + "a" * 1900)
    full = page(
        headline=text, quotes=(quote,) * number, origin=quote, why=("\u2603" * 400,) * number, notes=(text,) * number
    )
    for card in (render.card(full, "d1"), render.least(full, "d1")):
        assert card_problem(render.envelope(card)) == ""
    assert render.size(render.card(full, "d1")) <= 28 * 1024 or number > 20


def test_outside_words_stand_only_where_nothing_can_come_alive() -> None:
    """A `RichTextBlock` is literal; Markdown, dates and mentions need a `TextBlock` or a `FactSet`."""
    hostile = "**[x](https://evil.example)** <at>Kim</at> {{DATE(2024-01-01T00:00:00Z)}}"
    quote = replace(page().quotes[0], text=hostile, author=hostile, title=hostile)
    card = render.card(page(headline=hostile, quotes=(quote,), origin=quote, terms=(hostile,)), "d1")
    assert "TextBlock" not in json.dumps(card).replace("RichTextBlock", "")
    assert "FactSet" not in json.dumps(card)
    assert "entities" not in card["msteams"]
