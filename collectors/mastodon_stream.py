"""A stream of a Mastodon instance by Mastodon.py: everything public that reaches it, or what carries a hashtag.

An instance writes a comment (`:thump`) every 15 s. Left to itself Mastodon.py reads byte by byte, and waits for minutes
on a server that says nothing; it is bounded from underneath (collectors/transport.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from collectors.rounds import Found
from collectors.streams import Hearing
from storage.records import Post

if TYPE_CHECKING:
    import mastodon

    from collectors.transport import StreamingAdapter

PATHS = ("/api/v1/streaming/public", "/api/v1/streaming/hashtag")
LARGEST = 1024 * 1024
SILENCE = 45.0
"""Seconds without a sign of life after which a connection is dead: three times what an instance promises."""

Client = Callable[["StreamingAdapter"], AbstractContextManager["mastodon.Mastodon"]]
"""Makes Mastodon.py over an adapter, for as long as it is used."""


class InstanceStream:
    """One connection: to the stream of a hashtag, or without one to that of everything that is public."""

    def __init__(
        self,
        tag: str,
        client: Client,
        named: re.Pattern[str] | None,
        read: Callable[[Any], Post | None],
        clock: Callable[[], datetime],
    ) -> None:
        self.name = f"#{tag}" if tag else "public"
        self._tag, self._client, self._clock = tag, client, clock
        self._named, self._read = named, read
        self._adapter: StreamingAdapter | None = None

    def hear(self, hearing: Hearing) -> None:
        """Connect, and pass on what is told until the instance ends it."""
        from collectors.mastodon_ear import Ear, in_words  # noqa: PLC0415
        from collectors.transport import StreamingAdapter  # noqa: PLC0415

        self._adapter = StreamingAdapter(
            "Mastodon", PATHS, clock=self._clock, timeout=(5.0, SILENCE), max_bytes=LARGEST
        )
        with self._client(self._adapter) as client, in_words():
            ear = Ear(self.name, hearing, self._post, self._edited)
            if self._tag:
                client.stream_hashtag(self._tag, ear, timeout=SILENCE)
            else:
                client.stream_public(ear, timeout=SILENCE)

    def shut(self) -> None:
        """End the connection."""
        if self._adapter is not None:
            self._adapter.shut()

    def _post(self, status: Any) -> Post | None:
        """The post that was told, when it names a brand; what carries the hashtag need not."""
        post = self._read(status)
        if post is None or self._tag:
            return post
        return post if self._named is not None and self._named.search(f"{post.title}\n{post.text}") else None

    def _edited(self, status: Any) -> Post | Found | None:
        """The same of an edit: one that no longer names a brand matters where the post is stored."""
        post = self._read(status)
        return None if post is None else self._post(status) or Found(changed=[post], given=1)
