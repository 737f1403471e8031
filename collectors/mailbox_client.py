"""IMAP clients that give a server up which lies about sizes, never comes to an end, or speaks letter by letter.

The standard library reads whatever a server announces and waits anew for each piece: a mail said to have fifty
gigabytes is made room for, lines that nobody asked for are kept without end, and a letter every half minute holds a
source up for ever. Here all that is said to one question is read within one deadline and up to one size.
"""

from __future__ import annotations

import imaplib
import ssl
import time
from io import BufferedReader
from typing import Any, cast

from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import MailboxStarttlsError
from imap_tools.utils import check_command_status

DEADLINE = 120.0
"""Seconds for all that is said to one question."""
MOST_BYTES = 32 * 1024 * 1024
"""Three times the largest page of mails that is asked for."""
LONGEST_LINE = 1_000_000
_A_LINE = 100
"""What a line is kept in beside its letters, in bytes."""
_CHUNK = 64 * 1024


class _Bounded(imaplib.IMAP4):
    """Reads no more than is allowed for a question."""

    _ends_at = 0.0
    _room = 0

    def open(self, *given: Any, **named: Any) -> None:
        """Connect; the greeting is the first answer."""
        self.allow()
        super().open(*given, **named)

    def allow(self) -> None:
        """A new question: its answer has the whole deadline and size."""
        self._ends_at, self._room = time.monotonic() + DEADLINE, MOST_BYTES

    @property
    def _stream(self) -> BufferedReader:
        return cast("BufferedReader", self.file)

    def read(self, size: int) -> bytes:
        """So many bytes, as they come."""
        if size > self._room:
            raise self.abort(f"a part of {size:,} bytes was announced, and {self._room:,} are read")
        parts: list[bytes] = []
        while size > 0 and (part := self._stream.read1(min(size, _CHUNK))):
            self._count(len(part))
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def readline(self) -> bytes:
        """A line, as it comes."""
        line = b""
        self._count(_A_LINE)
        while not line.endswith(b"\n") and (waiting := self._stream.peek(1)):
            part = self._stream.read1(waiting.find(b"\n") + 1 or len(waiting))
            self._count(len(part))
            line += part
            if len(line) > LONGEST_LINE:
                raise self.abort(f"a line of more than {LONGEST_LINE:,} bytes came")
        return line

    def _count(self, size: int) -> None:
        self._room -= size
        if self._room < 0:
            raise self.abort(f"more than {MOST_BYTES:,} bytes came")
        if time.monotonic() > self._ends_at:
            raise self.abort(f"it did not come to an end within {DEADLINE:g} s")


class _BoundedTls(_Bounded, imaplib.IMAP4_SSL):
    """The same over TLS from the beginning."""


class _Plain(MailBoxUnencrypted):
    def _get_mailbox_client(self) -> imaplib.IMAP4:
        return _Bounded(self._host, self._port, self._timeout)


class _Tls(MailBox):
    def _get_mailbox_client(self) -> imaplib.IMAP4:
        return _BoundedTls(self._host, self._port, ssl_context=self._ssl_context, timeout=self._timeout)


class _StartTls(MailBoxStartTls):
    def _get_mailbox_client(self) -> imaplib.IMAP4:
        client = _Bounded(self._host, self._port, self._timeout)
        check_command_status(client.starttls(self._ssl_context), MailboxStarttlsError)
        return client


def connected(host: str, port: int, security: str, timeout: float, ca_file: Any = None) -> BaseMailBox:
    """A connection to the server, not signed in."""
    if security == "none":
        return _Plain(host, port, timeout)
    context = ssl.create_default_context(cafile=ca_file)
    return (_StartTls if security == "starttls" else _Tls)(host, port, timeout, ssl_context=context)


def allow(box: BaseMailBox) -> None:
    """Let the answer to the next question have the whole deadline and size."""
    client = box.client
    if isinstance(client, _Bounded):
        client.allow()
