"""Anything else: posts that another program hands in, signed, at `POST /ingest/NAME` of the web page.

Limits: a message has at most 1 MiB and 1,000 posts; it is taken whole or not at all, and is stored before it is
answered by 202. Messages are signed as Standard Webhooks (specification 1.0: HMAC-SHA-256 over id, time and body), are
refused when their time is more than `tolerance` away from ours, and change nothing when they come again. Posts are kept
for a week after they were read, so that a sender may repeat what it is not sure of. There is no platform behind it:
search, growth and deletions are the sender's to tell, by sending a post again. No account, no cost.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from collectors.contract import CollectorError, Page, Quarantined, SourceContext, SourceOptions, set_aside
from collectors.webhook_posts import handed_post, post_of
from config.durations import Duration
from config.references import MissingSecretError, SecretReference
from storage.records import Letter, Post

LETTERS_A_PAGE = 500
SHORTEST_SECRET = 24
"""Bytes of a secret, as Standard Webhooks asks for."""
LARGEST_BODY = 1024 * 1024

_LOOK_EVERY = 1.0


class Options(SourceOptions):
    """Keys of a `[[sources]]` table of type `webhook`."""

    secrets: list[SecretReference] = Field(min_length=1, max_length=5, examples=[[{"env": "TOCSIN_INGEST_SECRET"}]])
    """Secrets by which messages are signed ("whsec_" and base64 of 24 bytes or more); two while one is replaced."""
    tolerance: Duration = Field(default=timedelta(minutes=5), ge=timedelta(seconds=10), le=timedelta(hours=1))
    """How far the time of a message may be from ours."""


class SignatureError(Exception):
    """A message that nobody with a secret of ours has signed just now; the words say why."""


class Webhook:
    """Reads what was handed in."""

    def __init__(self, options: Options, context: SourceContext) -> None:
        self.name = context.name
        self._options = options
        self._clock = context.clock
        self._inbox = context.inbox

    def collect(self, cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        """Pages in the order of arrival."""
        number = int((cursor or {}).get("number", 0))
        if self._inbox is None:
            raise CollectorError("what is handed in lies in the database, and none is open here", permanent=True)
        while letters := self._inbox.waiting(number, LETTERS_A_PAGE):
            posts, bad = self._posts(letters)
            number = letters[-1].number
            yield Page({"number": number}, posts, quarantined=bad)
        self._inbox.forget(number)
        yield Page({"number": number}, complete=True)

    def probe(self) -> str:
        """Look at the secrets, and when something was handed in last."""
        count = len(list(keys_of(self._options)))
        newest = self._inbox.newest() if self._inbox else None
        last = f"the last post arrived {newest.received_at:%Y-%m-%d %H:%M} UTC" if newest else "nothing has arrived yet"
        return f"messages are taken at /ingest/{self.name} by {count} secret{'s' if count > 1 else ''}; {last}"

    def watch(self, news: Callable[[], None], stopping: threading.Event) -> None:
        """Look for what was handed in, in this process or another, every second."""
        if self._inbox is None:
            return
        seen = self._newest()
        while not stopping.wait(_LOOK_EVERY):
            newest = self._newest()
            if newest != seen:
                seen = newest
                news()

    def reread(self, raw: bytes) -> list[Post]:
        """A post that was set aside."""
        return [handed_post(json.loads(raw), self.name, self._clock())]

    def _newest(self) -> int:
        newest = self._inbox.newest() if self._inbox else None
        return newest.number if newest else 0

    def _posts(self, letters: Sequence[Letter]) -> tuple[list[Post], list[Quarantined]]:
        posts: dict[str, Post] = {}
        bad: list[Quarantined] = []
        for letter in letters:
            try:
                post = post_of(letter, self.name, self._clock())
            except ValueError as error:  # it was sound when it came: the rules have changed since
                bad.append(set_aside(f"letter {letter.number}", error, json.dumps(letter.post)))
            else:
                posts[post.external_id] = post
        return list(posts.values()), bad


def keys_of(options: Options) -> Iterator[bytes]:
    """The keys that the secrets stand for; `CollectorError` for one that is none."""
    for reference in options.secrets:
        try:
            secret = reference.resolve().get_secret_value().strip()
        except MissingSecretError as error:
            raise CollectorError(str(error), permanent=True) from error
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) < SHORTEST_SECRET:
            raise CollectorError(
                f'the secret in {reference} is no "whsec_" followed by base64 of {SHORTEST_SECRET} bytes or more; '
                "make one with: echo whsec_$(openssl rand -base64 32)",
                permanent=True,
            )
        yield key


def verify(options: Options, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """The message's name, when somebody with a secret of ours has signed it just now; `SignatureError` otherwise."""
    name, sent_at, signatures = (headers.get(f"webhook-{each}", "") for each in ("id", "timestamp", "signature"))
    if not (name and sent_at and signatures):
        raise SignatureError("the headers webhook-id, webhook-timestamp and webhook-signature are needed")
    if len(name) > 256 or not name.isascii() or not name.isprintable():
        raise SignatureError("webhook-id is to be a short name")
    if not sent_at.isascii() or not sent_at.isdigit() or len(sent_at) > 12:
        raise SignatureError("webhook-timestamp is to be seconds since 1970")
    age = now.timestamp() - int(sent_at)
    if abs(age) > options.tolerance.total_seconds():
        raise SignatureError(f"webhook-timestamp is {abs(age):.0f} s {'old' if age > 0 else 'ahead'}; see the clocks")
    signed = f"{name}.{sent_at}.".encode() + body
    wanted = [base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()) for key in keys_of(options)]
    given = [part[3:].encode("utf-8", "replace") for part in signatures.split(" ")[:20] if part.startswith("v1,")]
    if not any(hmac.compare_digest(each, one) for each in given for one in wanted):
        raise SignatureError("no signature in webhook-signature is by a secret of this source")
    return name


def build(options: Options, context: SourceContext) -> Webhook:
    """The source as configured."""
    return Webhook(options, context)
