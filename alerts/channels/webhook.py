"""Webhook: every alert as signed JSON to an address of your own, by the Standard Webhooks.

`webhook-id` is the delivery's id, the same for every attempt: a receiver that keeps the ids it has seen is told exactly
once. https://www.standardwebhooks.com.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field, model_validator

from alerts.buckets import Pace
from alerts.channels.contract import ChannelContext, ChannelError, ChannelOptions, Message, Outcome, Receipt
from alerts.deadline import Deadline
from alerts.page import to_json
from alerts.render.ladder import rungs
from alerts.render.line import line
from alerts.render.plain import plain
from alerts.signatures import WeakSecretError, signed_headers, signing_key
from alerts.web_channel import Line, TooMuchError, WebChannel, as_json
from config.references import SecretReference


class Options(ChannelOptions):
    """The keys of a `[[channels]]` table of the type `webhook`."""

    gathers: ClassVar[bool] = False
    pace: ClassVar[Pace | None] = Pace(every=0.2, burst=20)

    url: SecretReference
    """Where the address lies that is written to; it is a secret, since whoever has it may write there."""
    secret: SecretReference
    """Where the signing secret lies: whsec_ and base64 of 24 random bytes or more."""
    next_secret: SecretReference | None = None
    """Where a second secret lies while the first is being replaced; messages are then signed with both."""
    receiver: str = Field(default="receiver", min_length=1)
    """What the receiver is called in our own messages."""
    proxy: str = Field(default="", pattern=r"^(http://\S+)?$")
    """Address of an HTTP proxy to go through."""

    @model_validator(mode="after")
    def _replace_with_another(self) -> Options:
        if self.next_secret is not None and self.next_secret == self.secret:
            raise ValueError("next_secret lies where secret lies; name another place")
        return self

    @property
    def targets(self) -> tuple[str, ...]:
        """The receiver."""
        return (self.receiver,)


@dataclass(frozen=True, slots=True)
class WebhookChannel(WebChannel[Options]):
    """One receiver."""

    def send(self, message: Message, deadline: Deadline) -> Receipt:
        """Post the alert, without its curve where the receiver finds it too large."""
        url, secrets = self.secret_address(self.options.url), self._signing_secrets()
        way = self.line(deadline, url, *secrets)
        events = rungs(message.delivery_id, [lambda: full(message), lambda: bare(message), lambda: least(message)])
        return self.first_taken(events, lambda event: self._post(way, url, secrets, message.delivery_id, event))

    def probe(self, deadline: Deadline) -> str:
        """Ask for the head of the address: whether somebody answers there, and the secrets are sound."""
        url, secrets = self.secret_address(self.options.url), self._signing_secrets()
        way = self.line(deadline, url, *secrets)
        answer = way.ask(url, method="HEAD")
        if answer.status in (404, 410) or answer.status >= 500:
            way.require(answer, "its head")
        return f"somebody answers ({answer.status}); alerts are signed with {len(secrets)} secret(s)"

    def _post(self, way: Line, url: str, secrets: list[str], name: str, event: dict[str, Any]) -> Receipt:
        body, headers = as_json(event)
        headers |= signed_headers(name, self.context.clock(), body, secrets)
        answer = way.ask(url, body, headers)
        if answer.status == 413:
            raise way.failure(answer, "it finds the message too large", Outcome.REFUSED, kind=TooMuchError)
        way.require(answer)
        return Receipt(name)

    def _signing_secrets(self) -> list[str]:
        places = [place for place in (self.options.secret, self.options.next_secret) if place is not None]
        secrets = [self.secret(place) for place in places]
        for place, secret in zip(places, secrets, strict=True):
            try:
                signing_key(secret)
            except WeakSecretError as error:
                said = f"{self.name}: {error} (in {place})"
                raise ChannelError(said, Outcome.BROKEN, whole_channel=True) from error
        return secrets


def build(options: Options, context: ChannelContext) -> WebhookChannel:
    """The channel of one configuration."""
    return WebhookChannel(options, context)


def full(message: Message) -> dict[str, Any]:
    """Everything: the page as it is stored, and the same as text."""
    return _event(message, to_json(message.page))


def bare(message: Message) -> dict[str, Any]:
    """Without the curve and the posts."""
    return _event(message, {**to_json(message.page), "curve": None, "quotes": [], "similar": []})


def least(message: Message) -> dict[str, Any]:
    """The line and the identities."""
    page = message.page
    return {
        "type": f"alert.{page.reason.value}",
        "timestamp": page.at.isoformat(),
        "data": {"line": line(page), "incident_id": page.incident_id, "episode": page.episode},
    }


def _event(message: Message, said: dict[str, Any]) -> dict[str, Any]:
    event = least(message)
    return {**event, "data": {**event["data"], "text": plain(message.page), "page": said}}
