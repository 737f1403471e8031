"""Sign-in by an OpenID Connect provider: authorization code with PKCE; the identity token is checked by joserfc."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from config.web import OidcSettings
from monitor.web.roles import Role

if TYPE_CHECKING:
    from authlib.integrations.httpx_client import OAuth2Client
    from joserfc.jwk import KeySetSerialization

PATIENCE = 10.0
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


class OidcError(Exception):
    """The provider did not sign the person in; the message says why, for the log and the person."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """What a browser carries while it is away at the provider."""

    url: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Provider:
    """One OpenID Connect provider."""

    settings: OidcSettings

    def leave(self, redirect_uri: str) -> Leaving:
        """Where to send the browser."""
        nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        with self._client(redirect_uri) as client:
            url, state = client.create_authorization_url(
                self._described()["authorization_endpoint"], nonce=nonce, code_verifier=verifier
            )
        return Leaving(url, state, nonce, verifier)

    def come_back(self, answer: str, left: Leaving, redirect_uri: str) -> Mapping[str, Any]:
        """What the provider says of the person, from the address `answer` that the browser came back to."""
        described = self._described()
        try:
            with self._client(redirect_uri) as client:
                token = client.fetch_token(
                    described["token_endpoint"],
                    authorization_response=answer,
                    state=left.state,
                    code_verifier=left.verifier,
                )
            return self._claims(token, described, left.nonce)
        except (AuthlibBaseError, JoseError, httpx.HTTPError, ValueError, KeyError) as error:
            raise OidcError(f"{self.settings.issuer} did not sign you in: {error}") from error

    def role_of(self, claims: Mapping[str, Any]) -> Role:
        """The highest role that the person's groups give; `OidcError` when they give none."""
        given = claims.get(self.settings.role_claim, [])
        groups = [given] if isinstance(given, str) else given if isinstance(given, list) else []
        names: Iterable[str] = [self.settings.roles[group] for group in groups if group in self.settings.roles]
        roles = [Role(name) for name in names] or (
            [Role(self.settings.default_role)] if self.settings.default_role else []
        )
        if not roles:
            raise OidcError("you are in none of the groups that may come in here; ask whoever runs it")
        return max(roles, key=lambda role: role.rank)

    def _client(self, redirect_uri: str) -> OAuth2Client:
        # Imported here: it warns of what it is made of, and only who signs in by a provider needs it.
        from authlib.integrations import httpx_client  # noqa: PLC0415

        return httpx_client.OAuth2Client(
            self.settings.client_id,
            self.settings.client_secret.resolve().get_secret_value(),
            scope=" ".join(self.settings.scopes),
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=PATIENCE,
            trust_env=False,
        )

    def _described(self) -> dict[str, Any]:
        described = self._get(f"{self.settings.issuer}/.well-known/openid-configuration")
        if described.get("issuer", "").rstrip("/") != self.settings.issuer:
            raise OidcError(
                f"{self.settings.issuer} calls itself {described.get('issuer')!r}; set web.oidc.issuer to that"
            )
        return described

    def _claims(self, token: Mapping[str, Any], described: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        keys = KeySet.import_key_set(cast("KeySetSerialization", self._get(described["jwks_uri"])))
        decoded = jwt.decode(token["id_token"], keys, algorithms=ALGORITHMS)
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {
                "iss": {"essential": True, "value": described["issuer"]},
                "aud": {"essential": True, "value": self.settings.client_id},
                "nonce": {"essential": True, "value": nonce},
            },
            {"nonce": nonce, "client_id": self.settings.client_id, "access_token": token.get("access_token")},
        )
        claims.validate(leeway=60)
        return dict(claims)

    def _get(self, url: str) -> dict[str, Any]:
        try:
            answer = httpx.get(url, timeout=PATIENCE, trust_env=False)
            found: dict[str, Any] = answer.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise OidcError(f"{url} does not answer as a provider should: {error}") from error
        return found


def name_of(claims: Mapping[str, Any]) -> str:
    """How the person is called here: a confirmed address, else the name at the provider, else its number there."""
    if claims.get("email") and claims.get("email_verified", True) is not False:
        return str(claims["email"])[:100]
    return str(claims.get("preferred_username") or claims["sub"])[:100]
