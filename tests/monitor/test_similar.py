"""Past incidents like this one: which are shown, and what is said of them."""

from __future__ import annotations

from typing import Any

from monitor.similar import similar
from storage import incidents
from storage.database import Database, Transaction
from storage.records import Incident, IncidentState
from tests.storage.examples import NOON, after, incident

NOW = incident("now", kind="recall", facts={"terms": ["batch", "glass", "jar"]})


def past(tx: Transaction, name: str, days: int = 30, **fields: Any) -> Incident:
    ended = {"state": IncidentState.RESOLVED, "resolved_at": after(days=-days, hours=3)}
    one = incident(name, opened_at=after(days=-days), began_at=after(days=-days, hours=-1), **{**ended, **fields})
    incidents.insert(tx, one)
    return one


def shown(tx: Transaction) -> list[str]:
    return [one.incident_id for one in similar(tx, NOW, ["Glass"], NOON, "")]


def test_the_same_kind_of_harm_and_the_same_words_come_first(database: Database) -> None:
    with database.write() as tx:
        past(tx, "kind", kind="recall")
        past(tx, "words", facts={"terms": ["glass", "jar"]})
        past(tx, "both", 300, kind="recall", facts={"terms": ["Glass", "JAR"]})
        past(tx, "neither", kind="outage", facts={"terms": ["login"]})
        assert shown(tx) == ["both", "words", "kind"]


def test_another_brand_counts_only_with_kind_and_words(sqlite_database: Database) -> None:
    with sqlite_database.write() as tx:
        past(tx, "kind", brand="Bolt", kind="recall")
        past(tx, "words", brand="Bolt", facts={"terms": ["glass", "jar", "batch"]})
        past(tx, "both", brand="Bolt", kind="recall", facts={"terms": ["glass", "jar"]})
        assert shown(tx) == ["both"]


def test_what_was_merged_or_came_later_is_not_past(sqlite_database: Database) -> None:
    with sqlite_database.write() as tx:
        incidents.insert(tx, NOW)
        past(tx, "merged", kind="recall", facts={"merged_into": "x", "terms": ["glass"]})
        past(tx, "later", -1, kind="recall", facts={"terms": ["glass"]})
        assert shown(tx) == []


def test_what_was_done_then_is_told_with_the_answer_of_then(database: Database) -> None:
    with database.write() as tx:
        one = past(tx, "past", 30, kind="recall")
        said = (
            (0, "opened", "tocsin", {}),
            (4, "acknowledged", "Ada", {}),
            (41, "answered", "Ada", {"link": "https://acme.example/recall"}),
            (180, "resolved", "Ada", {"note": "all jars are back"}),
            (200, "verdict", "Ada", {"verdict": "real"}),
        )
        for minute, kind, actor, details in said:
            at = after(days=-30, minutes=minute)
            incidents.append_event(tx, one.id, at, kind, actor, {"episode": 1, **details})
        (found,) = similar(tx, NOW, (), NOON, "https://tocsin.example")
    assert found.outcome == (
        "a real one, taken by Ada after 4 minutes, answered after 41 minutes, over after 3 hours. “all jars are back”"
    )
    assert (found.answer, found.url) == ("https://acme.example/recall", "https://tocsin.example/incidents/past")


def test_a_replay_knows_only_what_had_happened_by_then(sqlite_database: Database) -> None:
    with sqlite_database.write() as tx:
        one = past(tx, "past", 1, kind="recall", state=IncidentState.OPEN, resolved_at=None)
        incidents.append_event(tx, one.id, after(days=-1), "opened", "tocsin", {"episode": 1})
        incidents.append_event(tx, one.id, after(hours=1), "false_alarm", "Ada", {"episode": 1})
        (found,) = similar(tx, NOW, (), NOON, "")
    assert found.outcome == "still going on after 1 day, never answered publicly"
