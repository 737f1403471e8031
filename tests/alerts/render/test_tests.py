"""A message that tries a channel offers nothing that would not work: there is no incident that somebody could take."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from alerts.actions import Action
from alerts.channels.slack import checked
from alerts.page import Page
from alerts.render import discord, slack, sms, teams, telegram
from alerts.render.details import details
from alerts.render.html import html
from alerts.render.line import line
from alerts.render.plain import plain
from alerts.render.story import tell
from config.settings import Settings
from monitor.cli.check import test_page as made_by_check

LINKS = {action: f"https://tocsin.example/mail/{action.value}" for action in Action}
FORMS: dict[str, Callable[[Page], str]] = {
    "mail": html,
    "mail with links": lambda said: html(said, "", LINKS),
    "text": plain,
    "text with links": lambda said: plain(said, LINKS),
    "line": line,
    "slack": lambda said: json.dumps(checked(slack.root(said))),
    "slack with buttons": lambda said: json.dumps(checked(slack.root(said, buttons=True))),
    "slack without blocks": slack.text,
    "teams": lambda said: json.dumps(teams.card(said, "ref")),
    "discord": lambda said: discord.content(said) + json.dumps(discord.embeds(said, "ref", has_picture=False)),
    "telegram": lambda said: telegram.text(said, "ref"),
    "text message": lambda said: sms.text(said, "ref"),
    "call": sms.speech,
    "pagerduty": lambda said: json.dumps(details(said)),
}


@pytest.fixture
def page() -> Page:
    """What `tocsin check --live` sends."""
    return made_by_check(Settings.model_validate({"brands": [{"name": "Halden Mobile"}]}))


@pytest.mark.parametrize("form", FORMS)
def test_a_test_offers_nothing_that_would_not_work(form: str, page: Page) -> None:
    said = FORMS[form](page)
    assert "This is a test" in said
    for offered in ("tocsin incidents", "Incident", "ncident test", "Take it", "taken it", "/mail/", "tocsin_press"):
        assert offered not in said, offered
    assert "test ·" not in said.lower().replace("test · halden", "")


def test_a_test_says_so_before_anything_else(page: Page) -> None:
    story = tell(page)
    assert (story.badge, story.why_title) == ("Test", "Why you get this")
    assert line(page).startswith("Test · Halden Mobile: This is a test")


def test_no_part_of_a_test_is_an_empty_one(page: Page) -> None:
    card = teams.card(page, "ref")
    assert all(part["items"] for part in card["body"] if part["type"] == "Container")
    assert all(field["value"] for embed in discord.embeds(page, "ref", has_picture=False) for field in embed["fields"])
    assert 'class="part act"' not in html(page)
    assert "WHAT YOU CAN DO" not in plain(page)
