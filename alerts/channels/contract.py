"""What every channel is held to.

A channel is one module of this package (or of another distribution, named by a dotted type) with three names:

- `Options`, a pydantic model made from `ChannelOptions`: the keys of its `[[channels]]` table, unknown ones refused;
- a class that fulfils `Channel`;
- `build(options, context)`, which puts the two together and talks to nobody.

A channel sends one message and says how that ended. It never tries again, never sleeps and remembers nothing:
`alerts.outbox` alone decides what happens next, and the database remembers. tests/contract holds every channel to this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from alerts.actions import Action
from alerts.buckets import Pace
from alerts.deadline import Deadline
from alerts.page import Page


class ChannelOptions(BaseModel):
    """The base of every `Options`: unknown keys are refused, and what was checked does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, use_attribute_docstrings=True)

    edits: ClassVar[bool] = False
    """Whether a message already sent can be edited: such a channel is also given changes that merit no new message."""

    draws: ClassVar[bool] = False
    """Whether its messages hold the picture of the curve: the program then makes itself ready to draw at its start."""

    gathers: ClassVar[bool] = True
    """Whether several alerts can be told in one message; not where a service keeps an alert for each incident."""

    pace: ClassVar[Pace | None] = None
    """How often the platform, or the people behind it, bear to be written to."""

    @property
    def targets(self) -> tuple[str, ...]:
        """Where this channel delivers, one delivery each: a room, an address, a telephone. Never empty."""
        raise NotImplementedError


class Outcome(StrEnum):
    """How an attempt ended that was not plainly accepted."""

    NOT_DELIVERED = "not_delivered"
    """Nothing can have arrived, and trying again may help: no connection, a rate limit, a documented "try later"."""
    AMBIGUOUS = "ambiguous"
    """It may have arrived: the connection broke or time ran out after the message was on its way."""
    REFUSED = "refused"
    """The other side will never take this message for this target: an unknown mailbox."""
    BROKEN = "broken"
    """Nothing can arrive through this channel until a person mends it: a revoked token, a bot that was not invited."""


class ChannelError(Exception):
    """A message was not plainly accepted.

    `outcome` says what is known, `retry_after` for how many seconds the other side wants to be left alone (`None` where
    it does not say), `whole_channel` whether what is wrong concerns every target of the channel alike. The message is
    read by the operator: what happened and, where there is something, what to do. It never holds a secret.
    """

    def __init__(
        self, message: str, outcome: Outcome, *, retry_after: float | None = None, whole_channel: bool = False
    ) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.retry_after = retry_after
        self.whole_channel = whole_channel


class OnDoubt(StrEnum):
    """What may be done about an attempt that may have arrived."""

    RESEND = "resend"
    """Send it again under the same identity: the other side, or the reader's program, shows it once."""
    CHECK = "check"
    """Look first (`find`): the other side would show it twice."""


@dataclass(frozen=True, slots=True)
class Message:
    """One page on its way to one target.

    `delivery_id` identifies it to the outside world and is carried inside what is sent. `root` is the `remote_id` of
    the first message about this incident that the target accepted, `None` when this is the first.

    `pictures` are the files that the channel uploaded for it (`Illustrates`), the one to show first; a later one, or
    none, where that is not to be had.

    With `is_retraction` the message called `root` quoted what was taken back: it is changed to `page` where it stands.
    If it is not there any more, that is as well, and nothing new is sent.
    """

    delivery_id: str
    target: str
    page: Page
    root: str | None = None
    is_retraction: bool = False
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """The other side took the message; `remote_id` is its name there, by which it can be edited or answered.

    `picture` is the file that the incident's message shows by now, nothing where it shows none; `None` where the
    attempt says nothing about that.
    """

    remote_id: str
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class ChannelContext:
    """What a channel is given beside its options: its configured name, the installation's name, the clock, and how
    to make the links by which one reader acts on a page (none unless configured)."""

    name: str
    installation: str = "tocsin"
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    links: Callable[[Page, str], Mapping[Action, str]] = field(default=lambda _page, _reader: {})


@runtime_checkable
class Channel(Protocol):
    """One configured channel. Its methods are called from several threads at once."""

    @property
    def name(self) -> str:
        """The channel's configured name."""

    @property
    def on_doubt(self) -> OnDoubt:
        """What may be done about an attempt that may have arrived."""

    def send(self, message: Message, deadline: Deadline) -> Receipt:
        """Send one message, before the deadline, or raise `ChannelError` with what is known.

        What the other side finds too large or malformed is sent again in a plainer form within the same call: a
        formatting mistake never costs a page.
        """

    def find(self, message: Message, since: datetime, deadline: Deadline) -> Receipt | None:
        """Look whether `message` arrived at or after `since`; `None` when it surely did not.

        Raises `ChannelError` when that cannot be found out. Only called where `on_doubt` is `CHECK`.
        """

    def probe(self, deadline: Deadline) -> str:
        """Sign in without sending anything; return one sentence on what was found, for `tocsin check --live`.

        Raises `ChannelError` with what is wrong and what to do about it.
        """


@runtime_checkable
class Illustrates(Protocol):
    """A channel whose messages show the picture of the curve as a file that is uploaded apart from them.

    No message waits for its picture: it is sent without, the file follows (alerts/pictures.py), and an edit shows it.
    """

    @property
    def illustrates(self) -> bool:
        """Whether it is to be done."""

    def upload(self, drawn: bytes, alternative: str, deadline: Deadline) -> str:
        """Upload a PNG that is described by `alternative`; its name there, or `ChannelError`."""

    def discard(self, file: str, deadline: Deadline) -> None:
        """Delete a file; one that is gone already is as well. `ChannelError` where it may still be there."""
