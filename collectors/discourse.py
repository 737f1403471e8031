"""A Discourse forum: its newest posts or what its search finds, and the topics that these belong to.

Limits: a stranger may ask 200 times a minute and 50 times in ten seconds per address, a key 60 times a minute, unless
the forum decides otherwise; who asks too often gets a 429 with the seconds to wait. The newest posts come by 50 and
reach back to the first; a search gives 50 a page and ten pages. Numbers of posts that are deleted or not for us are
missing from the list, whole pages of them too. Likes are counted, and how many people have read a post; shares are not.

Terms: each forum has its own; what only members see needs a key of one.

Posts are named by topic and number in it (`7/1` begins topic 7), which is how answers name what they answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from collectors.contract import CollectorError, Quarantined, SourceContext
from collectors.interface import Interface, secret
from collectors.listed import Asked, Listed, ListedOptions
from collectors.moments import from_epoch, not_after, read_moment
from collectors.plain import plain_text
from collectors.queries import single_terms
from collectors.rounds import ODD, Found, Listing, Round, chunks, entries_in, joined
from config.references import SecretReference
from storage.records import Engagement, Post, PostKind

PAGE = 50
_SEARCH_PAGES = 10
_AT_ONCE = 20
"""Posts of a topic that are given in one request."""
_REPLIES = 200
_LIKE = 2
_REGULAR = 1
"""The kind of posts that people write; others tell that a topic was closed and the like."""


class Options(ListedOptions):
    """Keys of a `[[sources]]` table of type `discourse`."""

    url: str = Field(pattern=r"^https?://", examples=["https://forum.example"])
    """Address of the forum."""
    brand: str | None = None
    """The brand that everything there is about, such as for a company's own forum."""
    language: str | None = Field(default=None, min_length=2, max_length=2)
    """The language that is spoken there."""
    search: bool = False
    """Whether only what a search finds is read, on a forum too large to be read whole."""
    api_key: SecretReference | None = None
    """Key of the forum, for what only members see."""
    api_username: str | None = None
    """The member that the key belongs to, where it is one for all members."""
    watch_at_most: int = Field(default=30, ge=0, le=1000)
    """How many topics are followed at a time, newest first; each takes a request a turn."""


