"""Links in mails: for one incident, one action and one reader, for seven days, and made by nobody else."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.actions import Action, offered
from alerts.signed_links import BadLinkError, SignedLink, SignedLinks
from config.references import SecretReference
from storage.records import IncidentState
from tests.alerts.examples import NOW, page

READER = "kim@halden.example"
SECRET = "s3cret-" * 6


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_SECRET", SECRET)
    monkeypatch.setenv("OTHER_SECRET", SECRET[::-1])
    monkeypatch.setenv("SHORT_SECRET", "x" * 31)


def links(at: datetime = NOW, secret: str = "WEB_SECRET", url: str = "https://tocsin.example") -> SignedLinks:
    return SignedLinks(url, SecretReference(env=secret), lambda: at)


def token(action: Action = Action.ACKNOWLEDGE, made: SignedLinks | None = None) -> str:
    return (made or links()).for_reader(page(), READER)[action].rpartition("/")[2]


def test_there_is_a_link_for_everything_that_can_be_done_now_and_each_says_what_for() -> None:
    made = links().for_reader(page(state=IncidentState.ACKNOWLEDGED), READER)
    assert list(made) == [one.action for one in offered(IncidentState.ACKNOWLEDGED)]
    for action, link in made.items():
        assert link.startswith("https://tocsin.example/mail/")
        expected = SignedLink(page().incident_id, action, READER)
        assert links().read(link.rpartition("/")[2]) == expected


def test_a_link_is_good_for_seven_days_to_the_second() -> None:
    made = token()
    assert links(NOW + timedelta(days=7)).read(made).reader == READER
    with pytest.raises(BadLinkError, match="older than seven days"):
        links(NOW + timedelta(days=7, seconds=1)).read(made)


@given(st.data())
def test_a_link_that_was_changed_anywhere_is_none(data: st.DataObject) -> None:
    made = token()
    place = data.draw(st.integers(0, len(made) - 2))  # the last letter has bits that say nothing
    letter = data.draw(st.sampled_from("abcXYZ0189-_."))
    changed = f"{made[:place]}{letter}{made[place + 1 :]}"
    if changed != made:
        with pytest.raises(BadLinkError):
            links().read(changed)


@given(st.text(max_size=60))
def test_whatever_stands_in_place_of_a_link_is_none(said: str) -> None:
    with pytest.raises(BadLinkError):
        links().read(said)


def test_a_link_of_another_secret_is_none() -> None:
    with pytest.raises(BadLinkError, match="not whole, or not one of ours"):
        links(secret="OTHER_SECRET").read(token())


@pytest.mark.parametrize(
    "made",
    [
        SignedLinks("https://tocsin.example", None, lambda: NOW),
        SignedLinks("", SecretReference(env="WEB_SECRET"), lambda: NOW),
        SignedLinks("https://tocsin.example", SecretReference(env="SHORT_SECRET"), lambda: NOW),
        SignedLinks("https://tocsin.example", SecretReference(env="NO_SUCH_SECRET"), lambda: NOW),
    ],
)
def test_without_an_address_or_a_good_secret_there_are_none(made: SignedLinks) -> None:
    assert made.for_reader(page(), READER) == {}


def test_a_drill_can_be_taken_by_its_link() -> None:
    assert Action.ACKNOWLEDGE in links().for_reader(page(drill=True), READER)
