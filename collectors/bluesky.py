"""Bluesky: what its search finds, and the threads that this belongs to, by plain XRPC.

Limits: 3,000 requests in five minutes per address, sign-ins 30 in five minutes and 300 a day, told in headers
(`ratelimit-*`); 100 posts a page, 25 posts looked up at a time. Search wants an account in practice, gives its cursor
to nobody else, and counts up to 10,000; beyond that a round goes on by time. Search knows no OR, so every term is a
question of its own. Nobody counts views. The app offers no edit, but an app view shows a record that was replaced.
A post's number of answers is that of those right below it.

Terms: the maintainers ask not to use search for collecting in bulk; authors may ask (a label) to be shown to signed-in
readers alone, which this is.

With `stream` Jetstream is listened to as well (collectors/bluesky_stream.py), and search brings what it missed.

The SDK is not used (decision 116). An app password is signed in once; its tokens stay in memory, the short one is
renewed by the long one, and never stand in the cursor.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field

from collectors.bluesky_stream import Jetstream
from collectors.contract import CollectorError, SourceContext
from collectors.egress import Answer
from collectors.interface import Interface, secret
from collectors.listed import Asked, Listed
from collectors.moments import from_epoch, not_after, read_moment
from collectors.queries import single_terms
from collectors.rounds import Found, Listing, Round, chunks, entries_in, joined
from collectors.streamed import Streamed, StreamedOptions
from collectors.terms import hashtags_of, naming
from config.references import SecretReference
from storage.records import Engagement, Post, PostKind

PAGE = 100
_LOOKED_UP = 25
_COUNTED = 9_000
"""Place in a search from which on the round goes by time, for cursors end at 10,000."""
_BLOCKED = "app.bsky.feed.defs#blockedPost"
_STALE = ("ExpiredToken", "InvalidToken")
_SIGN_IN_PROBLEMS = {
    "AuthenticationRequired": "the handle and the app password do not belong together",
    "AuthFactorTokenRequired": "it wants a second factor; make an app password and give that",
    "AccountTakedown": "the account was taken down",
}


class Options(StreamedOptions):
    """Keys of a `[[sources]]` table of type `bluesky`."""

    identifier: str = Field(min_length=3, examples=["you.bsky.social"])
    """Handle of the account that asks."""
    app_password: SecretReference
    """An app password of that account (never its own password)."""
    hashtags: list[Annotated[str, Field(pattern=r"^#?\w+$")]] = Field(default_factory=list)
    """Hashtags beside those of the brands."""
    service_url: str = Field(default="https://bsky.social", pattern=r"^https?://")
    """Address of the server that the account is on."""
    stream: bool = False
    """Whether Jetstream is listened to, which tells of every post of the network as it is written."""
    stream_url: str = Field(default="wss://jetstream.us-east.bsky.network/xrpc", pattern=r"^wss?://")
    """Address of Jetstream."""


class StaleError(CollectorError):
    """The short token is no longer good."""


class Bluesky(Asked):
    """What is asked of Bluesky."""

    service = "Bluesky"
    requests_per_day: int | None = 864_000
    at_once = 250
    counts_below = False

    def __init__(self, options: Options, context: SourceContext) -> None:
        super().__init__(Interface(self.service, f"{options.service_url}/xrpc", context.clock, _judged), context)
        self._options = options
        self._short = self._long = ""

    def page(self, listing: Listing, state: Round) -> Found:
        """A page of a search, newest first. A place is a time and a cursor in what was written before it."""
        until, _, cursor = state.place.partition("|")
        before = until or _stamp(from_epoch(state.begun_at) + timedelta(seconds=1))
        asked = {
            "q": listing.query,
            "sort": "latest",
            "limit": PAGE,
            "since": _stamp(from_epoch(state.floor)),
            "until": before,
            "cursor": cursor or None,
        }
        answer = self._ask("app.bsky.feed.searchPosts", asked)
        found = self._found(answer.get("posts"))
        return Found(found.posts, found.bad, _next(answer, found, before), found.given)

    def looked_up(self, names: Sequence[str]) -> Found:
        """Posts by their addresses; those that are gone are missing."""
        return joined(self._found(self._given(some)) for some in chunks(names, _LOOKED_UP))

    def replies(self, root: Post, _unread: int) -> Found:
        """All that answers the root; what its author keeps from the account that asks is missing."""
        asked = {"uri": root.external_id, "depth": 1000, "parentHeight": 0}
        thread = self._ask("app.bsky.feed.getPostThread", asked).get("thread")
        if not isinstance(thread, dict):
            raise CollectorError("Bluesky gave a thread without the documented shape")
        nodes = _below(thread)
        found = self._found([node["post"] for node in nodes if "post" in node])
        return replace(found, missing=sum(node.get("$type") == _BLOCKED for node in nodes))

    def probe(self, listing: Listing) -> str:
        """Sign in and search."""
        day = (self._clock() - timedelta(days=1)).timestamp()
        found = self.page(listing, Round(day, floor=day, begun_at=self._clock().timestamp()))
        return f"Bluesky accepts the account; {found.given} posts of the last day on the first page of {listing.query}"

    def read(self, entry: Any, _of: str) -> Post:
        """The post that a view shows."""
        return _post(entry, self._source, self._clock())

    def _found(self, views: Any) -> Found:
        return entries_in(views, self)

    def _given(self, names: Sequence[str]) -> Any:
        return self._ask("app.bsky.feed.getPosts", {"uris": list(names)}).get("posts")

    # -- sign-in -------------------------------------------------------------------------------------------------------

    def _ask(self, name: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """An answer to a signed-in question; the sign-in is renewed once where it has run out."""
        if not self._short:
            self._sign_in()
        try:
            return self._interface.get(f"/{name}", params, _bearer(self._short))
        except StaleError:
            self._renew()
            return self._interface.get(f"/{name}", params, _bearer(self._short))

    def _sign_in(self) -> None:
        password = secret(self._options.app_password, "the app password of Bluesky")
        account = {"identifier": self._options.identifier, "password": password}
        self._take(self._interface.post("/com.atproto.server.createSession", account))

    def _renew(self) -> None:
        try:
            self._take(self._interface.post("/com.atproto.server.refreshSession", None, _bearer(self._long)))
        except StaleError:
            self._sign_in()

    def _take(self, answer: Mapping[str, Any]) -> None:
        short, long = answer.get("accessJwt"), answer.get("refreshJwt")
        if not (isinstance(short, str) and isinstance(long, str)):
            raise CollectorError("Bluesky signed in without giving tokens")
        self._short, self._long = short, long


def _judged(answer: Answer, content: Any) -> CollectorError | None:
    """Errors by their names, which say more than their statuses: a token that has run out is a 400."""
    if answer.status < 400 or not isinstance(content, dict):
        return None
    name, said = content.get("error"), str(content.get("message", ""))[:200]
    if name in _STALE:
        return StaleError(f"Bluesky answered {answer.status}: {said}", status=answer.status)
    if name in _SIGN_IN_PROBLEMS:
        message = f"Bluesky answered {answer.status}: {_SIGN_IN_PROBLEMS[name]}"
        return CollectorError(message, permanent=True, status=answer.status)
    if name == "NotFound":
        return CollectorError(f"Bluesky answered {answer.status}: {said}", permanent=True, status=404)
    return None


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _next(answer: Mapping[str, Any], found: Found, until: str) -> str:
    """Where the next page begins: at the cursor, or before the last post where cursors end."""
    cursor = str(answer.get("cursor") or "")
    if cursor and not (cursor.isdecimal() and int(cursor) >= _COUNTED):
        return f"{until}|{cursor}"
    if not found.posts or (not cursor and found.given < PAGE):
        return ""
    return f"{_stamp(found.posts[-1].created_at + timedelta(milliseconds=1))}|"


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _below(thread: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The nodes below a node of a thread; those that are deleted or blocked have no `post`."""
    found: list[dict[str, Any]] = []
    nodes = deque(thread.get("replies") or ())
    while nodes:
        node = nodes.popleft()
        if isinstance(node, dict):
            found.append(node)
            nodes += node.get("replies") or ()
    return found


