"""One session with an IMAP server: signing in, looking without touching, and saying in words what went wrong."""

from __future__ import annotations

import contextlib
import imaplib
import re
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from imap_tools import BaseMailBox
from imap_tools.errors import ImapToolsError

from collectors.contract import CollectorError
from collectors.mailbox_client import allow, connected
from collectors.moments import read_moment

TIMEOUT = 30.0
HEADER_BYTES = 32 * 1024
MAIL_BYTES = 256 * 1024

_SLICE = 1.0
_RENEW = 9 * 60
"""Seconds after which waiting begins anew; servers hang up on the idle after 30 minutes, some routers after ten."""

_NUMBERS = 2**32
"""Numbers of mails and folders are below it (RFC 9051)."""
_UID = re.compile(rb"\bUID (\d+)")
_ARRIVED = re.compile(rb'INTERNALDATE "([^"]{1,40})"')
_PASSING = ("UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "CONTACTADMIN", "OVERQUOTA")
"""Response codes (RFC 5530) of refusals that pass; any other refusal to sign in needs a person."""


@dataclass(frozen=True, slots=True)
class Account:
    """Where to sign in, and as whom."""

    host: str
    port: int
    security: str
    ca_file: Path | None
    user: str
    secret: str = field(repr=False)
    is_token: bool = False


@dataclass(frozen=True, slots=True)
class FolderState:
    """A folder's numbers: UIDVALIDITY, the UID of the next mail, and how many there are."""

    validity: int
    next_uid: int
    count: int


@dataclass(frozen=True, slots=True)
class RawMail:
    """A mail as far as it was read, and when the server received it."""

    uid: int
    arrived_at: datetime | None
    content: bytes


class Session:
    """Signed in within `with`; every failure of the server or of the network is a `CollectorError`."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._box: BaseMailBox | None = None

    def __enter__(self) -> Self:
        account = self._account
        with self._in_words("cannot be reached"):
            self._box = connected(account.host, account.port, account.security, TIMEOUT, account.ca_file)
        try:
            self._sign_in(self._box)
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def examine(self, folder: str) -> FolderState:
        """Open a folder for reading only."""
        box = self._opened()
        try:
            with self._in_words(f"did not open the folder {folder}"):
                found = box.folder.set(folder, readonly=True)
                numbers = {name: box.client.response(name)[1] for name in ("UIDVALIDITY", "UIDNEXT")}
        except CollectorError as error:
            if not isinstance(error.__cause__, ImapToolsError):
                raise
            raise CollectorError(f"{error}; name it as the server does", permanent=True) from error.__cause__
        validity, next_uid = (int((numbers[name] or [b"0"])[-1] or 0) for name in ("UIDVALIDITY", "UIDNEXT"))
        if not (0 <= validity < _NUMBERS and 0 <= next_uid < _NUMBERS):  # or all mail to come would seem to be known
            raise CollectorError(f"{self._account.host} gave numbers of {folder} that no mail can have")
        return FolderState(validity, next_uid, int(found[1][0] or 0))

    def arrived(self, after: int, since: datetime | None) -> list[int]:
        """UIDs after `after`, in their order; with `since` only of mails that arrived on that day or later."""
        wanted = f"UID {after + 1}:*"
        if since is not None:
            wanted += f" SINCE {since.day}-{_MONTHS[since.month - 1]}-{since.year}"
        with self._in_words("did not search"):
            found = self._opened().uids(wanted, charset=None)
        # n:* always means the last mail as well, even where its number is below n
        return sorted(uid for uid in map(int, found) if uid > after)

    def fetch(self, uids: Sequence[int], *, bodies: bool) -> list[RawMail]:
        """The mails of these numbers that are still there, in the order of their numbers."""
        part = f"BODY.PEEK[]<0.{MAIL_BYTES}>" if bodies else f"BODY.PEEK[HEADER]<0.{HEADER_BYTES}>"
        with self._in_words("did not give mails"):
            kind, answer = self._opened().client.uid(
                "FETCH", ",".join(map(str, uids)), f"(UID INTERNALDATE RFC822.SIZE {part})"
            )
        if kind != "OK":
            raise CollectorError(f"{self._account.host} did not give mails: {_told(answer)}")
        return sorted(_mails(answer), key=lambda mail: mail.uid)

    def has_news(self, stopping: threading.Event) -> bool:
        """Wait until the server says that a mail has arrived (IDLE, RFC 2177), at most some minutes."""
        box = self._opened()
        with self._in_words("stopped telling of new mail"):
            box.idle.start()  # type: ignore[no-untyped-call]
            try:
                for _ in range(int(_RENEW / _SLICE)):
                    allow(box)
                    told = box.idle.poll(timeout=_SLICE)
                    if any(b"EXISTS" in line for line in told):
                        return True
                    if stopping.is_set() or any(line.startswith(b"* BYE") for line in told):
                        return False
            finally:
                box.idle.stop()  # type: ignore[no-untyped-call]
        return False

    def _sign_in(self, box: BaseMailBox) -> None:
        account = self._account
        try:
            with self._in_words("refused to sign in"):
                if account.is_token:
                    box.xoauth2(account.user, account.secret, initial_folder=None)
                elif account.user.isascii() and account.secret.isascii():
                    box.login(account.user, account.secret, initial_folder=None)
                else:
                    box.login_utf8(account.user, account.secret, initial_folder=None)
        except CollectorError as error:
            if isinstance(error.__cause__, imaplib.IMAP4.abort | OSError):
                raise
            passes = any(f"[{code}" in str(error).upper() for code in _PASSING)
            advice = "this passes by itself as a rule" if passes else "renew the password or token of this account"
            told = str(error).rstrip(".")
            raise CollectorError(f"{told}; {advice}", permanent=not passes) from error.__cause__

    def _opened(self) -> BaseMailBox:
        if self._box is None:
            raise RuntimeError("a session is used within `with`")
        return self._box

    def _leave(self) -> None:
        box, self._box = self._box, None
        if box is not None:
            with contextlib.suppress(ImapToolsError, imaplib.IMAP4.error, OSError):
                box.logout()
            with contextlib.suppress(OSError):
                box.client.shutdown()

    @contextlib.contextmanager
    def _in_words(self, what: str) -> Iterator[None]:
        host = self._account.host
        if self._box is not None:
            allow(self._box)
        try:
            yield
        except ssl.SSLCertVerificationError as error:
            raise CollectorError(
                f"the certificate of {host} is not trusted ({error.verify_message}); "
                "name the right host, or give its own authority by ca_file",
                permanent=True,
            ) from error
        except imaplib.IMAP4.abort as error:
            raise CollectorError(f"{host} hung up: {_shortly(error)}") from error
        except OSError as error:
            raise CollectorError(f"{host} {what}: {_shortly(error)}") from error
        except ImapToolsError as error:
            raise CollectorError(f"{host} {what}: {_told(getattr(error, 'command_result', error))}") from error
        except imaplib.IMAP4.error as error:
            raise CollectorError(f"{host} {what}: {_shortly(error)}") from error
        except (ValueError, LookupError, TypeError) as error:  # an answer that is no IMAP breaks the libraries so
            raise CollectorError(f"{host} gave an answer that makes no sense: {error!r:.200}") from error


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _mails(answer: Sequence[Any]) -> Iterator[RawMail]:
    """The mails in an answer of FETCH: pairs of what is said of one and its octets; other things may stand between."""
    for number, part in enumerate(answer):
        if not isinstance(part, tuple):
            continue
        follows = answer[number + 1] if number + 1 < len(answer) else b""
        said = part[0] + b" " + (follows if isinstance(follows, bytes) else b"")
        uid, arrived = _UID.search(said), _ARRIVED.search(said)
        if uid is not None:
            yield RawMail(int(uid[1]), _moment(arrived[1]) if arrived else None, part[1])


def _moment(text: bytes) -> datetime | None:
    try:
        return read_moment(datetime.strptime(text.decode("ascii").strip(), "%d-%b-%Y %H:%M:%S %z"))
    except ValueError:
        return None


def _told(result: Any) -> str:
    """What the server said, as far as it is worth printing."""
    parts = result[1] if isinstance(result, tuple) and len(result) > 1 else result
    words = (
        [part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part) for part in parts or ()]
        if (isinstance(parts, list | tuple))
        else [str(parts)]
    )
    return " ".join(" ".join(words).split())[:300] or "no reason given"


def _shortly(error: BaseException) -> str:
    text = error.args[0] if error.args and isinstance(error.args[0], bytes | str) else str(error)
    told = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join(told.split())[:300] or type(error).__name__
