"""A Lemmy instance: posts and comments that its search finds, or all of named communities, and their threads.

Limits: each instance decides; as it comes, 60 searches in ten minutes and 180 other questions a minute per address. 50
entries a page, newest first, by the number of the page; nothing ends a list early. An instance knows the communities
that its own people follow, and counts the votes that reached it. Search knows no OR, so every term is two questions,
one for posts and one for comments. Shares and views are not counted.

Terms: each instance has its own.

Three addresses of JSON (interface v3, Lemmy 0.19 and its kin); posts are named `post-7`, comments `comment-9`, as the
instance numbers them. A comment's place in its tree is its `path`: `0.9.12` answers comment 9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from collectors.contract import CollectorError, SourceContext
from collectors.egress import Answer
from collectors.interface import Interface
from collectors.listed import Asked, Listed, ListedOptions
from collectors.moments import not_after, read_moment
from collectors.plain import plain_text
from collectors.queries import single_terms
from collectors.rounds import Found, Listing, Round, entries_in, joined
from storage.records import Engagement, Post, PostKind

PAGE = 50
_REPLY_PAGES = 4
"""Pages of a thread's newest comments that are read in one turn."""
_GONE = {"couldnt_find_post", "couldnt_find_comment", "couldnt_find_object", "not_found", "deleted", "removed"}


class Options(ListedOptions):
    """Keys of a `[[sources]]` table of type `lemmy`."""

    instance: str = Field(default="https://lemmy.world", pattern=r"^https?://")
    """Address of the instance that is asked."""
    communities: list[Annotated[str, Field(pattern=r"^\w+(@[\w.:-]+)?$")]] = Field(default_factory=list)
    """Communities (`name`, or `name@instance` for those from elsewhere) of which every post and comment is read."""
    search: bool = True
    """Whether the instance is searched for the brands' terms."""
    watch_at_most: int = Field(default=50, ge=0, le=1000)
    """How many threads are followed at a time, newest first; each takes a request a turn."""


class Lemmy(Asked):
    """What is asked of an instance."""

    service = "Lemmy"
    requests_per_day: int | None = 180 * 60 * 24
    at_once = 50

    def __init__(self, options: Options, context: SourceContext) -> None:
        url = f"{options.instance.rstrip('/')}/api/v3"
        super().__init__(Interface(self.service, url, context.clock, _judged), context)

    def page(self, listing: Listing, state: Round) -> Found:
        """A page of a search for posts or comments, or of those of a community."""
        page = int(state.place or 1)
        asked: dict[str, Any] = {"sort": "New", "limit": PAGE, "page": page}
        if listing.query:
            what = {"q": listing.query, "type_": listing.path, "listing_type": "All"}
            answer = self._interface.get("/search", {**asked, **what})
        else:
            kind, _, community = listing.path.partition(" ")
            path = "/post/list" if kind == "Posts" else "/comment/list"
            answer = self._interface.get(path, {**asked, "type_": "All", "community_name": community})
        views = answer.get("posts" if listing.path.startswith("Posts") else "comments")
        found = self._found(views)
        return Found(found.posts, found.bad, str(page + 1) if found.given >= PAGE else "", found.given)

    def looked_up(self, names: Sequence[str]) -> Found:
        """Posts and comments by their names; those that are gone are missing."""
        return joined(self._one(name) for name in names)

    def replies(self, root: Post, unread: int) -> Found:
        """The newest comments below a post, so many as are new, four pages at the most."""
        asked = {"post_id": root.external_id.removeprefix("post-"), "type_": "All", "sort": "New", "limit": PAGE}
        pages: list[Found] = []
        for number in range(1, _REPLY_PAGES + 1):
            page = self._found(self._interface.get("/comment/list", {**asked, "page": number}).get("comments"))
            pages.append(page)
            if page.given < PAGE or sum(each.given for each in pages) >= unread:
                break
        found = joined(pages)
        return Found(found.posts, found.bad, "", found.given, max(unread - found.given, 0))

    def probe(self, listing: Listing) -> str:
        """Read a page of the first list."""
        found = self.page(listing, Round(0.0))
        return f"{self._interface.url.removesuffix('/api/v3')} answers with {found.given} entries of {listing.key}"

    def _one(self, name: str) -> Found:
        kind, _, number = name.partition("-")
        try:
            answer = self._interface.get(f"/{kind}", {"id": number})
        except CollectorError as error:
            if error.status != 404:
                raise
            return Found()
        return self._found([answer.get(f"{kind}_view")])

    def read(self, entry: Any, _of: str) -> Post | None:
        """The post or comment that a view shows."""
        return _read(entry, self._source, self._clock())

    def _found(self, views: Any) -> Found:
        return entries_in(views, self)


