"""`tocsin check`: the whole configuration, and whether everything in it answers."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from storage import spending
from storage.database import Database
from storage.records import Spent
from tests.monitor.cli import letterbox
from tests.monitor.cli.conftest import Run
from tests.storage.examples import NOON


def test_a_sound_configuration_is_said_to_be_one(tocsin: Run, configured: Path) -> None:
    result = tocsin("check")
    assert result.exit_code == 0
    assert result.output == "tocsin.toml has no mistakes. Watching Acme, Bolt on letters, telling bells.\n"


def test_every_mistake_is_shown_with_line_key_and_advice(tocsin: Run, configured: Path) -> None:
    text = configured.read_text()
    configured.write_text(text.replace("rooms =", "romos =").replace('channels = ["bells"]', 'channels = ["bell"]'))
    result = tocsin("check")
    assert result.exit_code == 2
    assert result.output.splitlines() == [
        "tocsin.toml:9: channels[0].rooms: is missing",
        "    add it to the table",
        "tocsin.toml:12: channels[0].romos: unknown key",
        '    did you mean "rooms"?',
        'tocsin.toml:14: routes[0].channels[0]: there is no channel "bell"',
        '    did you mean "bells"?',
        "3 mistakes.",
    ]


def test_mistakes_are_given_to_machines(tocsin: Run, configured: Path) -> None:
    configured.write_text(configured.read_text().replace('"bells"]', '"bell"]'))
    found = json.loads(tocsin("check", "--json").output)
    assert found["live"] == []
    assert found["problems"][0] == {
        "file": "tocsin.toml",
        "line": 14,
        "key": "routes[0].channels[0]",
        "message": 'there is no channel "bell"',
        "suggestion": 'did you mean "bells"?',
    }


def test_an_unknown_kind_in_a_route_is_found(tocsin: Run, configured: Path) -> None:
    configured.write_text(configured.read_text() + '[[routes]]\nchannels = ["bells"]\nkinds = ["outag"]\n')
    result = tocsin("check")
    assert 'there is no kind "outag"' in result.output
    assert 'did you mean "outage"?' in result.output


def test_a_secret_that_cannot_be_read_is_a_mistake(
    tocsin: Run, configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LETTERBOX_TOKEN", raising=False)
    text = configured.read_text().replace('name = "letters"', 'name = "letters"\ntoken = { env = "LETTERBOX_TOKEN" }')
    configured.write_text(text)
    result = tocsin("check")
    assert result.exit_code == 2
    assert "LETTERBOX_TOKEN is not set" in result.output


def test_the_cost_of_every_source_is_said_before_it_is_turned_on(
    tocsin: Run, configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("X_TOKEN", "secret")
    paid = '[[sources]]\ntype = "twitter"\nbearer_token = { env = "X_TOKEN" }\ndollars_per_day = 3\nevery = "10m"\n'
    configured.write_text(configured.read_text() + paid)
    result = tocsin("check", "--cost")
    free, costly = result.output.splitlines()[1:]
    assert free == "letters: 288 requests a day, up to 1,440; free."
    assert costly.startswith("twitter: 144 requests a day, up to 720 of 43,200 allowed; at the most $90.00 a month")
    letters, twitter = json.loads(tocsin("check", "--cost", "--json").output)["cost"]
    assert (letters["requests_per_day"], letters["most_dollars_per_month"]) == (288, 0)
    assert (twitter["source"], twitter["most_dollars_per_month"]) == ("twitter", 90.0)


def test_the_cost_follows_what_was_read_on_the_days_before(
    tocsin: Run, configured: Path, stored: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("X_TOKEN", "secret")
    configured.write_text(
        configured.read_text() + '[[sources]]\ntype = "twitter"\nbearer_token = { env = "X_TOKEN" }\n'
    )
    with stored.write() as tx:
        spending.add(tx, Spent("twitter", NOON.date() - timedelta(days=1), 288, 200, 1.0))
        spending.add(tx, Spent("twitter", NOON.date(), 20, 9000, 45.0))
    assert "about $30.00 a month if it goes on as in the last day" in tocsin("check", "--cost").output


def test_live_signs_in_to_each_source_and_sends_a_test_page_to_each_target(tocsin: Run, configured: Path) -> None:
    result = tocsin("check", "--live")
    assert result.exit_code == 0
    assert result.output.splitlines()[1:] == [
        "fine  source letters: the box opens",
        "fine  channel bells: the bells hang",
        "fine  channel bells: a test page went to hall; look whether it arrived",
        "fine  channel bells: a test page went to tower; look whether it arrived",
    ]
    assert [message.target for message in letterbox.sent] == ["hall", "tower"]
    page = letterbox.sent[0].page
    assert page.drill
    assert page.headline.startswith("This is a test")
    assert len({message.delivery_id for message in letterbox.sent}) == 2
    tocsin("check", "--live")
    assert len({message.page.incident_id for message in letterbox.sent}) == 4, "a second test rings as the first did"


def test_live_asks_on_after_something_did_not_answer(tocsin: Run, configured: Path) -> None:
    text = configured.read_text().replace('name = "letters"', 'name = "letters"\nbroken = "the key was revoked"')
    configured.write_text(text.replace('rooms = ["hall", "tower"]', 'rooms = ["hall", "tower"]\nrefuses = "tower"'))
    result = tocsin("check", "--live")
    assert result.exit_code == 1
    assert "wrong  source letters: the key was revoked" in result.output
    assert "fine  channel bells: a test page went to hall" in result.output
    assert "wrong  channel bells: the bell in the tower is broken" in result.output


def test_live_bears_a_plug_in_that_breaks(tocsin: Run, configured: Path) -> None:
    configured.write_text(configured.read_text().replace('"tower"]', '"tower"]\nbursts = true'))
    result = tocsin("check", "--live", "--json")
    assert result.exit_code == 1
    answers = json.loads(result.output)["live"]
    assert [answer["fine"] for answer in answers] == [True, False]
    assert answers[1]["message"] == "RuntimeError: the tower fell down"


def test_what_is_switched_off_is_not_asked(tocsin: Run, configured: Path) -> None:
    text = configured.read_text()
    extra = '[[channels]]\ntype = "letterbox.channel"\nname = "old"\nrooms = ["attic"]\nenabled = false\n'
    configured.write_text(text + extra)
    assert "old" not in tocsin("check", "--live").output


def test_the_schema_is_printed_without_a_configuration(tocsin: Run) -> None:
    result = tocsin("check", "--schema")
    assert result.exit_code == 0
    assert "brands" in json.loads(result.output)["properties"]


def test_markup_in_the_configuration_is_shown_as_it_is(tocsin: Run, configured: Path) -> None:
    configured.write_text(configured.read_text().replace('name = "Bolt"', 'name = "[red]Bolt[/]"'))
    assert "[red]Bolt[/]" in tocsin("check").output


def test_a_model_that_cannot_be_loaded_is_found_without_asking_anybody(tocsin: Run, configured: Path) -> None:
    configured.write_text(configured.read_text() + '[understanding]\nmodel = "odd.model"\n')
    (configured.parent / "odd.model").write_text("no model")
    result = tocsin("check")
    assert result.exit_code == 1
    assert "wrong  model" in result.output
    assert "tocsin train" in result.output
