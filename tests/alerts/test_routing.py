"""Who is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from pydantic import ValidationError

from alerts.routing import Destination, Routing, Subject
from config.settings import Settings
from storage.database import Database
from storage.ingest import Intake, write
from storage.records import Severity
from tests.alerts.examples import NOW, incident
from tests.storage.examples import post

CHANNELS = [
    {
        "type": "slack",
        "name": "slack",
        "options": {"token": {"env": "T"}, "channels": ["C0ROOM", "C0OTHER"]},
    },
    {
        "type": "smtp",
        "name": "mail",
        "options": {"host": "mail.example", "sender": "t@halden.example", "to": ["a@halden.example"]},
    },
    {
        "type": "smtp",
        "name": "chief",
        "options": {"host": "mail.example", "sender": "t@halden.example", "to": ["chief@halden.example"]},
    },
    {
        "type": "smtp",
        "name": "unused",
        "enabled": False,
        "options": {"host": "mail.example", "sender": "t@halden.example", "to": ["x@halden.example"]},
    },
]
ROOM, OTHER = Destination("slack", "C0ROOM", edits=True), Destination("slack", "C0OTHER", edits=True)
MAIL, CHIEF = Destination("mail", "a@halden.example"), Destination("chief", "chief@halden.example")


def routing(*routes: dict[str, Any]) -> Routing:
    return Routing.build(Settings.model_validate({"channels": CHANNELS, "routes": list(routes)}))


def about(**changes: Any) -> Subject:
    usual = {"brand": "Halden", "severity": Severity.WARNING, "kind": "outage", "sources": ("reddit", "feeds")}
    return Subject(**{**usual, **changes})


@pytest.mark.parametrize(
    ("route", "is_told"),
    [
        ({}, True),
        ({"brands": ["Halden"]}, True),
        ({"brands": ["Another"]}, False),
        ({"severities": ["critical"]}, False),
        ({"severities": ["warning", "critical"]}, True),
        ({"kinds": ["outage"]}, True),
        ({"kinds": ["recall"]}, False),
        ({"sources": ["feeds"]}, True),
        ({"sources": ["twitter"]}, False),
        ({"brands": ["Halden"], "sources": ["twitter"]}, False),
    ],
)
def test_a_route_is_for_what_it_names(route: dict[str, Any], is_told: bool) -> None:
    assert routing({"channels": ["mail"], **route}).destinations(about()) == ([MAIL] if is_told else [])


@pytest.mark.parametrize(
    ("route", "at", "is_told"),
    [
        ({"languages": ["no"]}, NOW, True),
        ({"languages": ["NO", "sv"]}, NOW, True),
        ({"languages": ["de"]}, NOW, False),
        ({"hours": ["08:00-16:00"]}, NOW, True),
        ({"hours": ["08:00-14:20"]}, NOW, False),
        ({"hours": ["14:20-14:21"]}, NOW, True),
        ({"hours": ["saturday, sunday 00:00-24:00", "tuesday 14:00-15:00"]}, NOW, True),
        ({"hours": ["monday 20:00-15:00"]}, NOW, True),
        ({"hours": ["tuesday 20:00-15:00"]}, NOW, False),
        ({"hours": ["15:00-16:00"], "timezone": "Europe/Oslo"}, NOW, True),
        ({"hours": ["23:00-24:00"], "timezone": "Asia/Tokyo"}, NOW, True),
        ({"hours": ["01:00-02:00"]}, None, True),
    ],
)
def test_a_route_is_for_its_languages_and_hours(route: dict[str, Any], at: datetime | None, is_told: bool) -> None:
    subject = about(languages=("no", "en"), at=at)
    assert routing({"channels": ["mail"], **route}).destinations(subject) == ([MAIL] if is_told else [])


def test_a_language_counts_when_a_fifth_speaks_it(database: Database) -> None:
    keys = [("reddit", str(number)) for number in range(10)]
    spoken = ["en"] * 6 + ["no"] * 2 + ["de", None]
    found = [post(key[1], source="reddit", language=one) for key, one in zip(keys, spoken, strict=True)]
    with database.write() as tx:
        write(tx, Intake(posts=found))
        about_it = replace(incident(), evidence=tuple(keys))
        assert routing({"channels": ["mail"], "languages": ["no"]}).subject(tx, about_it, NOW).languages == ("en", "no")
        assert routing({"channels": ["mail"]}).subject(tx, about_it, NOW).languages == ()


def test_every_target_of_every_matching_route_is_told_once() -> None:
    both = routing({"channels": ["slack"]}, {"channels": ["mail", "slack"]})
    assert both.destinations(about()) == [ROOM, OTHER, MAIL]


def test_without_routes_every_channel_is_told() -> None:
    assert routing().destinations(about()) == [ROOM, OTHER, MAIL, CHIEF]


def test_channels_that_are_switched_off_are_not_told() -> None:
    assert routing({"channels": ["unused"]}).destinations(about()) == []


def test_the_fallback_is_that_of_the_matching_routes_and_none_that_is_told_anyway() -> None:
    routes = routing(
        {"channels": ["slack"], "fallback": ["mail", "chief"]},
        {"channels": ["mail"]},
        {"channels": ["chief"], "severities": ["critical"], "fallback": ["slack"]},
    )
    assert routes.fallbacks(about()) == [CHIEF]


def test_options_are_checked_without_reading_a_secret() -> None:
    wrong = [{**CHANNELS[0], "options": {"token": {"env": "T"}, "channels": ["#pr"]}}]
    with pytest.raises(ValidationError, match="is not a channel id"):
        Routing.build(Settings.model_validate({"channels": wrong}))
