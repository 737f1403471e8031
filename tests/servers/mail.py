"""A mail server of our own on loopback: real SMTP by aiosmtpd, with faults scripted per stage.

Mails are kept as they were taken, so that a test can ask what people would find in their inboxes.
"""

from __future__ import annotations

import asyncio
import email
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass(frozen=True)
class Refusal:
    """An answer at one stage (`mail`, `rcpt`, `data`); `drop` breaks the connection instead, `taken` keeps the mail.

    `delay` holds the answer back, `drip` gives it byte by byte with so many seconds in between.
    """

    answer: str = ""
    drop: bool = False
    taken: bool = False
    delay: float = 0.0
    drip: float = 0.0


@dataclass(frozen=True)
class Mail:
    """A mail that the server took."""

    sender: str
    recipient: str
    raw: bytes
    at: float

    @property
    def message(self) -> EmailMessage:
        """The mail, parsed."""
        parsed = email.message_from_bytes(self.raw, policy=default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def message_id(self) -> str:
        """Its identity."""
        return str(self.message["Message-ID"])


class MailServer:
    """One server with all its mailboxes."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, users: dict[str, str] | None = None) -> None:
        self.taken: list[Mail] = []
        self.attempts: list[tuple[float, str]] = []
        self.greeting_delay = 0.0
        self.chaos: Callable[[str], Refusal | None] = lambda _stage: None
        self._faults: dict[str, list[Refusal]] = defaultdict(list)
        self._lock = threading.RLock()
        self._users = users or {}
        self._controller = _Controller(self, tls)

    @property
    def port(self) -> int:
        """Its port on 127.0.0.1."""
        return int(self._controller.port)

    def start(self) -> None:
        """Begin to answer."""
        self._controller.start()

    def stop(self) -> None:
        """Answer nobody any more."""
        self._controller.stop()

    def shut(self) -> None:
        """Listen no more: connections are refused, and those that are there go on."""
        self._controller.do(self._controller.shut())

    def reopen(self) -> None:
        """Listen again, where it was."""
        self._controller.do(self._controller.reopen())

    def script(self, stage: str, *faults: Refusal) -> None:
        """What goes wrong at the next passages of a stage, in order."""
        with self._lock:
            self._faults[stage].extend(faults)

    def inbox(self, recipient: str) -> list[Mail]:
        """What lies in a mailbox, oldest first."""
        with self._lock:
            return [mail for mail in self.taken if mail.recipient == recipient]

    def fault(self, stage: str) -> Refusal | None:
        """The fault of this passage."""
        with self._lock:
            self.attempts.append((time.time(), stage))
            scripted = self._faults[stage]
            return scripted.pop(0) if scripted else self.chaos(stage)

    def keep(self, envelope: Envelope) -> None:
        """Take a mail."""
        raw = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        with self._lock:
            for recipient in envelope.rcpt_tos:
                self.taken.append(Mail(envelope.mail_from or "", recipient, raw, time.time()))

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        """Whether the password is the user's."""
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        is_right = self._users.get(data.login.decode()) == data.password.decode()
        return AuthResult(success=is_right, handled=False)

    @property
    def asks_for_users(self) -> bool:
        """Whether one must sign in."""
        return bool(self._users)


class _Stages:
    def __init__(self, server: MailServer) -> None:
        self.server = server

    async def handle_MAIL(  # noqa: N802
        self, smtp: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return await self._stage(smtp, "mail", "250 OK")

    async def handle_RCPT(  # noqa: N802
        self, smtp: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = await self._stage(smtp, "rcpt", "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return answer

    async def handle_DATA(self, smtp: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        fault = self.server.fault("data")
        if fault is None or fault.taken:
            self.server.keep(envelope)
        return await _answered(smtp, fault, "250 OK")

    async def _stage(self, smtp: SMTP, stage: str, usual: str) -> str:
        return await _answered(smtp, self.server.fault(stage), usual)


async def _answered(smtp: SMTP, fault: Refusal | None, usual: str) -> str:
    if fault is None:
        return usual
    if fault.delay:
        await asyncio.sleep(fault.delay)
    if fault.drop:
        assert isinstance(smtp.transport, asyncio.Transport)
        smtp.transport.abort()
        return "421 gone"
    if fault.drip:
        for char in fault.answer or usual:
            smtp._writer.write(char.encode())
            await asyncio.sleep(fault.drip)
    return fault.answer or usual


class _Controller(Controller):
    def __init__(self, server: MailServer, tls: ssl.SSLContext | None) -> None:
        self._mail = server
        self._starttls = tls
        super().__init__(_Stages(server), hostname="127.0.0.1", port=0)

    def factory(self) -> SMTP:
        """One conversation."""
        return SMTP(
            self.handler,
            hostname="mail.test",
            tls_context=self._starttls,
            auth_required=self._mail.asks_for_users,
            auth_require_tls=self._starttls is not None,
            authenticator=self._mail.authenticate if self._mail.asks_for_users else None,
        )

    def do(self, what: Coroutine[Any, Any, None]) -> None:
        """Let the server's own thread do something, and wait until it is done."""
        asyncio.run_coroutine_threadsafe(what, self.loop).result(10)

    async def shut(self) -> None:
        """Stop listening."""
        assert self.server is not None
        self.server.close()

    async def reopen(self) -> None:
        """Listen where it was."""
        self.server = await self.loop.create_server(self.factory, "127.0.0.1", self.port)

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def mail_server(**choices: Any) -> Iterator[MailServer]:
    """A mail server that answers while inside."""
    server = MailServer(**choices)
    server.start()
    try:
        yield server
    finally:
        server.stop()
