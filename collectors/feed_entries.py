"""What an entry of a feed means: its identity, its words, and the post that it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from collectors.moments import from_epoch, not_after
from collectors.plain import plain_text
from storage.records import Engagement, Post, PostKind

_COMMENT = re.compile(r"(.+#comment-)\d+")
_ANSWERED = re.compile(r'\s*<p>[^<]{0,80}<a href="[^"]{1,2000}#comment-(\d+)">[^<]{0,200}</a>[^<]{0,80}</p>')
"""What WordPress puts before the words of an answer, in the language of the blog. Links of people have more to them."""
_TRACKING = ("utm_", "mc_", "fbclid", "gclid", "igshid")


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry in plain words. `digest` changes when the words do; `comments` is how many it has, if the feed says."""

    identifier: str
    source: str
    title: str
    text: str
    url: str | None
    author: str | None
    language: str | None
    read_at: datetime
    published_at: datetime | None = None
    updated_at: datetime | None = None
    comments_feed: str | None = None
    comments: int | None = None
    reply_to: str | None = None
    digest: str = field(default="")

    @property
    def words(self) -> str:
        """All that a person reads of it."""
        return f"{self.title}\n{self.text}"

    def article(self, brands: tuple[str, ...], first_seen_at: float) -> Post:
        """The entry as an article, which is the root of its own thread."""
        return self._post(PostKind.ARTICLE, self.identifier, None, brands, first_seen_at)

    def comment(self, article: str, brands: tuple[str, ...], first_seen_at: float) -> Post:
        """The entry as a comment on `article`."""
        return self._post(PostKind.COMMENT, article, self.reply_to or article, brands, first_seen_at)

    def _post(
        self, kind: PostKind, thread: str, parent: str | None, brands: tuple[str, ...], first_seen_at: float
    ) -> Post:
        created_at = not_after(self.published_at or self.updated_at or from_epoch(first_seen_at), self.read_at)
        is_edited = self.updated_at is not None and (self.updated_at - created_at).total_seconds() > 60
        return Post(
            source=self.source,
            external_id=self.identifier,
            created_at=created_at,
            text=self.text or self.title,
            kind=kind,
            title=self.title if kind is PostKind.ARTICLE else "",
            url=self.url,
            author=self.author,
            author_name=self.author,
            thread_id=thread,
            parent_id=parent,
            language=self.language,
            engagement=Engagement(replies=self.comments),
            edited_at=self.updated_at if is_edited else None,
            collected_at=self.read_at,
            brands=brands,
        )


def readable(entry: Mapping[str, Any], *, host: str, source: str, now: datetime, language: str | None) -> Entry:
    """An entry of collectors/feed_reader.py in plain words; `host` is that of its feed."""
    words, answered = _unprefixed(entry["id"] or "", entry["html"] or "")
    reply_to = entry["reply_to"] or answered
    title, text = plain_text(entry["title"] or ""), plain_text(words)
    link = web_address(entry["link"])
    made = blake2b(f"{title}\x1f{text}".encode(), digest_size=8).hexdigest()
    return Entry(
        identifier=canonical(entry["id"] or entry["link"] or made, host),
        source=source,
        title=title,
        text=text,
        url=link,
        author=entry["author"],
        language=language,
        read_at=now,
        published_at=_moment(entry["published"]),
        updated_at=_moment(entry["updated"]),
        comments_feed=entry["comments_feed"],
        comments=entry["comments"],
        reply_to=canonical(reply_to, host) if reply_to else None,
        digest=made,
    )


def _unprefixed(identifier: str, markup: str) -> tuple[str, str | None]:
    """The words of a comment without WordPress's line on what it answers, and the name of that."""
    named = _COMMENT.fullmatch(identifier)
    answered = _ANSWERED.match(markup) if named else None
    if named is None or answered is None:
        return markup, None
    return markup[answered.end() :], f"{named.group(1)}{answered.group(1)}"


def canonical(identifier: str, host: str) -> str:
    """One name for one entry.

    Addresses lose scheme, capitals of the host, tracking and a last slash; other names, which are only unique within
    their feed, get its host. Fragments stay: comments are told apart by them.
    """
    try:
        parts = urlsplit(identifier.strip())
        netloc = parts.netloc.lower().removesuffix(":80").removesuffix(":443")
    except ValueError:
        parts, netloc = None, ""
    if parts is None or parts.scheme.lower() not in ("http", "https") or not netloc:
        return f"{host}:{identifier.strip()}"[:500]
    query = [
        item for item in parse_qsl(parts.query, keep_blank_values=True) if not item[0].lower().startswith(_TRACKING)
    ]
    path = parts.path.rstrip("/")
    return parts._replace(scheme="https", netloc=netloc, path=path, query=urlencode(query)).geturl()[:500]


def web_address(link: str | None) -> str | None:
    """`link` if it is a web address; `javascript:` and the like are none."""
    return link if link is not None and link.lower().startswith(("https://", "http://")) else None


def _moment(seconds: int | None) -> datetime | None:
    try:
        return from_epoch(seconds) if seconds is not None else None
    except ValueError:
        return None