def _post(view: Mapping[str, Any], source: str, now: datetime) -> Post:
    record, author, address = view["record"], view["author"], view["uri"]
    written_at = min(read_moment(record["createdAt"]), read_moment(view["indexedAt"]))
    reply = record.get("reply") or {}
    embed = record.get("embed") or {}
    shares = [view.get("repostCount"), view.get("quoteCount")]
    known = [count for count in shares if count is not None]
    languages = record.get("langs") or ()
    return Post(
        source=source,
        external_id=address,
        created_at=not_after(written_at, now),
        text=record["text"] or _described(embed),
        kind=PostKind.REPLY if reply else PostKind.POST,
        url=f"https://bsky.app/profile/{author['did']}/post/{address.rsplit('/', 1)[-1]}",
        author=author["did"],
        author_name=author.get("handle"),
        thread_id=reply["root"]["uri"] if reply else address,
        parent_id=reply["parent"]["uri"] if reply else _quoted(embed),
        language=languages[0][:2] if languages else None,
        engagement=Engagement(
            likes=view.get("likeCount"), shares=sum(known) if known else None, replies=view.get("replyCount")
        ),
        collected_at=now,
    )


def _quoted(embed: Mapping[str, Any]) -> str | None:
    """The address of the post that is quoted; beside a picture or a link it stands one level deeper."""
    record = embed.get("record") or {}
    return record.get("uri") or (record.get("record") or {}).get("uri")


def _described(embed: Mapping[str, Any]) -> str:
    """The words of what a post without words of its own shows."""
    embed = embed.get("media") or embed
    external = embed.get("external") or {}
    words = [image.get("alt") or "" for image in embed.get("images") or ()]
    return "\n".join(filter(None, [*words, external.get("title"), external.get("description")]))


def build(options: Options, context: SourceContext) -> Listed:
    """The source as configured."""
    tags = [f"#{tag}" for tag in hashtags_of(context.brands, options.hashtags)]
    asked = dict.fromkeys((*single_terms(context.brands), *tags, *options.queries))
    platform, listings = Bluesky(options, context), [Listing("search", query) for query in asked]
    if not options.stream:
        return Listed(platform, listings, options, context)
    return Streamed(platform, listings, options, context, [_jetstream(options, context)])


def _jetstream(options: Options, context: SourceContext) -> Jetstream:
    def read(view: Mapping[str, Any]) -> Post:
        return _post(view, context.name, context.clock())

    return Jetstream(options.stream_url, naming(context.brands, hashtags_of((), options.hashtags)), read, context.clock)
