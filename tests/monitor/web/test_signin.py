"""Signing in, and what goes with it: cookies, forged forms, guesses, tokens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import argon2.profiles
import pytest
from argon2 import PasswordHasher

from config.web import WebSettings
from monitor.web import passwords
from monitor.web.access import csrf_of
from monitor.web.passwords import PasswordError, hashed
from monitor.web.signin import after
from monitor.web.throttle import Throttle
from storage import accounts, audit
from storage.accounts import Account, Token
from tests.monitor.web.desks import NOW, browser, desk, token_in

AWAY = "https://tocsin.example"
PASSWORD = "correct horse battery"


@pytest.fixture
def of() -> Iterator[Any]:
    """A desk at which ada may sign in from elsewhere."""
    with desk(WebSettings(allowed_hosts=["tocsin.example"])) as made:
        with made.database.write() as tx:
            accounts.add(tx, Account("ada", "responder", NOW, hashed(PASSWORD)))
        yield made


def visitor(of: Any) -> Any:
    return browser(of, at=AWAY, address="192.0.2.7")


def sign_in(client: Any, password: str = PASSWORD, **more: str) -> Any:
    token = token_in(client.get("/login").text)
    return client.post("/login", data={"name": "ada", "password": password, "csrf": token, **more})


def test_whoever_is_unknown_is_asked_to_sign_in_and_comes_back(of: Any) -> None:
    client = visitor(of)
    asked = client.get("/", headers={"accept": "text/html"})
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=/")
    signed = sign_in(client, next="/incidents")
    assert (signed.status_code, signed.headers["location"]) == (303, "/incidents")
    assert client.get("/").status_code == 200


def test_the_cookie_is_for_this_site_and_this_browser_alone(of: Any) -> None:
    cookie = sign_in(visitor(of)).headers["set-cookie"]
    assert cookie.startswith("__Host-tocsin_session=")
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))


def test_each_sign_in_has_a_new_cookie_and_ends_the_one_before(of: Any) -> None:
    client = visitor(of)
    sign_in(client)
    first = client.cookies["__Host-tocsin_session"]
    sign_in(client)
    assert client.cookies["__Host-tocsin_session"] != first
    with of.database.read() as tx:
        assert accounts.session(tx, first, NOW, timedelta(hours=1)) is None


def test_signing_out_ends_the_session(of: Any) -> None:
    client = visitor(of)
    sign_in(client)
    cookie = client.cookies["__Host-tocsin_session"]
    assert client.post("/logout", data={"csrf": csrf_of(cookie)}).status_code == 303
    client.cookies.set("__Host-tocsin_session", cookie)
    assert client.get("/", headers={"accept": "application/json"}).status_code == 401


@pytest.mark.parametrize("password", ["wrong wrong wrong", ""])
def test_a_wrong_password_is_refused_without_saying_what_was_wrong(of: Any, password: str) -> None:
    answer = sign_in(visitor(of), password)
    assert answer.status_code in (403, 422)
    assert "set-cookie" not in answer.headers


def test_guessing_is_slowed_down_for_the_name(of: Any) -> None:
    client = visitor(of)
    codes = [sign_in(client, "wrong wrong wrong").status_code for _ in range(6)]
    assert codes == [403] * 5 + [429]
    assert int(sign_in(client).headers["retry-after"]) > 60


def test_forms_of_other_sites_do_nothing(of: Any) -> None:
    client = visitor(of)
    assert client.post("/login", data={"name": "ada", "password": PASSWORD}).status_code == 403
    sign_in(client)
    right = csrf_of(client.cookies["__Host-tocsin_session"])
    assert client.post("/logout").status_code == 403
    assert client.post("/logout", data={"csrf": csrf_of("another")}).status_code == 403
    for name, value in (("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")):
        assert client.post("/logout", data={"csrf": right}, headers={name: value}).status_code == 403
    assert client.post("/logout", data={"csrf": right}, headers={"origin": AWAY}).status_code == 303


@pytest.mark.parametrize(
    "wanted", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb", "", "/\t/x"]
)
def test_after_signing_in_one_stays_here(wanted: str) -> None:
    assert after(wanted) == "/"


def test_after_signing_in_one_goes_where_one_wanted() -> None:
    assert after("/incidents/01X?part=2#notes") == "/incidents/01X?part=2#notes"


@pytest.mark.parametrize("given", ["Bearer wrong", "Bearer ", "Basic YWRhOng="])
def test_a_wrong_token_is_refused_even_at_the_machine_itself(of: Any, given: str) -> None:
    assert browser(of).get("/", headers={"authorization": given, "accept": "x/y"}).status_code == 401


def test_a_token_lets_a_program_in_until_it_expires(of: Any) -> None:
    with of.database.write() as tx:
        accounts.add_token(tx, "good", Token("1", "ada", "", "", ("read",), NOW, NOW + timedelta(days=1)))
        accounts.add_token(tx, "late", Token("2", "ada", "", "", ("read",), NOW, NOW))
        accounts.add_token(tx, "idle", Token("3", "ada", "", "", (), NOW, NOW + timedelta(days=1)))
    codes = {
        secret: visitor(of).get("/", headers={"authorization": f"Bearer {secret}", "accept": "x/y"}).status_code
        for secret in ("good", "late", "idle")
    }
    assert codes == {"good": 200, "late": 401, "idle": 401}
    with of.database.read() as tx:
        assert {token.id: token.seen_at for token in accounts.tokens(tx)}["1"] == NOW


def test_signing_in_is_on_record(of: Any) -> None:
    sign_in(visitor(of))
    with of.database.read() as tx:
        line = audit.recent(tx)[0]
    assert (line.actor, line.action) == ("ada", "signed in")


def test_short_passwords_are_not_taken() -> None:
    with pytest.raises(PasswordError, match="12 to 1024"):
        hashed("short")


def test_a_guess_at_a_stolen_hash_costs_what_the_library_recommends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "PasswordHasher", PasswordHasher)
    cost = argon2.profiles.RFC_9106_LOW_MEMORY
    kept = argon2.extract_parameters(hashed(PASSWORD))
    assert (kept.type, kept.memory_cost, kept.time_cost) == (cost.type, cost.memory_cost, cost.time_cost)
    assert kept.memory_cost >= 64 * 1024


def test_a_throttle_fills_up_again() -> None:
    throttle = Throttle(2, timedelta(minutes=1))
    assert [throttle.take("a", NOW) for _ in range(3)] == [timedelta(), timedelta(), timedelta(minutes=1)]
    assert throttle.take("b", NOW) == timedelta()
    assert throttle.take("a", NOW + timedelta(minutes=1)) == timedelta()
    assert throttle.take("a", NOW + timedelta(minutes=1, seconds=30)) == timedelta(seconds=30)


def test_whoever_asks_too_often_from_elsewhere_waits(of: Any) -> None:
    client = visitor(of)
    codes = {client.get("/healthz").status_code for _ in range(302)}
    assert codes == {200, 429}
