"""A mailbox as a source: the flooded inbox of a chief executive, of support, of the press office. IMAP (RFC 9051).

Limits: a mailbox is read by `EXAMINE`, which a server may not change anything by, and by `PEEK`, so that no mail is
ever marked as read. Headers are read to 32 KiB and, where `bodies` are asked for, mails to 256 KiB, less attachments.
Providers limit connections (Gmail: 15 at once) and traffic (Gmail: 2,500 MB a day), far above what this reads. A mail
counts when it arrived at the server (`INTERNALDATE`), since its own `Date` is its sender's to choose. Mails have no
engagement. That a mail is deleted or moved is its reader's doing and says nothing of its sender: nothing is taken back.
Without `bodies` only senders, subjects and threads are read; with `sender_key` senders are kept as keyed hashes alone.

Threads: `References` and `In-Reply-To` name the first mail and the one answered.

Reading goes by UID. When a folder's UIDVALIDITY changes (RFC 9051, 2.3.1.1: the server lost its numbers), it is read
anew from the day it was last read; mails keep their identity, which is their Message-ID.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from collectors.contract import Page, Quarantined, SourceContext, SourceOptions, set_aside
from collectors.interface import secret
from collectors.mailbox_session import Account, RawMail, Session
from collectors.mails import Known, MailReader, is_automatic, parsed
from config.durations import Duration
from config.references import SecretReference
from config.tables import FilePath
from storage.records import Post

HEADERS_A_PAGE = 200
BODIES_A_PAGE = 40

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SETTLE = 5.0
"""Seconds after news in which further news are not passed on: a flood must not make the source be read without end."""


class Options(SourceOptions):
    """Keys of a `[[sources]]` table of type `mailbox`."""

    host: str = Field(min_length=1, examples=["imap.example.com"])
    """The IMAP server."""
    port: int = Field(default=993, ge=1, le=65535)
    """Its port; 143 goes with `security = "starttls"`."""
    security: Literal["tls", "starttls", "none"] = "tls"
    """How the connection is encrypted; "none" is for servers on this machine alone."""
    ca_file: FilePath | None = None
    """Certificates to trust instead of the public ones, for a server of your own."""
    user: str = Field(min_length=1)
    """The account."""
    password: SecretReference
    """Its password; where people sign in twice, a password made for this program (an app password)."""
    oauth: bool = False
    """Whether `password` is a token of OAuth 2.0 (XOAUTH2), which is read anew at every turn."""
    folders: list[str] = Field(default=["INBOX"], min_length=1)
    """Folders that are read."""
    lookback: Duration = timedelta(days=1)
    """How far back the first turn reads."""
    about: list[str] = Field(default_factory=list)
    """Brands that every mail is about, such as in the inbox of their support."""
    bodies: bool = False
    """Whether the text of mails is read beside their subject."""
    automatic: bool = False
    """Whether newsletters, bounces and automatic replies are read, which no person wrote to you."""
    sender_key: SecretReference | None = None
    """A secret by which senders become keyed hashes: they are counted, and nobody learns who they are."""
    watch: bool = True
    """Whether the server is asked to say when mail arrives (IDLE), so that a flood is read before its turn."""

    @model_validator(mode="after")
    def _no_readable_passwords(self) -> Self:
        if self.security == "none" and self.host not in _LOOPBACK:
            raise ValueError(f'security = "none" would send the password readably to {self.host}; use tls or starttls')
        return self

    def account(self) -> Account:
        """How to sign in, with the secrets as they are now."""
        return Account(
            host=self.host,
            port=self.port,
            security=self.security,
            ca_file=self.ca_file,
            user=self.user,
            secret=secret(self.password, f"the password of {self.user}"),
            is_token=self.oauth,
        )


@dataclass
class _Folder:
    """How far a folder has been read: the last UID under which UIDVALIDITY, and when.

    `ids` are the newest Message-IDs with a digest of their mail, by which a second mail of the same name is told apart.
    """

    validity: int = 0
    uid: int = 0
    read_at: float = 0.0
    ids: dict[str, str] = field(default_factory=dict)


class Mailbox:
    """Reads the folders of one account."""

    def __init__(self, options: Options, context: SourceContext) -> None:
        self.name = context.name
        self._options = options
        self._clock = context.clock

    def collect(self, cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        """Read what has arrived in each folder, oldest first."""
        kept = (cursor or {}).get("folders", {})
        folders = {name: _Folder(**kept.get(name, {})) for name in self._options.folders}
        with Session(self._options.account()) as session:
            for name, folder in folders.items():
                yield from self._read_folder(session, name, folder, folders)
        yield Page(_cursor(folders), complete=True)

    def probe(self) -> str:
        """Sign in, and count the mails of each folder."""
        with Session(self._options.account()) as session:
            counts = {name: session.examine(name).count for name in self._options.folders}
        told = ", ".join(f"{count} mails in {name}" for name, count in counts.items())
        return f"{self._options.user} is signed in at {self._options.host}; {told}"

    def watch(self, news: Callable[[], None], stopping: threading.Event) -> None:
        """Let the server say when mail arrives in the first folder; returns at once where that is not wanted."""
        if not self._options.watch:
            return
        with Session(self._options.account()) as session:
            session.examine(self._options.folders[0])
            while not stopping.is_set():
                if session.has_news(stopping):
                    news()
                    stopping.wait(_SETTLE)

    def reread(self, raw: bytes) -> list[Post]:
        """A mail that was set aside, with the time of its own `Date`."""
        message = parsed(raw)
        return [self._reader().post(message, None, Known({}).name_of(message))]

    def _read_folder(
        self, session: Session, name: str, folder: _Folder, folders: Mapping[str, _Folder]
    ) -> Iterator[Page]:
        state = session.examine(name)
        since = None
        if folder.validity != state.validity:
            since = self._first_day(folder)
            folder.validity, folder.uid = state.validity, 0
        uids = session.arrived(folder.uid, since)
        size = BODIES_A_PAGE if self._options.bodies else HEADERS_A_PAGE
        for start in range(0, len(uids), size):
            mails = session.fetch(uids[start : start + size], bodies=self._options.bodies)
            posts, bad = self._posts(mails, name, folder)
            folder.uid = uids[min(start + size, len(uids)) - 1]
            folder.read_at = self._clock().timestamp()
            yield Page(_cursor(folders), posts, quarantined=bad, requests=1)
        folder.uid = max(folder.uid, state.next_uid - 1) if not uids else folder.uid
        folder.read_at = self._clock().timestamp()

    def _first_day(self, folder: _Folder) -> datetime:
        """The day from which a folder is read whose numbers are not known, or no longer."""
        first = self._clock() - self._options.lookback
        return min(first, datetime.fromtimestamp(folder.read_at, first.tzinfo)) if folder.read_at else first

    def _posts(self, mails: list[RawMail], place: str, folder: _Folder) -> tuple[list[Post], list[Quarantined]]:
        reader, known = self._reader(), Known(folder.ids)
        posts: list[Post] = []
        bad: list[Quarantined] = []
        for mail in mails:
            try:
                message = parsed(mail.content)
                if self._options.automatic or not is_automatic(message):
                    posts.append(reader.post(message, mail.arrived_at, known.name_of(message)))
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
                bad.append(set_aside(f"{place}, mail {mail.uid}", error, mail.content))
        return posts, bad

    def _reader(self) -> MailReader:
        key = self._options.sender_key
        return MailReader(
            source=self.name,
            now=self._clock(),
            about=tuple(self._options.about),
            bodies=self._options.bodies,
            sender_key=secret(key, "the sender_key").encode() if key else None,
        )


def _cursor(folders: Mapping[str, _Folder]) -> dict[str, Any]:
    return {"folders": {name: asdict(folder) for name, folder in folders.items()}}


def build(options: Options, context: SourceContext) -> Mailbox:
    """The source as configured."""
    return Mailbox(options, context)
