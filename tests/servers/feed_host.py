"""A host of feeds: articles in RSS with comment feeds, as WordPress makes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from hashlib import sha256
from xml.sax.saxutils import escape

from tests.servers.web import Reply, Request, WebServer, as_json

ZONE = timezone(timedelta(hours=-7))
"""That of the blog."""


@dataclass
class Comment:
    """A comment on an article."""

    number: int
    at: datetime
    text: str
    answers: int | None = None


@dataclass
class Article:
    """An article with its comments."""

    number: int
    at: datetime
    title: str
    html: str = ""
    comments: list[Comment] = field(default_factory=list)
    says_count: bool = True
    guid: str | None = None
    """Its name in feeds, where that is not made of its number."""


class FeedHost(WebServer):
    """Serves `/feed` with the newest `shown` articles, and `/post-N/feed` with the newest ten comments."""

    def __init__(self, shown: int = 10) -> None:
        super().__init__()
        self.articles: list[Article] = []
        self.shown = shown
        self.pages: dict[str, Reply] = {}
        self.taken_back: set[int] = set()

    def answer(self, request: Request) -> Reply:
        if request.path in self.pages:
            return self.pages[request.path]
        if request.path == "/feed":
            said = repr([(article.title, article.html) for article in self._newest()])  # as the real one: no comments
            return self._unless_known(request, self._rss([self._item(article) for article in self._newest()]), said)
        if request.path == "/wp-json/wp/v2/comments" or request.query.get("rest_route") == "/wp/v2/comments":
            return self._rest(request)
        for article in self.articles:
            if request.path == f"/post-{article.number}/feed":
                newest = sorted(article.comments, key=lambda comment: comment.at, reverse=True)[:10]
                said = repr([each.at for each in newest[:1]])
                return self._unless_known(request, self._rss([self._comment(article, each) for each in newest]), said)
            if request.path == f"/post-{article.number}/" and article.number not in self.taken_back:
                return Reply(200, article.html.encode(), {"content-type": "text/html"})
        return Reply(404)

    def _rest(self, request: Request) -> Reply:
        """WordPress's own interface: times in the blog's zone, pages of a hundred, 400 beyond the last one."""
        after = datetime.fromisoformat(request.query["after"])
        after = after.replace(tzinfo=after.tzinfo or ZONE)
        size, number = int(request.query["per_page"]), int(request.query["page"])
        found = sorted(
            ((article, each) for article in self.articles for each in article.comments if each.at > after),
            key=lambda pair: pair[1].at,
        )
        pages = -(-len(found) // size)
        if number > max(pages, 1) or size > 100:
            return Reply(400, b'{"code": "rest_invalid_param"}', {"content-type": "application/json"})
        shown = [self._rest_comment(*pair) for pair in found[(number - 1) * size : number * size]]
        return as_json(shown, headers={"X-WP-Total": str(len(found)), "X-WP-TotalPages": str(pages)})

    def _rest_comment(self, article: Article, comment: Comment) -> dict[str, object]:
        return {
            "id": comment.number,
            "post": article.number,
            "parent": comment.answers or 0,
            "author": 0,
            "author_name": "A reader",
            "date": comment.at.astimezone(ZONE).strftime("%Y-%m-%dT%H:%M:%S"),
            "date_gmt": comment.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
            "content": {"rendered": f"<p>{escape(comment.text)}</p>\n"},
            "link": f"{self.url}/post-{article.number}/comment-page-2/#comment-{comment.number}",
            "status": "approved",
        }

    def _newest(self) -> list[Article]:
        return sorted(self.articles, key=lambda article: article.at, reverse=True)[: self.shown]

    def _unless_known(self, request: Request, body: bytes, said: str) -> Reply:
        tag = f'"{sha256(said.encode()).hexdigest()[:12]}"'
        headers = {"etag": tag, "content-type": "application/rss+xml; charset=UTF-8"}
        return (
            Reply(304, headers={"etag": tag})
            if request.headers.get("if-none-match") == tag
            else Reply(200, body, headers)
        )

    def _rss(self, items: list[str]) -> bytes:
        return (
            '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" xmlns:wfw="http://wellformedweb.org/CommentAPI/" '
            'xmlns:slash="http://purl.org/rss/1.0/modules/slash/" xmlns:thr="http://purl.org/syndication/thread/1.0">'
            f"<channel><title>A blog</title>{''.join(items)}</channel></rss>"
        ).encode()

    def _item(self, article: Article) -> str:
        count = f"<slash:comments>{len(article.comments)}</slash:comments>" if article.says_count else ""
        return (
            f"<item><title>{escape(article.title)}</title><link>{self.url}/post-{article.number}/</link>"
            f'<guid isPermaLink="false">{article.guid or f"{self.url}/?p={article.number}"}</guid>'
            f"<pubDate>{format_datetime(article.at.astimezone(UTC))}</pubDate><description>{escape(article.html)}</description>"
            f"<wfw:commentRss>{self.url}/post-{article.number}/feed</wfw:commentRss>{count}</item>"
        )

    def _comment(self, article: Article, comment: Comment) -> str:
        page, name = f"{self.url}/post-{article.number}/", f"{self.url}/?p={article.number}#comment-{comment.number}"
        words = f"<p>{escape(comment.text)}</p>"
        if comment.answers:
            words = f'<p>Som svar på <a href="{page}#comment-{comment.answers}">A reader</a>.</p>\n{words}'
        return (
            f"<item><title>By: A reader</title><link>{page}#comment-{comment.number}</link>"
            f'<guid isPermaLink="false">{name}</guid>'
            f"<pubDate>{format_datetime(comment.at.astimezone(UTC))}</pubDate>"
            f"<description>{escape(words)}</description></item>"
        )
