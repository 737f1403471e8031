"""Links in mails by which the reader acts: signed, for one incident, one action and one reader, for seven days.

A link opens a page that asks; programs that look into mails follow links, so opening one never does anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import structlog
from itsdangerous import BadSignature, SignatureExpired, TimestampSigner, URLSafeTimedSerializer

from alerts.actions import Action, offered
from alerts.page import Page
from config.references import MissingSecretError, SecretReference
from config.settings import Settings
from config.web import SHORTEST_WEB_SECRET

_log = structlog.get_logger(__name__)

GOOD_FOR = 7 * 24 * 3600
_SALT = "tocsin: links in mails, 1"
PATH = "/mail/"


class BadLinkError(Exception):
    """A link is none of ours, was changed, or is too old; the message says so to the reader."""


@dataclass(frozen=True, slots=True)
class SignedLink:
    """What a link is for."""

    incident: str
    action: Action
    reader: str


@dataclass(frozen=True, slots=True)
class SignedLinks:
    """Makes and reads links; without a secret or an address there are none."""

    public_url: str
    secret: SecretReference | None
    clock: Callable[[], datetime]

    @classmethod
    def build(cls, settings: Settings, clock: Callable[[], datetime]) -> Self:
        """The links of one configuration; no secret is read yet."""
        return cls(settings.general.public_url.rstrip("/"), settings.web.secret, clock)

    def for_reader(self, page: Page, reader: str) -> dict[Action, str]:
        """A link for everything that the reader may do now; none where they cannot be signed."""
        serializer = self._serializer() if self.public_url and page.incident_id else None
        if serializer is None:
            return {}
        tokens = {
            one.action: [page.incident_id, one.action.value, reader] for one in offered(page.state, is_own=page.is_own)
        }
        return {action: f"{self.public_url}{PATH}{serializer.dumps(said)}" for action, said in tokens.items()}

    def read(self, token: str) -> SignedLink:
        """What a link is for; `BadLinkError` where it is not to be followed."""
        serializer = self._serializer()
        if serializer is None:
            raise BadLinkError("This installation has no links of this kind.")
        try:
            incident, action, reader = serializer.loads(token, max_age=GOOD_FOR)
            return SignedLink(str(incident), Action(action), str(reader))
        except SignatureExpired as error:
            raise BadLinkError("This link is older than seven days.") from error
        except (BadSignature, ValueError, TypeError) as error:
            raise BadLinkError("This link is not whole, or not one of ours.") from error

    def _serializer(self) -> URLSafeTimedSerializer | None:
        if self.secret is None:
            return None
        try:
            key = self.secret.resolve().get_secret_value()
        except MissingSecretError as error:
            _log.error("mails go out without links", reason=str(error))
            return None
        if len(key) < SHORTEST_WEB_SECRET:
            _log.error(
                "mails go out without links", reason=f"web.secret has fewer than {SHORTEST_WEB_SECRET} characters"
            )
            return None
        clock = self.clock

        class Signer(TimestampSigner):
            """Signs with our clock instead of the system's."""

            def get_timestamp(self) -> int:
                """Now, in whole seconds."""
                return int(clock().timestamp())

        return URLSafeTimedSerializer(key, salt=_SALT, signer=Signer, signer_kwargs={"key_derivation": "hmac"})
