"""`POST /ingest/NAME`: a message that is answered by 202 is stored, and one that comes again changes nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from fastapi.testclient import TestClient

from config.settings import Settings
from monitor.assembly import assemble, build_collector
from monitor.collecting import SourceJob
from monitor.web.desk import Desk
from storage import inbox, posts, schedule
from storage.database import Database
from tests.collectors.test_webhook import SECRET, signed
from tests.monitor.web.desks import NOW, browser

SETTINGS = Settings.model_validate(
    {
        "brands": [{"name": "Acme"}],
        "sources": [
            {"type": "webhook", "name": "desk", "secrets": [{"env": "TEST_INGEST_SECRET"}]},
            {"type": "webhook", "name": "off", "enabled": False, "secrets": [{"env": "TEST_INGEST_SECRET"}]},
            {"type": "hackernews"},
        ],
    }
)


@pytest.fixture
def opened(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("TEST_INGEST_SECRET", SECRET)
    return Desk.build(SETTINGS, sqlite_database, lambda: NOW)


@pytest.fixture
def client(opened: Desk) -> Iterator[TestClient]:
    with browser(opened, address="198.51.100.7") as given:
        yield given


def post(name: str = "p1", **fields: Any) -> dict[str, Any]:
    return {"external_id": name, "created_at": NOW.isoformat(), "text": "Acme let me down", **fields}


def send(client: TestClient, *given: dict[str, Any], to: str = "desk", name: str = "m1", **headers: str) -> Any:
    body = json.dumps({"posts": given}).encode()
    wanted = {"content-type": "application/json", **signed(body, name=name, at=NOW), **headers}
    return client.post(f"/ingest/{to}", content=body, headers=wanted)


def waiting(opened: Desk) -> list[str]:
    with opened.database.read() as tx:
        return [letter.external_id for letter in inbox.waiting(tx, "desk", 0, 100)]


def test_what_was_taken_is_stored_before_the_answer(client: TestClient, opened: Desk) -> None:
    answer = send(client, post("p1"), post("p2"))
    assert (answer.status_code, answer.json()) == (202, {"accepted": 2, "known": 0, "repeated": False})
    assert waiting(opened) == ["p1", "p2"]


def test_a_message_that_comes_again_is_answered_alike_and_changes_nothing(client: TestClient, opened: Desk) -> None:
    send(client, post())
    assert send(client, post()).json() == {"accepted": 0, "known": 1, "repeated": True}
    assert send(client, post(), name="m2").json() == {"accepted": 0, "known": 1, "repeated": False}
    assert waiting(opened) == ["p1"]


def test_the_name_of_a_message_is_not_used_twice(client: TestClient, opened: Desk) -> None:
    send(client, post("p1"))
    answer = send(client, post("p2"))
    assert answer.status_code == 409
    assert "give each message its own" in answer.json()["errors"][0]
    assert waiting(opened) == ["p1"]


def test_taken_posts_go_through_the_pipeline_like_all_others(client: TestClient, opened: Desk) -> None:
    send(client, post(brands=["Acme"]))
    with opened.database.write() as tx:
        schedule.plan(tx, "desk", timedelta(minutes=1), NOW)
    collector = build_collector(SETTINGS.sources[0], SETTINGS, lambda: NOW, opened.database)
    pipeline = assemble(SETTINGS, opened.database)
    SourceJob(collector, timedelta(minutes=1), opened.database, pipeline, lambda: NOW).run()
    with opened.database.read() as tx:
        (found,) = posts.get(tx, [("desk", "p1")])
    assert found.text == "Acme let me down"


@pytest.mark.parametrize("name", ["off", "hackernews", "nobody", "../desk"])
def test_only_enabled_sources_of_the_type_take_messages(client: TestClient, opened: Desk, name: str) -> None:
    assert send(client, post(), to=name).status_code == 404
    assert waiting(opened) == []


@pytest.mark.parametrize(
    ("headers", "status", "complaint"),
    [
        ({"webhook-signature": "v1," + base64.b64encode(b"x" * 32).decode()}, 401, "no signature"),
        ({"webhook-timestamp": "0"}, 401, "old"),
        ({"content-type": "text/plain"}, 415, "application/json"),
    ],
)
def test_what_is_not_signed_or_is_no_json_is_refused(
    client: TestClient, opened: Desk, headers: dict[str, str], status: int, complaint: str
) -> None:
    answer = send(client, post(), **headers)
    assert answer.status_code == status
    assert complaint in answer.json()["errors"][0]
    assert waiting(opened) == []


def test_one_bad_post_refuses_the_message_and_is_named(client: TestClient, opened: Desk) -> None:
    answer = send(client, post("p1"), post("p2", created_at="yesterday"))
    assert answer.status_code == 422
    assert answer.json() == {"errors": ["posts[1].created_at: 'yesterday' is not a time"]}
    assert waiting(opened) == []


def test_what_is_no_json_at_all_is_another_mistake(client: TestClient) -> None:
    headers = {"content-type": "application/json", **signed(b"{", at=NOW)}
    assert client.post("/ingest/desk", content=b"{", headers=headers).status_code == 400


def test_a_large_message_is_refused_before_it_is_looked_at(client: TestClient) -> None:
    answer = client.post("/ingest/desk", content=b" " * (1024 * 1024 + 1))
    assert answer.status_code == 413


def test_a_source_without_its_secret_says_that_it_is_not_ready(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEST_INGEST_SECRET")
    answer = send(client, post())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "TEST_INGEST_SECRET" not in answer.text


def test_the_schema_of_a_message_is_there_to_be_read(client: TestClient) -> None:
    schema = client.get("/ingest").json()
    jsonschema.validate({"posts": [post(), post("p2", engagement={"likes": 1})]}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"posts": [post(colour="red")]}, schema)
