"""Comments of a WordPress blog by its REST interface, oldest first: comment feeds show ten, and a flood has more.

Limits: approved comments alone (what waits for moderation needs a sign-in), 100 a page; a blog may have switched the
interface off. Times are asked for as the blog writes them, in its own zone, since `after` is compared with those; the
last minutes are read again at every turn, and every hour all that is watched, for comments that were approved late:
they keep the time at which they were written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from collectors.contract import CollectorError, Quarantined
from collectors.egress import Answer, Egress, host_of
from collectors.feed_entries import Entry, canonical, web_address
from collectors.moments import not_after, read_moment
from collectors.plain import plain_text
from collectors.rounds import entry_set_aside
from storage.records import Post, PostKind

PER_PAGE = 100
PAGES_A_TURN = 50
OVERLAP = timedelta(minutes=10)
MOST_ARTICLES = 200
_PAGE_OF_COMMENTS = re.compile(r"/comment-page-\d+/?$|[?&]cpage=\d+$")
_PLAIN = "rest_route"
"""The interface of a blog whose addresses are not rewritten (`/?rest_route=/`) is told the way in the query."""
WHOLE_EVERY = timedelta(hours=1)


@dataclass
class Place:
    """How far a blog has been read: the time of its newest comment, as it writes that, and a turn that is under way.

    `whole_at` is when all that is watched was last asked for. `articles` are those that their feed does not name by
    their number, by their pages: what was published without a draft, or before the blog moved to another address.
    """

    last: str = ""
    after: str = ""
    page: int = 1
    whole_at: float = 0.0
    articles: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CommentPage:
    """Comments, oldest first; `is_last` for those after which there are none for now."""

    posts: list[Post]
    bad: list[Quarantined]
    is_last: bool


@dataclass(frozen=True, slots=True)
class Blog:
    """A blog: the address of its interface, and what is known of everything in it."""

    api: str
    source: str
    brands: tuple[str, ...] = ()
    language: str | None = None

    def read(self, egress: Egress, place: Place, now: datetime, lookback: timedelta) -> Iterator[CommentPage]:
        """Pages after `place`, which is moved past each before it is given."""
        if not place.after:
            place.after = self._beginning(place, now, lookback)
        for _ in range(PAGES_A_TURN):
            answer = egress.fetch(self._address(place), service=f"WordPress at {host_of(self.api)}")
            comments, pages = _content(answer, self.api)
            posts, bad = self._posts(comments, now, place)
            place.last = max([place.last, *(str(comment["date"]) for comment in comments if _has_date(comment))])
            is_last = place.page >= pages or not comments
            place.page, place.after = (1, "") if is_last else (place.page + 1, place.after)
            yield CommentPage(posts, bad, is_last)
            if is_last:
                return

    def _beginning(self, place: Place, now: datetime, lookback: timedelta) -> str:
        """Where a turn begins: shortly before the newest comment, or once in a while at the oldest that is watched."""
        if place.last and now.timestamp() - place.whole_at < WHOLE_EVERY.total_seconds():
            return _earlier(place.last)
        place.whole_at = now.timestamp()
        return (now - lookback).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _address(self, place: Place) -> str:
        asked = {"after": place.after, "page": place.page, "per_page": PER_PAGE, "orderby": "date", "order": "asc"}
        site, _, query = self.api.partition("?")
        if query.startswith(f"{_PLAIN}="):
            return f"{site}?{urlencode({_PLAIN: '/wp/v2/comments', **asked}, safe='/')}"
        return f"{self.api.rstrip('/')}/wp/v2/comments?{urlencode(asked)}"

    def note(self, entries: Iterable[Entry], place: Place) -> None:
        """Remember the articles that have other names in the blog's feed than their numbers say."""
        numbered = canonical(f"{self._site()}/?p=", host_of(self.api))
        for entry in entries:
            if entry.url and not entry.identifier.startswith(numbered):
                place.articles[canonical(entry.url, host_of(self.api))] = entry.identifier
        for stale in list(place.articles)[:-MOST_ARTICLES]:
            del place.articles[stale]

    def _posts(self, comments: list[Any], now: datetime, place: Place) -> tuple[list[Post], list[Quarantined]]:
        posts: list[Post] = []
        bad: list[Quarantined] = []
        for comment in comments:
            try:
                posts.append(self.comment(comment, now, place.articles))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                bad.append(entry_set_aside(comment, error, self.api, "comment"))
        return posts, bad

    def comment(self, comment: Mapping[str, Any], now: datetime, articles: Mapping[str, str]) -> Post:
        """The post that a comment is; `articles` are those of its place."""
        host = host_of(self.api)
        parent = int(comment.get("parent") or 0)
        page = f"{self._site()}/?p={int(comment['post'])}"  # as feeds do; links change with the pages of comments
        shown_at = canonical(_PAGE_OF_COMMENTS.sub("", str(comment["link"]).partition("#")[0]), host)
        article = articles.get(shown_at) or canonical(page, host)
        author = int(comment.get("author") or 0)
        name = str(comment.get("author_name") or "") or None
        return Post(
            source=self.source,
            external_id=canonical(f"{page}#comment-{int(comment['id'])}", host),
            created_at=not_after(read_moment(str(comment["date_gmt"])).astimezone(UTC), now),
            text=plain_text(str(comment["content"]["rendered"])) or "(no words)",
            kind=PostKind.COMMENT,
            url=web_address(str(comment["link"])),
            author=f"{host}:{author}" if author else name,
            author_name=name,
            thread_id=article,
            parent_id=canonical(f"{page}#comment-{parent}", host) if parent else article,
            language=self.language,
            collected_at=now,
            brands=self.brands,
        )

    def _site(self) -> str:
        """The address of the blog, by which feeds name articles (`?p=17`)."""
        parts = urlsplit(self.api)
        path = parts.path.rstrip("/").removesuffix("/wp-json").removesuffix("/index.php")
        return f"{parts.scheme}://{parts.netloc}{path}"


def _content(answer: Answer, api: str) -> tuple[list[Any], int]:
    """The comments in an answer, and how many pages there are."""
    try:
        comments = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise CollectorError(f"{host_of(api)} gave no comments but something else: {error}") from error
    if not isinstance(comments, list):
        raise CollectorError(f"{host_of(api)} gave an answer that is not a list of comments")
    pages = answer.headers.get("x-wp-totalpages", "1")
    return comments, int(pages) if pages.isascii() and pages.isdigit() and len(pages) < 9 else 1


def _has_date(comment: Any) -> bool:
    return isinstance(comment, dict) and isinstance(comment.get("date"), str) and bool(_earlier(comment["date"]))


def _earlier(date: str) -> str:
    """A time as the blog writes it, some minutes earlier; empty where it is none."""
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        return ""
    return (moment.replace(tzinfo=None) - OVERLAP).isoformat(timespec="seconds")
