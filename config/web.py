"""The shape of `[web]`: the page, the API, and who may use them."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from config.durations import Duration
from config.names import RoleName
from config.problems import Mistake
from config.references import SecretReference
from config.tables import FilePath, Name, Table, Text, WebAddress

SHORTEST_WEB_SECRET = 32


class OidcSettings(Table):
    """Sign-in by an OpenID Connect provider (Keycloak, Entra ID, Google, Okta, …)."""

    issuer: WebAddress
    """Address of the provider; its settings are read from /.well-known/openid-configuration below it."""
    client_id: Text
    """How the provider calls this installation."""
    client_secret: SecretReference
    """The secret that goes with it, by reference."""
    scopes: list[Text] = ["openid", "email", "profile"]
    """What is asked for."""
    role_claim: Text = "groups"
    """Claim of the identity token that lists groups or roles."""
    roles: dict[str, RoleName] = {}
    """Role for each group; the highest counts."""
    default_role: RoleName | None = None
    """Role of those who are in none of the groups; unset to turn them away."""


class WebSettings(Table):
    """The web page and the API."""

    enabled: bool = True
    """Whether "tocsin run" serves them."""
    host: Text = "127.0.0.1"
    """Address to listen on; anything but loopback needs accounts ("tocsin users add") or [web.oidc]."""
    port: int = Field(default=8477, ge=0, le=65535)
    """Port to listen on; 0 for any that is free."""
    allowed_hosts: list[Name] = []
    """Names, beside that of general.public_url, by which browsers may ask for the page."""
    trust_loopback: bool = True
    """Whether who asks from this machine needs no sign-in; requests that a proxy passes on always need one."""
    secret: SecretReference | None = None
    """Secret (32 characters or more) that signs links in messages, by reference; unset to have no such links."""
    session_idle: Duration = timedelta(hours=12)
    """After how long without a request people must sign in again."""
    write_configuration: bool = False
    """Whether operators may save thresholds from the page into the configuration file."""
    certificate: FilePath | None = None
    """Certificate chain (PEM) to serve https with; unset to leave that to a proxy."""
    certificate_key: FilePath | None = None
    """Its private key (PEM)."""
    oidc: OidcSettings | None = None
    """Sign-in by an OpenID Connect provider."""

    @model_validator(mode="after")
    def _have_both_halves_of_the_certificate(self) -> Self:
        if (self.certificate is None) != (self.certificate_key is None):
            raise Mistake("certificate and certificate_key go together", "name both files, or neither")
        return self