def _judged(answer: Answer, content: Any) -> CollectorError | None:
    """Errors by their names: older versions tell every one of them with the status 400."""
    name = content.get("error") if answer.status >= 400 and isinstance(content, dict) else None
    if name in _GONE:
        return CollectorError(f"Lemmy answered {answer.status}: {name}", permanent=True, status=404)
    if name == "rate_limit_error":
        return CollectorError(f"Lemmy answered {answer.status}: too many requests", retry_after=60.0, status=429)
    if name == "couldnt_find_community":
        message = f"Lemmy answered {answer.status}: it knows no such community; correct `communities`"
        return CollectorError(message, permanent=True, status=404)
    return None


def _read(view: Mapping[str, Any], source: str, now: datetime) -> Post | None:
    """A post or a comment; `None` for one that was deleted by its author or removed by a moderator."""
    item = view["comment"] if "comment" in view else view["post"]
    if item["deleted"] or item["removed"]:
        return None
    read = _comment if "comment" in view else _post
    return read(item, view, source, now)


def _post(post: Mapping[str, Any], view: Mapping[str, Any], source: str, now: datetime) -> Post:
    title, counts = post["name"], view["counts"]
    return Post(
        text=plain_text(post.get("body") or "") or title,
        title=title,
        external_id=f"post-{int(post['id'])}",
        thread_id=f"post-{int(post['id'])}",
        engagement=Engagement(likes=counts.get("upvotes"), replies=counts.get("comments")),
        **_common(post, view, source, now),
    )


def _comment(comment: Mapping[str, Any], view: Mapping[str, Any], source: str, now: datetime) -> Post:
    above = comment["path"].split(".")[-2]
    thread = f"post-{int(comment['post_id'])}"
    counts = view["counts"]
    return Post(
        text=plain_text(comment["content"]),
        kind=PostKind.COMMENT,
        external_id=f"comment-{int(comment['id'])}",
        thread_id=thread,
        parent_id=thread if above == "0" else f"comment-{int(above)}",
        engagement=Engagement(likes=counts.get("upvotes"), replies=counts.get("child_count")),
        **_common(comment, view, source, now),
    )


def _common(item: Mapping[str, Any], view: Mapping[str, Any], source: str, now: datetime) -> dict[str, Any]:
    creator, updated = view["creator"], item.get("updated")
    return {
        "source": source,
        "created_at": not_after(read_moment(item["published"]), now),
        "url": item.get("ap_id"),
        "author": creator.get("actor_id") or creator["name"],
        "author_name": creator.get("display_name") or creator["name"],
        "edited_at": read_moment(updated) if updated else None,
        "collected_at": now,
    }


def build(options: Options, context: SourceContext) -> Listed:
    """The source as configured."""
    asked = dict.fromkeys((*single_terms(context.brands), *options.queries)) if options.search else {}
    kinds = ("Posts", "Comments")
    listings = [Listing(kind, query) for query in asked for kind in kinds]
    listings += [Listing(f"{kind} {name}", is_search=False) for name in options.communities for kind in kinds]
    return Listed(Lemmy(options, context), listings, options, context)
