"""E-mail over SMTP: one mail a recipient and alert, kept together by its headers.

A mail cannot be taken back, edited or looked up, so what may have arrived is sent again under the same Message-ID, by
which many mail servers and programs show it once; the second copy says that it may be one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from functools import partial
from typing import ClassVar

from pydantic import Field, field_validator, model_validator

from alerts.actions import Action
from alerts.buckets import Pace
from alerts.channels.contract import ChannelContext, ChannelError, ChannelOptions, Message, OnDoubt, Outcome, Receipt
from alerts.deadline import Deadline
from alerts.mail_session import Security, Server, TooLargeError, session
from alerts.render import mail
from alerts.render.ladder import rungs
from config.references import MissingSecretError, SecretReference


class Options(ChannelOptions):
    """The keys of a `[[channels]]` table of the type `smtp`."""

    draws: ClassVar[bool] = True
    pace: ClassVar[Pace | None] = Pace(every=60, burst=5, spares_urgent=True)

    host: str = Field(min_length=1, examples=["mail.example.com"])
    """Name of the mail server."""
    port: int = Field(default=587, ge=1, le=65535)
    """Its port: 587 for STARTTLS, 465 for TLS, 25 for neither."""
    security: Security = Security.STARTTLS
    """How the connection is protected: "starttls", "tls", or "none" for a server on this machine."""
    username: str = ""
    """Name to sign in with; empty for a server that asks for none."""
    password: SecretReference | None = None
    """Where the password lies."""
    sender: str = Field(examples=["Tocsin <tocsin@example.com>"])
    """Address that the mails come from, alone or with a name: "Tocsin <tocsin@example.com>"."""
    to: list[str] = Field(min_length=1, examples=[["press-office@example.com"]])
    """Addresses that are written to, one mail each."""

    @field_validator("sender")
    @classmethod
    def _is_address(cls, address: str) -> str:
        parsed(address)
        return address

    @field_validator("to")
    @classmethod
    def _are_addresses(cls, addresses: list[str]) -> list[str]:
        return list(dict.fromkeys(str(parsed(address)) for address in addresses))

    @model_validator(mode="after")
    def _keep_the_password(self) -> Options:
        if bool(self.username) != (self.password is not None):
            raise ValueError("username and password belong together; set both or neither")
        if self.password is not None and self.security is Security.NONE:
            raise ValueError('a password would travel in the clear; set security to "starttls" or "tls"')
        return self

    @property
    def targets(self) -> tuple[str, ...]:
        """The recipients."""
        return tuple(self.to)


@dataclass(frozen=True, slots=True)
class SmtpChannel:
    """One mail server, one sender, some recipients."""

    options: Options
    context: ChannelContext
    on_doubt: OnDoubt = OnDoubt.RESEND

    @property
    def name(self) -> str:
        """The channel's configured name."""
        return self.context.name

    def send(self, message: Message, deadline: Deadline) -> Receipt:
        """Hand the mail to the server, in a plainer form when it finds the full one too large."""
        envelope = self._envelope(message)
        refusal: ChannelError | None = None
        for form in _forms(message, envelope, self.context.links(message.page, message.target)):
            try:
                with session(self._server(), deadline) as open_session:
                    open_session.deliver(envelope.sender.addr_spec, envelope.recipient.addr_spec, form.as_bytes())
            except TooLargeError as error:
                refusal = error
            else:
                return Receipt(envelope.message_id)
        raise refusal or ChannelError(f"{self.name}: no form of the mail could be made", Outcome.REFUSED)

    def find(self, message: Message, since: datetime, deadline: Deadline) -> Receipt | None:  # noqa: ARG002
        """Mail cannot be looked up."""
        raise ChannelError(f"{self.name}: what a mail server took cannot be looked up", Outcome.NOT_DELIVERED)

    def probe(self, deadline: Deadline) -> str:
        """Sign in to the server."""
        with session(self._server(), deadline):
            who = f" as {self.options.username}" if self.options.username else ""
            return f"signed in to {self.options.host}:{self.options.port}{who}"

    def _server(self) -> Server:
        options = self.options
        try:
            password = options.password.resolve().get_secret_value() if options.password else ""
        except MissingSecretError as error:
            raise ChannelError(f"{self.name}: {error}", Outcome.BROKEN, whole_channel=True) from error
        return Server(options.host, options.port, options.security, options.username, password)

    def _envelope(self, message: Message) -> mail.Envelope:
        sender = parsed(self.options.sender)
        return mail.Envelope(
            sender=sender,
            recipient=parsed(message.target),
            at=self.context.clock(),
            message_id=f"<{message.delivery_id}@{sender.domain}>",
            root=message.root,
        )


def build(options: Options, context: ChannelContext) -> SmtpChannel:
    """The channel of one configuration."""
    return SmtpChannel(options, context)


def parsed(address: str) -> Address:
    """An address such as "ops@example.com" or "Ops <ops@example.com>"; `ValueError` when it is none."""
    name, opened, rest = address.strip().partition("<")
    spec = rest.removesuffix(">") if opened else name
    wrong = f"{address!r} is not an e-mail address; write name@example.com, in letters of ASCII"
    if not spec.isascii() or any(char.isspace() or not char.isprintable() for char in address.strip().replace(" ", "")):
        raise ValueError(wrong)
    try:
        found = Address(name.strip().strip('"') if opened else "", addr_spec=spec.strip())
    except (MessageError, ValueError, IndexError, AttributeError) as error:  # the last of an address in brackets
        raise ValueError(wrong) from error
    if not found.username or not found.domain or " " in spec.strip():
        raise ValueError(wrong)
    return found


def _forms(message: Message, envelope: mail.Envelope, links: Mapping[Action, str]) -> Iterator[EmailMessage]:
    page = message.page
    makers = [
        partial(mail.full, page, envelope, links),
        partial(mail.bare, page, envelope, links),
        partial(mail.least, page, envelope),
    ]
    return rungs(message.delivery_id, makers)
