"""A digest names every alert in it, in every form, within what the platform takes, and lets no outsider in."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from alerts.channels.slack import checked
from alerts.digests import MOST_ENTRIES, digest_page
from alerts.page import Page
from alerts.render import discord, slack, sms, teams, telegram
from alerts.render.gathered import ROOMS, fitted
from alerts.render.html import html
from alerts.render.line import LENGTH, line
from alerts.render.plain import plain
from alerts.render.story import tell
from storage.records import IncidentState, Severity
from tests.alerts.examples import NOW, page
from tests.servers.slack_limits import refusal

FORMS: dict[str, Callable[[Page], str]] = {
    "slack": lambda said: json.dumps(slack.root(said), ensure_ascii=False),
    "slack's text": slack.text,
    "mail": html,
    "plain": plain,
    "discord": lambda said: discord.embed(said, "ref")["description"].replace("\\", ""),
    "teams": lambda said: json.dumps(teams.card(said, "ref"), ensure_ascii=False),
    "telegram": lambda said: telegram.text(said, "ref"),
}


def gathered(number: int, words: str = "is spreading", **changes: object) -> Page:
    """A digest of so many alerts."""
    entries = [
        page(
            headline=f"Story {each:02} {words}",
            severity=Severity.WARNING,
            curve=None,
            url=f"https://tocsin.example/incidents/{each}",
            incident_id=f"incident-{each}",
            **changes,
        )
        for each in range(number)
    ]
    return digest_page(entries, "Kim", NOW, NOW, "https://tocsin.example")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("number", [2, 7])
def test_every_alert_of_a_digest_is_named(form: str, number: int) -> None:
    said = FORMS[form](gathered(number))
    for each in range(number):
        assert f"Story {each:02} is spreading" in said
    assert f"{number} warnings" in said


@pytest.mark.parametrize("form", FORMS)
def test_every_alert_of_a_digest_is_told_once(form: str) -> None:
    said = FORMS[form](gathered(3))
    assert [said.count(f"Story {each:02} is spreading") for each in (1, 2)] == [1, 1]
    assert said.count("Story 00 is spreading") <= 2  # the first one stands in what a list of mails shows, too


@pytest.mark.parametrize("form", FORMS)
def test_a_digest_of_one_alert_does_not_speak_of_them_all(form: str) -> None:
    assert "of them" not in FORMS[form](gathered(1))
    assert tell(gathered(2)).opens == "See all of them"


@pytest.mark.parametrize("form", FORMS)
def test_a_long_digest_makes_each_alert_shorter_and_leaves_none_out(form: str) -> None:
    said = FORMS[form](gathered(MOST_ENTRIES, "is spreading & <b>grows</b> in a long headline " * 5))
    for each in range(MOST_ENTRIES):
        assert f"Story {each:02}" in said


@pytest.mark.parametrize("words", ["is spreading", "<!channel> & <b>*x*_" * 30, "🇩🇪🔥" * 60, "ł" * 300])
def test_a_long_digest_is_within_what_the_platforms_take(words: str) -> None:
    said = gathered(MOST_ENTRIES, words, terms=(words,), changed=(words,))
    assert refusal({"blocks": checked(slack.root(said)), "text": slack.notification(said)}) is None
    made = discord.embed(said, "ref")
    assert len(made["description"]) <= discord.LONGEST_TEXT
    assert discord.size(made) <= discord.LONGEST_ALL
    assert telegram.length(telegram.text(said, "ref")) <= telegram.LONGEST_TEXT
    assert teams.size(teams.card(said, "ref")) <= teams.LARGEST
    assert len(line(said)) <= LENGTH


def test_a_text_message_says_how_many_and_the_first_of_them() -> None:
    said = sms.text(gathered(3), "abc", 2)
    assert said.startswith("Digest Halden Mobile: 3 warnings. First of them: Story 00 is spreading")
    assert said.endswith("https://tocsin.example #abc")
    assert sms.fits(said, 2)


def test_an_outsiders_words_stay_words_in_a_digest() -> None:
    said = gathered(2, "<script>alert(1)</script><!channel> <https://evil.example|x> [a](https://evil.example)")
    assert "<script" not in html(said)
    assert "<!channel>" not in json.dumps(slack.root(said))
    assert "<https://evil.example" not in json.dumps(slack.root(said))
    assert "<script" not in telegram.text(said, "ref")
    assert "](https://evil.example)" not in discord.embed(said, "ref")["description"]


def test_a_digest_says_what_became_of_each_and_where_to_read_on() -> None:
    said = gathered(2)
    over = replace(said.entries[1], state=IncidentState.RESOLVED, resolved_at=NOW)
    story = tell(digest_page([over, said.entries[0]], "Kim", NOW, NOW))
    assert [(one.badge, one.link[-1]) for one in story.entries] == [("Warning", "0"), ("Over", "1")]
    assert "over since" in story.entries[1].standing
    assert "tocsin incidents show incident-0" in plain(
        digest_page([replace(said.entries[0], url="")] * 2, "Kim", NOW, NOW)
    )


def test_as_much_is_said_of_each_as_there_is_room_for() -> None:
    assert fitted(lambda room: room, lambda made: made <= 240) == 240
    assert fitted(lambda room: room, lambda _: False) == ROOMS[-1]
