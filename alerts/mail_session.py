"""One connection to a mail server, with what each failure means for a mail.

RFC 5321 says whose word counts: until the final dot nothing was delivered; after the answer to it the server has taken
or refused the mail; in between nobody knows. smtplib speaks the protocol, while the connection, and so the one deadline
for all of it, is ours: smtplib bounds each read, which a server that drips never trips.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from alerts.channels.contract import ChannelError, Outcome
from alerts.deadline import Deadline
from alerts.faults import fault_point
from alerts.transport import connect, secure, watched

_TOO_LARGE = (552, 523, 554)
_DOT_AT_START = re.compile(rb"(?m)^\.")
_SIGN_IN = (530, 534, 535, 538)


class Security(StrEnum):
    """How the connection is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail is handed over, and as whom; without a `username` nobody signs in."""

    host: str
    port: int
    security: Security
    username: str = ""
    password: str = ""

    def __repr__(self) -> str:
        """The server without its password."""
        return f"Server({self.host}:{self.port})"


class TooLargeError(ChannelError):
    """The server does not take this form of the mail; a plainer one may do."""


class Session:
    """A connection that is signed in."""

    def __init__(self, smtp: smtplib.SMTP, server: Server, deadline: Deadline) -> None:
        self._smtp = smtp
        self._server = server
        self._deadline = deadline

    def deliver(self, sender: str, recipient: str, mail: bytes) -> None:
        """Hand one mail over; `mail` has CRLF line ends and no dots of the protocol."""
        try:
            self._expect(*self._smtp.mail(sender), refused=Outcome.BROKEN, what=f"the sender {sender}")
            self._expect(*self._smtp.rcpt(recipient), refused=Outcome.REFUSED, what=f"the recipient {recipient}")
            self._expect(*self._smtp.docmd("DATA"), refused=Outcome.REFUSED, what="a mail", taken=354)
            self._smtp.send(_DOT_AT_START.sub(b"..", mail if mail.endswith(b"\r\n") else mail + b"\r\n"))
            self._deadline.require()
        except OSError as error:
            raise ChannelError(self._broke_off(error), Outcome.NOT_DELIVERED) from error
        self._finish()

    def _finish(self) -> None:
        try:
            self._smtp.send(b".\r\n")
            fault_point("S2")
            code, said = self._smtp.getreply()
        except (OSError, ValueError) as error:
            raise ChannelError(f"{self._broke_off(error)} after the mail was sent", Outcome.AMBIGUOUS) from error
        fault_point("S3")
        if code < 200:  # the answer broke off within its first three digits, which smtplib takes for a number
            raise ChannelError(f"{self._server.host} broke off within its answer", Outcome.AMBIGUOUS)
        self._expect(code, said, refused=Outcome.REFUSED, what="the mail")

    def _expect(self, code: int, said: bytes, *, refused: Outcome, what: str, taken: int = 250) -> None:
        if code == taken or (taken == 250 and code == 251):
            return
        words = said.decode("utf-8", "replace")[:200]
        message = f"{self._server.host} did not take {what}: {code} {words}"
        if code < 500:
            raise ChannelError(message, Outcome.NOT_DELIVERED)
        if code in _TOO_LARGE and what == "the mail":
            raise TooLargeError(message, Outcome.REFUSED)
        raise ChannelError(message, refused, whole_channel=refused is Outcome.BROKEN)

    def _broke_off(self, error: Exception) -> str:
        if self._deadline.remaining() <= 0:
            return f"{self._server.host} did not answer in time"
        return f"{self._server.host} broke off: {error}"


@contextmanager
def session(server: Server, deadline: Deadline) -> Iterator[Session]:
    """A connection to the server, signed in; `ChannelError` where that fails."""
    smtp = smtplib.SMTP(local_hostname=_own_name())
    try:
        with watched(lambda: smtp.sock, deadline):
            _sign_in(smtp, server, deadline)
            yield Session(smtp, server, deadline)
            _take_leave(smtp)
    except TimeoutError as error:
        raise ChannelError(f"{server.host} was reached too late", Outcome.NOT_DELIVERED) from error
    finally:
        smtp.close()


def _sign_in(smtp: smtplib.SMTP, server: Server, deadline: Deadline) -> None:
    try:
        _greet(smtp, server, deadline)
        if server.username:
            smtp.login(server.username, server.password)
    except smtplib.SMTPAuthenticationError as error:
        outcome = Outcome.BROKEN if error.smtp_code in _SIGN_IN or error.smtp_code >= 500 else Outcome.NOT_DELIVERED
        said = f"{server.host} did not let {server.username} in: {error.smtp_code}; check username and password"
        raise ChannelError(said, outcome, whole_channel=outcome is Outcome.BROKEN) from error
    except smtplib.SMTPNotSupportedError as error:
        said = f"{server.host} cannot do what is configured: {error}; check security and username"
        raise ChannelError(said, Outcome.BROKEN, whole_channel=True) from error
    except (OSError, ValueError) as error:
        late = " in time" if deadline.remaining() <= 0 else f": {error}"
        raise ChannelError(f"no connection to {server.host}:{server.port}{late}", Outcome.NOT_DELIVERED) from error


def _greet(smtp: smtplib.SMTP, server: Server, deadline: Deadline) -> None:
    connection = connect(server.host, server.port, deadline)
    smtp.sock = connection
    if server.security is Security.TLS:
        smtp.sock = secure(connection, server.host, _tls(), deadline)
    code, said = smtp.getreply()
    if code != 220:
        raise smtplib.SMTPConnectError(code, said)
    smtp.ehlo_or_helo_if_needed()
    if server.security is Security.STARTTLS:
        _start_tls(smtp, server, deadline)


def _start_tls(smtp: smtplib.SMTP, server: Server, deadline: Deadline) -> None:
    """smtplib's own `starttls`, but within the deadline."""
    if not smtp.has_extn("starttls"):
        raise smtplib.SMTPNotSupportedError("it offers no STARTTLS")
    code, said = smtp.docmd("STARTTLS")
    if code != 220 or smtp.sock is None:
        raise smtplib.SMTPResponseException(code, said)
    smtp.sock = secure(smtp.sock, server.host, _tls(), deadline)
    smtp.file = None
    smtp.helo_resp = smtp.ehlo_resp = None
    smtp.esmtp_features = {}
    smtp.does_esmtp = False
    smtp.ehlo_or_helo_if_needed()


def _take_leave(smtp: smtplib.SMTP) -> None:
    """Say goodbye; what the server answers to that changes nothing."""
    try:
        smtp.docmd("QUIT")
    except (OSError, ValueError):
        return


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


@lru_cache(maxsize=1)
def _own_name() -> str:
    """Our name for the greeting: the machine's, without the look-up that smtplib would make at every connection."""
    name = socket.gethostname()
    return name if name.isascii() and name else "localhost"
