"""What is remembered of threads: how far they went, what they say of a brand, and how used a brand is to hot ones."""

from __future__ import annotations

import math
from copy import copy
from typing import Final

import msgspec

from monitor.detectors.heat import FIRST_SIGHT, Norms, age_class
from monitor.voices import VOICE, Heard
from storage.records import Label

MEMORY: Final = 28 * 86400.0
TOLD: Final = 6
_NEGATIVE: Final = Label.NEGATIVE


class SeenThread(msgspec.Struct, array_like=True, gc=False):
    """A thread as it was last seen; `place` is the age class it was counted in, `heard` counts replies as posts."""

    source: str
    external_id: str
    first_at: float
    last_at: float
    place: int = -1
    comments: int | None = None
    points: int | None = None
    heard: int = 0

    @property
    def age_class(self) -> int | None:
        """The class of its age (`heat.age_class`)."""
        if self.first_at == self.last_at:  # as most are: seen once
            return FIRST_SIGHT
        return age_class((self.last_at - self.first_at) / 60.0)


class AboutThread(msgspec.Struct, array_like=True, gc=False):
    """What a brand's thread says: its root where it was heard, and its replies. `is_famous` once it counted as hot."""

    at: float
    title: str = ""
    names: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    negative: bool = False
    replies: int = 0
    negative_replies: int = 0
    evidence: list[tuple[str, str]] = []
    is_famous: bool = False

    def copy(self) -> AboutThread:
        """An independent state of the same."""
        twin = copy(self)
        twin.evidence = list(self.evidence)
        return twin


class Fame(msgspec.Struct, array_like=True):
    """How many hot threads a brand had, fading."""

    total: float = 0.0
    at: float = 0.0

    def faded(self, now: float) -> float:
        return self.total * math.exp(-max(0.0, now - self.at) / MEMORY)


class ThreadState(msgspec.Struct, array_like=True):
    norms: dict[str, Norms]
    threads: dict[str, SeenThread]
    about: dict[str, dict[str, AboutThread]]
    fame: dict[str, Fame]


def comments_of(thread: SeenThread) -> int | None:
    if thread.comments is None and not thread.heard:
        return None
    return max(thread.comments or 0, thread.heard)


def gathered(thread: SeenThread) -> float:
    """Comments, and points at half the worth."""
    return (comments_of(thread) or 0) + (thread.points or 0) / 2


def take_counts(thread: SeenThread, comments: int | None, points: int | None) -> None:
    """Take a further sample of a thread."""
    if comments is not None or thread.comments is not None:
        thread.comments = max(comments or 0, thread.comments or 0)
    if points is not None:
        thread.points = points


def root_of(one: Heard) -> AboutThread:
    """What is known of a thread of which the root is heard first."""
    item = one.item
    names = (item.mention.brand, *item.mention.matched)
    negative = item.score.label is _NEGATIVE
    return AboutThread(one.at, item.post.title or item.post.text, names, item.kinds, negative, evidence=[])


def take_root(about: AboutThread, one: Heard) -> None:
    """The same of one of which something was heard before."""
    root = root_of(one)
    about.title, about.names, about.kinds, about.negative = root.title, root.names, root.kinds, root.negative


def take_reply(about: AboutThread, one: Heard) -> None:
    is_negative = one.item.score.label is _NEGATIVE
    if one.role is VOICE:
        about.replies += 1
        about.negative_replies += is_negative
    if is_negative and len(about.evidence) < TOLD:
        about.evidence.append(one.item.post.key)
