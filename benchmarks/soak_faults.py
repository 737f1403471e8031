"""What goes wrong around the program: the servers that it reads and tells, each in its ways."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from tests.servers.feed_host import FeedHost
from tests.servers.mail import MailServer, Refusal
from tests.servers.slack import Fault, Slack
from tests.servers.web import Reply

Faults = dict[str, Callable[[], AbstractContextManager[None]]]
"""By name, each for as long as it is held open."""


@dataclass(kw_only=True)
class Around:
    """The servers around the program, and what is done to them."""

    blog: FeedHost
    slack: Slack
    mail: MailServer
    luck: random.Random

    @contextmanager
    def slack_does(self, *faults: Fault, share: float = 1.0) -> Iterator[None]:
        """Slack fails with one of these, in such a share of requests."""
        self.slack.chaos = lambda _method: self.luck.choice(faults) if self.luck.random() < share else None
        yield
        self.slack.chaos = lambda _method: None

    @contextmanager
    def mail_does(self, *refusals: Refusal) -> Iterator[None]:
        """The mail server refuses with one of these."""
        self.mail.chaos = lambda _stage: self.luck.choice(refusals)
        yield
        self.mail.chaos = lambda _stage: None

    @contextmanager
    def blog_does(self, *replies: Reply) -> Iterator[None]:
        """The blog answers with these instead of its own."""
        self.blog.faults.extend(replies * 20)
        yield
        self.blog.faults.clear()

    def at_once(self) -> Faults:
        """Those that are over as soon as they are noticed."""
        limited = Fault(status=429, error="ratelimited", headers={"Retry-After": "5"})
        taken = [Fault(after=True, reset=True), Fault(after=True, error="internal_error"), Fault(reset=True)]
        return {
            "slack breaks off": lambda: self.slack_does(*taken, share=0.6),
            "slack fails": lambda: self.slack_does(Fault(status=503, error="service_unavailable")),
            "slack limits": lambda: self.slack_does(limited),
            "mail is taken and cut off": lambda: self.mail_does(Refusal(drop=True, taken=True)),
            "mail is put off": lambda: self.mail_does(Refusal("451 4.7.1 try again later")),
            "blog fails": lambda: self.blog_does(Reply(500, b"sorry")),
            "blog limits": lambda: self.blog_does(Reply(429, b"", {"retry-after": "7"})),
            "blog talks nonsense": lambda: self.blog_does(Reply(200, b"<html><p>Log in</p>" * 40)),
            "blog is cut short": lambda: self.blog_does(Reply(200, b"<?xml version='1.0'?><rss><channel><item>")),
        }

    def slowly(self) -> Faults:
        """Those for which somebody has to wait."""
        return {
            "slack says nothing": lambda: self.slack_does(Fault(silent=True)),
            "slack drips": lambda: self.slack_does(Fault(after=True, drip=2.0)),
            "mail is slow": lambda: self.mail_does(Refusal(taken=True, delay=4.0)),
        }


@dataclass
class Bag:
    """Draws faults, each sort once before any comes again."""

    luck: random.Random
    drawn: Counter[str] = field(default_factory=Counter)
    _left: list[str] = field(default_factory=list)

    def draw(self, known: Faults) -> AbstractContextManager[None]:
        """The next of those that are known."""
        self._left = [name for name in self._left if name in known] or self.luck.sample(sorted(known), len(known))
        name = self._left.pop()
        self.drawn[name] += 1
        return known[name]()
