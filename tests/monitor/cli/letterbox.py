"""A source and a channel of another distribution, which remember what was asked of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Any

from pydantic import Field

from alerts.channels.contract import ChannelContext, ChannelError, ChannelOptions, Message, OnDoubt, Outcome, Receipt
from alerts.deadline import Deadline
from collectors.contract import CollectorError, Page, Recheck, SourceContext, SourceOptions
from config.references import SecretReference
from storage.records import Post

BRANDS = '[[brands]]\nname = "Acme"\n[[brands]]\nname = "Bolt"\n'
CONFIGURATION = f"""\
{BRANDS}
[[sources]]
type = "letterbox.source"
name = "letters"
[[channels]]
type = "letterbox.channel"
name = "bells"
rooms = ["hall", "tower"]
[[routes]]
channels = ["bells"]
"""
sent: list[Message] = []
"""What the channel sent, in order; emptied before each test."""


class SourceLetters(SourceOptions):
    """Letters that arrive by post."""

    token: SecretReference | None = None
    """Key of the box."""
    broken: str = ""
    """What is wrong with it."""
    taken_back: list[str] = Field(default_factory=list)
    """Letters that their writers took back."""


class ChannelBells(ChannelOptions):
    """Bells in several rooms."""

    rooms: list[str]
    """Where they hang."""
    refuses: str = ""
    """The room whose bell is broken."""
    bursts: bool = False
    """Whether signing in breaks in a way that nobody thought of."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The rooms."""
        return tuple(self.rooms)


@dataclass
class Letters:
    """A source without letters."""

    options: SourceLetters
    context: SourceContext

    @property
    def name(self) -> str:
        """As configured."""
        return self.context.name

    def collect(self, cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        """Nothing new."""
        yield Page(cursor=cursor or {}, complete=True)

    recheck_at_once = 2
    rechecks_mentions_only = False

    def recheck(self, posts: Sequence[Post], _state: Mapping[str, Any]) -> Recheck:
        """See which letters are still there."""
        if self.options.broken:
            raise CollectorError(self.options.broken)
        names = [post.external_id for post in posts]
        gone = {name: "taken back" for name in names if name in self.options.taken_back}
        return Recheck(kept=[name for name in names if name not in gone], gone=gone, requests=1)

    def probe(self) -> str:
        """Look into the box."""
        if self.options.broken:
            raise CollectorError(self.options.broken, permanent=True)
        return "the box opens"


@dataclass
class Bells:
    """A channel that rings in this process."""

    options: ChannelBells
    context: ChannelContext
    on_doubt: OnDoubt = OnDoubt.RESEND

    @property
    def name(self) -> str:
        """As configured."""
        return self.context.name

    def send(self, message: Message, deadline: Deadline) -> Receipt:
        """Ring."""
        deadline.require()
        if message.target == self.options.refuses:
            raise ChannelError(f"the bell in the {message.target} is broken", Outcome.REFUSED)
        sent.append(message)
        return Receipt(message.delivery_id)

    def find(self, message: Message, since: datetime, deadline: Deadline) -> Receipt | None:
        """Nothing is ever in doubt here."""
        return None

    def probe(self, deadline: Deadline) -> str:
        """Look up."""
        if self.options.bursts:
            raise RuntimeError("the tower fell down")
        return "the bells hang"


def modules() -> dict[str, ModuleType]:
    """The two plug-ins under the names by which a configuration knows them."""
    found = {}
    plugins: tuple[tuple[str, type, type], ...] = (
        ("letterbox.source", SourceLetters, Letters),
        ("letterbox.channel", ChannelBells, Bells),
    )
    for name, options, built in plugins:
        module = ModuleType(name)
        module.__dict__.update(Options=options, build=built)
        found[name] = module
    return found


def install() -> None:
    """Let a configuration of this process name them."""
    sys.modules.update(modules())
