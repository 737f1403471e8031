"""An OpenID Connect provider on loopback: discovery, keys, codes with PKCE, identity tokens; as the standard says."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

CLIENT, SECRET = "tocsin", "provider-secret"


@dataclass
class Oidc:
    """A provider; `claims` are what it says of whoever signs in, `spoilt` replaces parts of the next tokens."""

    server: HTTPServer
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"}))
    claims: dict[str, Any] = field(default_factory=dict)
    spoilt: dict[str, Any] = field(default_factory=dict)
    signed_by: RSAKey | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    now: int = 1_700_000_000

    @property
    def issuer(self) -> str:
        """Its address."""
        return self.server.url_for("").rstrip("/")

    def sign_in(self, url: str) -> str:
        """What the provider's page does when a person agrees: the address that the browser is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = f"code {len(self.codes)}"
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def describe(self, _: Request) -> Response:
        """Discovery."""
        return _json(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            }
        )

    def token(self, request: Request) -> Response:
        """A code for an identity token, once, and only with the verifier that belongs to it."""
        asked = self.codes.pop(request.form.get("code", ""), None)
        given = base64.b64decode(request.headers.get("Authorization", "Basic ").split(" ")[1]).decode()
        digest = hashlib.sha256(request.form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or asked["code_challenge"] != challenge or given != f"{CLIENT}:{SECRET}":
            return _json({"error": "invalid_grant"}, 400)
        told = {"iss": self.issuer, "aud": CLIENT, "sub": "1", "iat": self.now, "exp": self.now + 300}
        claims = {**told, "nonce": asked["nonce"], **self.claims, **self.spoilt}
        signed = jwt.encode({"alg": "RS256", "kid": "k1"}, claims, self.signed_by or self.key)
        return _json({"access_token": "a", "token_type": "Bearer", "id_token": signed})


@contextmanager
def provider(now: int) -> Iterator[Oidc]:
    """A provider that runs."""
    with HTTPServer(host="127.0.0.1", port=0) as server:
        made = Oidc(server, now=now)
        server.expect_request("/.well-known/openid-configuration").respond_with_handler(made.describe)
        server.expect_request("/keys").respond_with_handler(
            lambda _: _json({"keys": [made.key.as_dict(private=False)]})
        )
        server.expect_request("/token", method="POST").respond_with_handler(made.token)
        yield made


def _json(told: Any, status: int = 200) -> Response:
    return Response(json.dumps(told), status, content_type="application/json")