class Discourse(Asked):
    """What is asked of a forum."""

    requests_per_day: int | None = 86_400
    at_once = 20

    def __init__(self, options: Options, context: SourceContext) -> None:
        self.service = f"the forum at {options.url.partition('://')[2]}"
        super().__init__(Interface(self.service, options.url, context.clock), context)
        self._options = options
        self._headers: dict[str, str] = {}
        self._topics: dict[str, Mapping[str, Any]] = {}

    def prepare(self) -> None:
        """Read the key; topics that were read once in a session are not read again in it."""
        self._topics = {}
        self._headers = self._credentials()

    def page(self, listing: Listing, state: Round) -> Found:
        """A page of the newest posts, or of a search."""
        return self._searched(listing, state) if listing.query else self._latest(state)

    def looked_up(self, names: Sequence[str]) -> Found:
        """Posts by topic and number; those that are gone, or not for us, are missing."""
        found: list[Post] = []
        bad: list[Quarantined] = []
        for name in names:
            topic, _, number = name.partition("/")
            try:
                post = self._first(topic) if number == "1" else self._read_post(topic, number)
            except ODD as error:
                bad.append(Quarantined(name, repr(error), ""))
                continue
            found += [] if post is None else [post]
        return Found(found, bad, "", len(names))

    def replies(self, root: Post, unread: int) -> Found:
        """The newest answers of a topic, so many as are new, 200 at the most."""
        topic = root.external_id.partition("/")[0]
        stream = self._topic(topic)["post_stream"]["stream"]
        wanted = list(stream)[1:][-min(unread, _REPLIES) :]
        answers = [
            self._ask(f"/t/{topic}/posts.json", {"post_ids[]": list(some)})["post_stream"]["posts"]
            for some in chunks(wanted, _AT_ONCE)
        ]
        found = joined(self._found(items) for items in answers)
        return Found(found.posts, found.bad, "", found.given, max(unread - len(wanted), 0))

    def probe(self, listing: Listing) -> str:
        """Read a page of the first list."""
        found = self.page(listing, Round(0.0))
        return f"{self.service} answers with {found.given} posts"

    # -- lists ---------------------------------------------------------------------------------------------------------

    def _latest(self, state: Round) -> Found:
        """The fifty numbers before a place; where none of them is there for us, the fifty before those."""
        before = int(state.place or 0)
        items = self._ask("/posts.json", {"before": before or None}).get("latest_posts")
        found = self._found(items)
        oldest = min((item["id"] for item in items or () if isinstance(item, dict) and "id" in item), default=before)
        following = oldest if not before or oldest < before else before - PAGE
        return Found(found.posts, found.bad, str(following) if following > 0 else "", found.given)

    def _searched(self, listing: Listing, state: Round) -> Found:
        """A page of a search, whose posts are read one by one: it shows only the beginning of their words."""
        page = int(state.place or 1)
        since = from_epoch(state.floor).date().isoformat()
        answer = self._ask("/search.json", {"q": f"{listing.query} after:{since} order:latest", "page": page})
        results, grouped = answer.get("posts"), answer.get("grouped_search_result") or {}
        if not isinstance(results, list):
            raise CollectorError(f"{self.service} gave an answer without posts")
        new = [result for result in results if _is_new(result, state.floor)]
        found = self.looked_up([f"{result['topic_id']}/{result['post_number']}" for result in new])
        is_more = bool(grouped.get("more_full_page_results")) and page < _SEARCH_PAGES
        posts = sorted(found.posts, key=lambda post: post.created_at, reverse=True)
        reaches_old = len(new) < len(results)
        return Found(posts, found.bad, str(page + 1) if is_more and not reaches_old else "", len(results))

    # -- questions -----------------------------------------------------------------------------------------------------

    def _credentials(self) -> dict[str, str]:
        if self._options.api_key is None:
            return {}
        headers = {"api-key": secret(self._options.api_key, "the key of the forum")}
        return headers | ({"api-username": self._options.api_username} if self._options.api_username else {})

    def _ask(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return self._interface.get(path, params, self._headers)

    def _found(self, items: Any) -> Found:
        return entries_in(items, self)

    def read(self, entry: Any, _of: str) -> Post | None:
        """The post that an entry is."""
        return self._post(entry)

    def _topic(self, number: str) -> Mapping[str, Any]:
        if number not in self._topics:
            self._topics[number] = self._ask(f"/t/{number}.json")
        return self._topics[number]

    def _first(self, number: str) -> Post | None:
        """The first post of a topic, with what the topic as a whole has gathered; `None` where it is gone."""
        try:
            topic = self._topic(number)
        except CollectorError as error:
            _raise_unless_gone(error)
            return None
        first = topic["post_stream"]["posts"][0]
        counted = {"topic_title": topic["title"], "reads": topic.get("views"), "replies": topic["posts_count"] - 1}
        return self._post({**first, **counted})

    def _read_post(self, topic: str, number: str) -> Post | None:
        try:
            return self._post(self._ask(f"/posts/by_number/{topic}/{number}.json"))
        except CollectorError as error:
            _raise_unless_gone(error)
            return None

    def _post(self, item: Mapping[str, Any]) -> Post | None:
        topic, number, now = item["topic_id"], int(item["post_number"]), self._clock()
        kind = item.get("post_type", _REGULAR)
        if kind != _REGULAR or item.get("deleted_at") or item.get("user_deleted") or item.get("hidden"):
            return None
        written_at = read_moment(item["created_at"])
        is_reply, is_edited = number > 1, int(item.get("version") or 1) > 1
        counts = {count["id"]: count.get("count") for count in item.get("actions_summary") or ()}
        return Post(
            source=self._source,
            external_id=f"{topic}/{number}",
            created_at=not_after(written_at, now),
            text=plain_text(item["cooked"]),
            kind=PostKind.REPLY if is_reply else PostKind.POST,
            title="" if is_reply else item.get("topic_title") or "",
            url=f"{self._options.url.rstrip('/')}/t/{topic}/{number}",
            author=item["username"],
            author_name=item.get("name") or item["username"],
            thread_id=f"{topic}/1",
            parent_id=f"{topic}/{item.get('reply_to_post_number') or 1}" if is_reply else None,
            language=self._options.language,
            engagement=Engagement(
                likes=counts.get(_LIKE, 0),
                replies=item.get("replies", item.get("reply_count")),
                views=item.get("reads"),
            ),
            edited_at=read_moment(item["updated_at"]) if is_edited else None,
            collected_at=now,
            brands=(self._options.brand,) if self._options.brand else (),
        )


def _raise_unless_gone(error: CollectorError) -> None:
    if error.status not in (403, 404, 410):
        raise error


def _is_new(result: Any, floor: float) -> bool:
    try:
        return read_moment(result["created_at"]).timestamp() > floor
    except ODD:
        return True


def build(options: Options, context: SourceContext) -> Listed:
    """The source as configured."""
    asked = dict.fromkeys((*single_terms(context.brands), *options.queries))
    ends_after = PAGE * _SEARCH_PAGES
    found = [Listing("search", query, ends_after) for query in asked] if options.search else []
    return Listed(Discourse(options, context), found or [Listing("posts", is_search=False)], options, context)
