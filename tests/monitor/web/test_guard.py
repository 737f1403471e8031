"""What every request passes: names, sizes, headers, failures; and that no route is without a lock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter
from structlog.testing import capture_logs

from config.web import WebSettings
from monitor.web import app
from storage.database import Database
from tests.monitor.web.desks import HOME, browser, desk, token_in


def test_pages_may_load_nothing_from_elsewhere() -> None:
    with desk() as of:
        headers = browser(of).get("/").headers
    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "[", ""])
def test_a_name_that_was_bent_to_this_machine_is_refused(name: str) -> None:
    with desk() as of:
        answer = browser(of).get("/", headers={"host": name})
    assert answer.status_code == 421
    assert "web.allowed_hosts" in answer.text


@pytest.mark.parametrize("at", ["http://localhost:8477", "http://127.0.0.1", "http://[::1]:8477"])
def test_names_of_this_machine_need_no_sign_in(at: str) -> None:
    with desk() as of:
        assert browser(of, at=at).get("/").status_code == 200


@pytest.mark.parametrize(
    ("at", "address", "headers"),
    [
        ("http://tocsin.example", "127.0.0.1", {}),
        ("http://127.0.0.1:8477", "192.0.2.7", {}),
        ("http://127.0.0.1:8477", "127.0.0.1", {"x-forwarded-for": "192.0.2.7"}),
        ("http://127.0.0.1:8477", "127.0.0.1", {"forwarded": "for=192.0.2.7"}),
    ],
)
def test_whoever_comes_from_elsewhere_signs_in(at: str, address: str, headers: dict[str, str]) -> None:
    with desk(WebSettings(allowed_hosts=["tocsin.example"])) as of:
        answer = browser(of, at=at, address=address).get("/", headers={**headers, "accept": "application/json"})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_this_machine_can_be_asked_to_sign_in_too() -> None:
    with desk(WebSettings(trust_loopback=False)) as of:
        answer = browser(of).get("/", headers={"accept": "text/html"})
    assert answer.headers["location"] == "/login?next=/"


def test_a_large_body_is_refused_whatever_its_header_says() -> None:
    def pieces() -> object:
        yield from (b"x" * 1_000_000 for _ in range(4))

    with desk() as of:
        told = browser(of).post("/", content=b"x", headers={"content-length": "9999999999"})
        untold = browser(of).post("/healthz", content=pieces())  # type: ignore[arg-type]
    assert told.status_code == 413
    assert untold.status_code in (405, 413)


def test_a_length_that_is_no_number_is_refused() -> None:
    with desk() as of:
        assert browser(of).get("/", headers={b"content-length": b"\xb2"}).status_code == 413


@pytest.mark.parametrize(
    "path", ["/incidents?brand=%00", "/incidents?tag=a%00b", "/incidents/%00", "/briefs/week/%00/x"]
)
def test_an_address_with_a_nul_is_refused(path: str) -> None:
    with desk() as of:
        assert browser(of).get(path).status_code == 400


@pytest.mark.parametrize("sent", [{"data": {"name": "a\0b"}}, {"files": {"name": (None, "a\0b")}}])
def test_a_form_with_a_nul_is_refused(sent: dict[str, Any]) -> None:
    with desk() as of:
        client = browser(of)
        form = {"csrf": token_in(client.get("/explore").text)}
        given = {**sent, "data": {**form, **sent.get("data", {})}}
        assert client.post("/explore/views", headers={"origin": HOME}, **given).status_code == 400
        given["data"] = form | {"name": "%00"}
        assert client.post("/explore/views", headers={"origin": HOME}, data=given["data"]).status_code == 303


def test_a_new_database_is_ready_before_anybody_led(tmp_path: Path) -> None:
    with Database.open(f"sqlite:///{tmp_path}/new.db") as database, desk(database=database) as of:
        assert browser(of).get("/readyz").json() == {"status": "ok"}


def test_a_route_without_a_lock_stops_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    router = APIRouter()
    router.add_api_route("/open", lambda: "come in")
    monkeypatch.setattr(app, "ROUTERS", (*app.ROUTERS, router))
    with desk() as of, pytest.raises(app.UnguardedRouteError, match="/open"):
        app.create(of)


def test_a_failure_is_told_without_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the password is hunter2")

    with desk() as of:
        client = browser(of)
        monkeypatch.setattr("monitor.web.now.page", fail)
        with capture_logs() as log:
            answer = client.get("/")
    assert [line["error"] for line in log] == ["RuntimeError"]
    assert answer.status_code == 500
    assert "hunter2" not in answer.text
