"""What channels over HTTP have in common: secrets by reference, one deadline, and what an answer means.

A channel made from `WebChannel` says how a message looks on its platform and which of the platform's own words mean
something else than the status does. The rest is here and in `alerts.exchange`: no redirects, no second try, answers of
64 KiB at most, `Retry-After` as seconds or as a date, and no secret in what is said about a failure.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode, urlsplit

import httpx

from alerts.channels.contract import ChannelContext, ChannelError, ChannelOptions, Message, OnDoubt, Outcome, Receipt
from alerts.deadline import Deadline
from alerts.exchange import LARGEST_ANSWER, Answer, exchange, redacted, require_success
from alerts.transport import retry_after
from config.references import MissingSecretError, SecretReference
from storage.records import Reason

Choices = TypeVar("Choices", bound=ChannelOptions)
Form = TypeVar("Form")

WAIT_WHEN_UNSAID = 30.0
"""Seconds to leave a platform alone when it says "too many" and not for how long."""
_REFERENCE = 16


class TooMuchError(ChannelError):
    """The other side does not take this form of the message; a plainer one may do."""


class RootLostError(ChannelError):
    """The message to edit or to answer is gone, or too old; a new one takes its place."""


def reference(message: Message) -> str:
    """As much of a delivery's id as a message shows, so that people can tell a repeat from something new."""
    return message.delivery_id[:_REFERENCE]


def is_edit_only(message: Message) -> bool:
    """Whether figures moved and nothing merits a new message."""
    return message.page.reason is Reason.UPDATE and not message.page.changed


@dataclass(frozen=True, slots=True)
class Line:
    """The way to a platform for one attempt. What it says about a failure holds none of the `secrets`."""

    name: str
    deadline: Deadline
    clock: Callable[[], datetime]
    secrets: tuple[str, ...] = field(default=(), repr=False)
    proxy: str = ""

    def ask(
        self,
        url: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "POST",
        most: int = LARGEST_ANSWER,
    ) -> Answer:
        """Make one request and read its answer, whatever its status."""
        return exchange(url, body, headers or {}, self.deadline, method=method, proxy=self.proxy, most=most)

    def require(self, answer: Answer, what: str = "") -> Answer:
        """The answer where its status is a success; else `ChannelError` with what the status means."""
        named = f"{self.name}: {what}" if what else self.name
        return require_success(answer, named, self.clock(), self.secrets)

    def failure(
        self,
        answer: Answer,
        said: str,
        outcome: Outcome,
        *,
        kind: type[ChannelError] = ChannelError,
        whole_channel: bool = False,
        wait: float | None = None,
    ) -> ChannelError:
        """A failure in the platform's own words, without secrets; `wait` is what its body asks for, in seconds."""
        asked = self.wait(answer) if wait is None else wait
        words = redacted(said, self.secrets)[:300]
        return kind(f"{self.name}: {words}", outcome, retry_after=asked, whole_channel=whole_channel)

    def wait(self, answer: Answer) -> float | None:
        """For how long the answer's header asks to be left alone."""
        return retry_after(answer.headers.get("retry-after"), self.clock())


@dataclass(frozen=True, slots=True)
class WebChannel(Generic[Choices]):
    """The base of channels over HTTP."""

    options: Choices
    context: ChannelContext

    @property
    def on_doubt(self) -> OnDoubt:
        """Send again: most platforms show one identity once, or cannot be asked."""
        return OnDoubt.RESEND

    @property
    def name(self) -> str:
        """The channel's configured name."""
        return self.context.name

    def find(self, message: Message, since: datetime, deadline: Deadline) -> Receipt | None:  # noqa: ARG002
        """Nothing can be looked up, unless a channel knows how."""
        raise ChannelError(f"{self.name}: what it took cannot be looked up", Outcome.NOT_DELIVERED)

    def line(self, deadline: Deadline, *secrets: str) -> Line:
        """The way to the platform for one attempt."""
        proxy = str(getattr(self.options, "proxy", ""))
        return Line(self.name, deadline, self.context.clock, secrets, proxy)

    def secret(self, reference: SecretReference) -> str:
        """The secret; where it is not to be had, nothing can arrive until a person mends it."""
        try:
            secret = reference.resolve().get_secret_value().strip()
        except MissingSecretError as error:
            raise ChannelError(f"{self.name}: {error}", Outcome.BROKEN, whole_channel=True) from error
        if not secret.isascii() or not secret.isprintable() or " " in secret:
            said = f"{self.name}: what {reference} holds has a blank, a line end or a letter outside of ASCII inside it"
            raise ChannelError(said, Outcome.BROKEN, whole_channel=True)
        return secret

    def secret_address(self, reference: SecretReference) -> str:
        """An address that is a secret as a whole: whoever has it may write."""
        address = self.secret(reference)
        if not is_web_address(address):
            said = f"{self.name}: what {reference} holds is no address that begins with https:// or http://"
            raise ChannelError(said, Outcome.BROKEN, whole_channel=True)
        return address

    def first_taken(self, forms: Iterator[Form], send: Callable[[Form], Receipt]) -> Receipt:
        """Send the fullest form that the other side takes."""
        refusal: ChannelError | None = None
        for form in forms:
            try:
                return send(form)
            except TooMuchError as error:
                refusal = error
        raise refusal or ChannelError(f"{self.name}: no form of the message could be made", Outcome.REFUSED)


def is_web_address(address: str) -> bool:
    """Whether it is an address on the web, without a name and password in it."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc and port != 0


def as_json(content: object) -> tuple[bytes, dict[str, str]]:
    """A body of JSON with its header."""
    return json.dumps(content, ensure_ascii=True).encode(), {"Content-Type": "application/json"}


def as_form(fields: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """A body as a form sends it, with its header."""
    return urlencode(fields).encode(), {"Content-Type": "application/x-www-form-urlencoded"}


def as_parts(fields: Mapping[str, str], files: Mapping[str, tuple[str, bytes, str]]) -> tuple[bytes, dict[str, str]]:
    """A body of several parts with its header; a file is its name, its content and its kind."""
    parts = httpx.Request("POST", "https://parts.invalid", data=dict(fields), files=dict(files))
    return parts.read(), {"Content-Type": parts.headers["Content-Type"]}


def basic(user: str, password: str) -> dict[str, str]:
    """The header that signs in with a name and a password."""
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def read_json(answer: Answer) -> dict[str, Any]:
    """The object that the answer holds; an empty one where it is none."""
    try:
        said = json.loads(answer.body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
