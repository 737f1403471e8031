"""Signing in by an OpenID Connect provider that runs on loopback, and what is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from config.references import SecretReference
from config.web import OidcSettings, WebSettings
from storage import audit
from tests.monitor.web.desks import browser, desk
from tests.servers.oidc import CLIENT, SECRET, Oidc, provider

AWAY = "https://tocsin.example"


@pytest.fixture
def oidc() -> Iterator[Oidc]:
    with provider(int(time.time())) as made:
        yield made


@pytest.fixture
def of(oidc: Oidc, tmp_path: Path) -> Iterator[Any]:
    """A desk whose people sign in at that provider."""
    (tmp_path / "secret").write_text(SECRET)
    settings = OidcSettings(
        issuer=oidc.issuer,
        client_id=CLIENT,
        client_secret=SecretReference(file=tmp_path / "secret"),
        roles={"press": "responder", "insights": "analyst"},
    )
    with desk(WebSettings(allowed_hosts=["tocsin.example"], oidc=settings)) as made:
        yield made


def come_back(of: Any, oidc: Oidc, **changes: str) -> tuple[Any, Any]:
    """A browser that went to the provider and came back, and the answer that it got."""
    client = browser(of, at=AWAY, address="192.0.2.7")
    left = client.get("/login/provider?next=/review")
    assert left.status_code == 303
    back = oidc.sign_in(left.headers["location"])
    for before, after in changes.items():
        back = back.replace(before, after)
    return client, client.get(back)


def test_groups_give_the_role_and_one_comes_back_where_one_wanted(of: Any, oidc: Oidc) -> None:
    oidc.claims = {"email": "ada@example.com", "email_verified": True, "groups": ["press", "insights", "chess"]}
    client, answer = come_back(of, oidc)
    assert (answer.status_code, answer.headers["location"]) == (303, "/review")
    page = client.get("/review").text
    assert "ada@example.com" in page
    with of.database.read() as tx:
        assert (audit.recent(tx)[0].actor, audit.recent(tx)[0].details) == ("ada@example.com", {"by": "provider"})


def test_whoever_is_in_no_group_is_turned_away(of: Any, oidc: Oidc) -> None:
    oidc.claims = {"preferred_username": "eve", "groups": "chess"}
    client, answer = come_back(of, oidc)
    assert answer.status_code == 403
    assert "none of the groups" in answer.text
    assert client.get("/review", headers={"accept": "x/y"}).status_code == 401


@pytest.mark.parametrize(
    "spoilt",
    [{"nonce": "another"}, {"aud": "somebody else"}, {"iss": "https://evil.example"}, {"exp": 1}, {"nonce": None}],
)
def test_a_token_for_somebody_else_is_refused(of: Any, oidc: Oidc, spoilt: dict[str, Any]) -> None:
    oidc.claims, oidc.spoilt = {"groups": ["press"]}, spoilt
    assert come_back(of, oidc)[1].status_code == 403


def test_a_token_signed_by_somebody_else_is_refused(of: Any, oidc: Oidc) -> None:
    oidc.claims, oidc.signed_by = {"groups": ["press"]}, RSAKey.generate_key(2048)
    assert come_back(of, oidc)[1].status_code == 403


def test_a_sign_in_that_began_elsewhere_is_refused(of: Any, oidc: Oidc) -> None:
    oidc.claims = {"groups": ["press"]}
    assert come_back(of, oidc, **{"state=": "state=x"})[1].status_code == 400
    assert browser(of, at=AWAY).get("/login/provider/back?code=code+0&state=").status_code == 400


def test_a_code_is_good_once(of: Any, oidc: Oidc) -> None:
    oidc.claims = {"groups": ["press"]}
    assert come_back(of, oidc, **{"code+0": "code+1"})[1].status_code == 403


def test_a_provider_that_does_not_answer_is_said(of: Any, oidc: Oidc) -> None:
    oidc.server.clear()
    answer = browser(of, at=AWAY, address="192.0.2.7").get("/login/provider")
    assert answer.status_code == 502
    assert "does not answer as a provider should" in answer.text


def test_without_a_provider_there_is_no_such_way() -> None:
    with desk() as of:
        assert browser(of).get("/login/provider").status_code == 404
