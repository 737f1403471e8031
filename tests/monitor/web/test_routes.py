"""Every route and every role, as a table: a route that is added without a row here fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi.routing import APIRoute

from config.web import WebSettings
from monitor.web.app import ROUTERS, accesses
from monitor.web.roles import Role
from storage import accounts
from storage.accounts import Account, Token
from tests.monitor.web.desks import NOW, browser, desk

ANYONE, VIEWER, RESPONDER, ANALYST, OPERATOR = None, Role.VIEWER, Role.RESPONDER, Role.ANALYST, Role.OPERATOR

TABLE = {
    "GET /healthz": ANYONE,
    "GET /readyz": ANYONE,
    "GET /login": ANYONE,
    "POST /login": ANYONE,
    "POST /logout": VIEWER,
    "GET /login/provider": ANYONE,
    "GET /login/provider/back": ANYONE,
    "GET /mail/{token}": ANYONE,
    "POST /mail/{token}": ANYONE,
    "POST /inbound/slack/{name}": ANYONE,
    "POST /inbound/pagerduty/{name}": ANYONE,
    "GET /ingest": ANYONE,
    "POST /ingest/{name}": ANYONE,
    "GET /live": VIEWER,
    "GET /": VIEWER,
    "GET /incidents": VIEWER,
    "GET /incidents/{incident_id}": VIEWER,
    "GET /incidents/{incident_id}/alternatives": VIEWER,
    "GET /incidents/{incident_id}/report": VIEWER,
    "GET /briefs/{every}/{day}/{brand:path}": VIEWER,
    "POST /incidents/{incident_id}/act": RESPONDER,
    "POST /incidents/{incident_id}/work": RESPONDER,
    "GET /explore": VIEWER,
    "POST /explore/views": ANALYST,
    "POST /explore/views/remove": ANALYST,
    "GET /tune": VIEWER,
    "POST /tune/try": ANALYST,
    "GET /tune/trials/{trial_id}": ANALYST,
    "POST /tune/save": OPERATOR,
    "GET /sources": VIEWER,
    "GET /review": VIEWER,
    "POST /review/{incident_id}": ANALYST,
    "GET /metrics": VIEWER,
    "GET /api/v1/incidents": VIEWER,
    "GET /api/v1/incidents/{incident_id}": VIEWER,
    "GET /api/v1/incidents/{incident_id}/timeline": VIEWER,
    "POST /api/v1/incidents/{incident_id}/actions": RESPONDER,
    "POST /api/v1/incidents/{incident_id}/work": RESPONDER,
    "GET /api/v1/actions": VIEWER,
    "GET /api/v1/events": VIEWER,
    "GET /api/v1/posts": VIEWER,
    "GET /api/v1/threads/{source}/{thread_id:path}": VIEWER,
    "GET /api/v1/pulse": VIEWER,
    "GET /api/v1/brands": VIEWER,
    "GET /api/v1/sources": VIEWER,
    "GET /api/v1/gaps": VIEWER,
    "GET /api/v1/runs": VIEWER,
    "GET /api/v1/deliveries": VIEWER,
    "GET /api/v1/silences": VIEWER,
    "POST /api/v1/silences": RESPONDER,
    "DELETE /api/v1/silences/{silence_id}": RESPONDER,
    "GET /api/v1/openapi.json": VIEWER,
}
"""What each route asks for; `ANYONE` has a lock of its own (a password, a signature) or hides nothing."""

ROUTES = {
    f"{method} {route.path}": route
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in route.methods
}
STREAMS = ("GET /live", "GET /api/v1/events")
"""They answer whoever may listen, without an end."""
SCOPES = {Role.VIEWER: "read", Role.RESPONDER: "respond", Role.ANALYST: "analyse", Role.OPERATOR: "operate"}


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Somebody elsewhere, for whom there is an account of every role, with a token."""
    with desk(WebSettings(allowed_hosts=["tocsin.example"])) as of:
        with of.database.write() as tx:
            for role in Role:
                accounts.add(tx, Account(role.value, role.value, NOW))
                made = Token(role.value, role.value, "", "", (SCOPES[role],), NOW, NOW + timedelta(days=1))
                accounts.add_token(tx, f"token of {role.value}", made)
            made = Token("narrow", "operator", "", "", ("read",), NOW, NOW + timedelta(days=1))
            accounts.add_token(tx, "token of narrow", made)
        yield browser(of, at="https://tocsin.example", address="192.0.2.7")


def test_the_table_has_every_route_and_no_other() -> None:
    assert set(ROUTES) == set(TABLE)


@pytest.mark.parametrize("name", ROUTES)
def test_a_route_asks_for_what_the_table_says(name: str) -> None:
    assert [access.role for access in accesses(ROUTES[name])] == [TABLE.get(name)]


@pytest.mark.parametrize("name", [name for name, role in TABLE.items() if role is not None])
def test_nobody_comes_in_without_a_name(client: Any, name: str) -> None:
    assert ask(client, name).status_code == 401


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("name", [name for name, role in TABLE.items() if role is not None and name not in STREAMS])
def test_a_role_may_what_the_table_says(client: Any, name: str, role: Role) -> None:
    needed = TABLE[name]
    assert needed is not None
    refused = ask(client, name, f"token of {role.value}").status_code == 403
    if name == "POST /tune/save" and role is Role.OPERATOR:
        return  # it is off in the configuration, which is another 403
    assert refused == (role.rank < needed.rank)


def test_a_token_may_no_more_than_its_scope(client: Any) -> None:
    assert ask(client, "GET /", "token of narrow").status_code == 200
    assert ask(client, "POST /api/v1/silences", "token of narrow").status_code == 403


def ask(client: Any, name: str, token: str = "") -> Any:
    method, path = name.split(" ")
    for part in (
        "{incident_id}",
        "{trial_id}",
        "{silence_id}",
        "{source}",
        "{thread_id:path}",
        "{every}",
        "{day}",
        "{brand:path}",
    ):
        path = path.replace(part, "nothing")
    headers = {"accept": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    return client.request(method, path, headers=headers, json={} if method == "POST" else None)
