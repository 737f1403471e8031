"""Mastodon: what an instance's search finds, what carries a hashtag, and the threads that these belong to.

Limits: 300 requests in five minutes for a token, told in headers (`X-RateLimit-*`); 40 posts a page, newest first. An
instance knows what its own people wrote and follow, not the whole network, so its counts of answers, boosts and
favourites are those that reached it. Search needs a token, full-text search on the instance, and authors who agreed to
be found (`indexable`); hashtags need neither, on most instances not even a token. Search knows no OR, so every term is
a question of its own. Nobody counts views.

Terms: each instance has its own rules, and its people did not write for search engines; what is not public is left out
even where the token may see it.

Mastodon.py does the talking. Left to itself it waits for five minutes when it is limited, for as long when a server
says nothing, and would read its token from a file of that name; it is told to throw, and bounded from underneath
(collectors/transport.py). Its network error swallows ours, which is taken out again.

With `stream` the instance is listened to as well (collectors/mastodon_stream.py), which needs a token; it tells of
posts that search does not find, since their authors did not agree to be found. Lists bring what a broken connection
missed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar

from msgspec.structs import replace
from pydantic import Field, model_validator

from collectors.contract import CollectorError, SourceContext
from collectors.interface import secret
from collectors.listed import Listed
from collectors.mastodon_stream import InstanceStream
from collectors.moments import not_after, read_moment
from collectors.plain import plain_text
from collectors.queries import single_terms
from collectors.rounds import ODD, Found, Listing, Round, chunks, entries_in, joined
from collectors.streamed import Streamed, StreamedOptions
from collectors.terms import hashtags_of, naming
from config.references import SecretReference
from storage.records import Engagement, Post, PostKind

if TYPE_CHECKING:
    import mastodon

    from collectors.transport import GuardedAdapter

T = TypeVar("T")

PAGE = 40
_LOOKED_UP = 20
"""Posts that an instance gives by their ids in one request."""
_CONTEXTS_PER_PAGE = 10
"""Answers on a page whose first post is asked for; the others are filed under what they answer."""
_PUBLIC = ("public", "unlisted")
_VERSION = "4.5.0"
"""What Mastodon.py is told of every instance: asked itself, one that gives no version sends it round in circles."""


class Options(StreamedOptions):
    """Keys of a `[[sources]]` table of type `mastodon`."""

    instance: str = Field(default="https://mastodon.social", pattern=r"^https?://")
    """Address of the instance that is asked."""
    access_token: SecretReference | None = None
    """Token of an account there (scope `read`); without it only hashtags are read."""
    hashtags: list[Annotated[str, Field(pattern=r"^#?\w+$")]] = Field(default_factory=list)
    """Hashtags beside those of the brands."""
    stream: Literal["off", "hashtags", "public"] = "off"
    """What is listened to: nothing, the hashtags, or everything public that reaches the instance."""

    @model_validator(mode="after")
    def _has_a_token(self) -> Self:
        if self.stream != "off" and self.access_token is None:
            raise ValueError("listening to a stream of Mastodon needs an access_token")
        return self


class Mastodon:
    """What is asked of an instance by Mastodon.py."""

    service = "Mastodon"
    requests_per_day: int | None = 86_400
    at_once = 100
    counts_below = False

    def __init__(self, options: Options, context: SourceContext) -> None:
        self.kept: dict[str, Any] = {}
        self._options, self._source, self._clock = options, context.name, context.clock
        self._client: mastodon.Mastodon | None = None
        self._adapter: GuardedAdapter | None = None
        self._counted = 0

    @contextmanager
    def session(self) -> Iterator[None]:
        """Keep a connection."""
        from collectors.transport import GuardedAdapter  # noqa: PLC0415

        self._adapter = GuardedAdapter("Mastodon", clock=self._clock)
        self._counted = 0
        with client(self._options, self._adapter) as self._client:
            yield

    def asked(self) -> int:
        """Requests since this was last asked."""
        total = self._adapter.requests if self._adapter else 0
        asked, self._counted = total - self._counted, total
        return asked

    def page(self, listing: Listing, state: Round) -> Found:
        """A page of a search or a hashtag, before the post that `place` names."""
        before = state.place or None
        if listing.query:
            answer = self._ask(lambda client: client.search_v2(**_search(listing.query, before))["statuses"])
        else:
            answer = self._ask(lambda client: client.timeline_hashtag(listing.path, max_id=before, limit=PAGE))
        found = self._found(answer)
        return Found(self.placed(found.posts), found.bad, _last_id(answer), found.given)

    def placed(self, posts: Sequence[Post]) -> list[Post]:
        """The posts in the threads that they stand in."""
        roots = self._roots_of(posts)
        return [_filed(post, roots.get(post.external_id)) for post in posts]

    def looked_up(self, names: Sequence[str]) -> Found:
        """Posts by their ids; those that are gone, or not for us, are missing."""
        return joined(self._found(self._given(list(some))) for some in chunks(names, _LOOKED_UP))

    def replies(self, root: Post, _unread: int) -> Found:
        """All that answers the root; an instance gives the first 4,096 to a token, 60 without one."""
        context = self._ask(lambda client: client.status_context(root.external_id)["descendants"])
        found = self._found(context)
        posts = [_filed(post, root.thread_id) for post in found.posts]
        return Found(posts, found.bad, "", found.given)

    def probe(self, listing: Listing) -> str:
        """Read a page of the first list."""
        found = self.page(listing, Round(0.0))
        account = "with an account" if self._options.access_token is not None else "without an account, hashtags only"
        return f"{self._options.instance} answers {account}; {found.given} posts on the first page of {listing.key}"

    def read(self, entry: Any, _of: str) -> Post | None:
        """The post that a status is, filed under what it answers until it is known where its thread begins."""
        post = _post(entry, self._source, self._clock())
        return None if post is None else _filed(post, None)

    def _found(self, statuses: Any) -> Found:
        return entries_in(statuses, self)

    def _given(self, names: list[str]) -> list[Any]:
        """Posts by ids, one by one on instances before 4.3, which know no other way."""
        try:
            return list(self._ask(lambda client: client.statuses(names)))
        except CollectorError as error:
            if error.status not in (403, 404):
                raise
        return [status for name in names if (status := self._one(name)) is not None]

    def _one(self, name: str) -> Any:
        try:
            return self._ask(lambda client: client.status(name))
        except CollectorError as error:
            if error.status not in (403, 404, 410):
                raise
            return None

    def _roots_of(self, posts: Sequence[Post]) -> dict[str, str]:
        """The first posts of the threads that answers stand in, which only their context tells."""
        roots: dict[str, str] = {}
        for post in [post for post in posts if post.parent_id][:_CONTEXTS_PER_PAGE]:
            try:
                name = post.external_id
                ancestors = self._ask(lambda client, name=name: client.status_context(name)["ancestors"])
                roots[name] = str(ancestors[0]["id"]) if ancestors else str(post.parent_id)
            except CollectorError as error:
                if error.status not in (403, 404):
                    raise
        return roots

    def _ask(self, question: Callable[..., T]) -> T:
        import mastodon  # noqa: PLC0415
        import requests  # noqa: PLC0415

        if self._client is None:
            raise RuntimeError("Mastodon is asked inside `with platform.session()`")
        try:
            return question(self._client)
        except mastodon.MastodonNetworkError as error:
            inner = error.__context__
            raise (inner if isinstance(inner, CollectorError) else _unreadable(inner or error)) from error
        except (mastodon.MastodonError, requests.RequestException, *ODD) as error:
            raise _unreadable(error) from error


@contextmanager
def client(options: Options, adapter: GuardedAdapter) -> Iterator[mastodon.Mastodon]:
    """Mastodon.py over an adapter; the token is read anew, so that it may be rotated."""
    import mastodon  # noqa: PLC0415  (slow to import: only paid by who reads Mastodon)

    from collectors.transport import guarded_session  # noqa: PLC0415

    reference = options.access_token
    token = secret(reference, "the access token of Mastodon") if reference is not None else None
    with guarded_session(adapter) as session:
        session.max_redirects = 0
        made = mastodon.Mastodon(
            api_base_url=options.instance,
            ratelimit_method="throw",
            version_check_mode="created",
            mastodon_version=_VERSION,
            session=session,
            user_agent="tocsin",
        )
        made.access_token = token  # given to the constructor it would also be looked for as a file
        yield made


def _unreadable(error: BaseException) -> CollectorError:
    return CollectorError(f"Mastodon gave an answer that cannot be read ({type(error).__name__})")


def _search(query: str, before: str | None) -> dict[str, Any]:
    return {
        "q": query,
        "result_type": "statuses",
        "resolve": False,
        "exclude_unreviewed": False,
        "max_id": before,
        "limit": PAGE,
    }


def _last_id(statuses: Any) -> str:
    """Where the next page begins: at the smallest id, ids being in the order of time; empty after an empty page."""
    return str(min((status["id"] for status in statuses), key=lambda name: (len(str(name)), str(name)), default=""))


def _filed(post: Post, root: str | None) -> Post:
    """The post in the thread that begins with `root`; without one, with what it answers, or with itself."""
    return replace(post, thread_id=root or post.parent_id or post.external_id)


def _post(status: Any, source: str, now: datetime) -> Post | None:
    if status.get("visibility", "public") not in _PUBLIC:
        return None
    account, original = status["account"], status.get("reblog")
    described = [media.get("description") or "" for media in status.get("media_attachments") or ()]
    warning = plain_text(status.get("spoiler_text") or "")
    words = plain_text((original or status).get("content") or "")
    parent = status.get("in_reply_to_id")
    edited_at = status.get("edited_at")
    return Post(
        source=source,
        external_id=str(status["id"]),
        created_at=not_after(read_moment(status["created_at"]), now),
        text=words or "\n".join(filter(None, described)) or warning,
        kind=PostKind.REPOST if original else PostKind.REPLY if parent else PostKind.POST,
        title=warning,
        url=status.get("url") or status.get("uri"),
        author=account["acct"],
        author_name=account.get("display_name") or account.get("username"),
        author_reach=account.get("followers_count"),
        parent_id=str(parent) if parent else None,
        repost_of=str(original["id"]) if original else None,
        language=status.get("language"),
        engagement=Engagement(
            likes=status.get("favourites_count"),
            shares=status.get("reblogs_count"),
            replies=status.get("replies_count"),
        ),
        edited_at=read_moment(edited_at) if edited_at else None,
        collected_at=now,
    )


def build(options: Options, context: SourceContext) -> Listed:
    """The source as configured."""
    tags = hashtags_of(context.brands, options.hashtags)
    asked = dict.fromkeys((*single_terms(context.brands), *options.queries)) if options.access_token else ()
    listings = [*(Listing("search", query) for query in asked), *(Listing(tag) for tag in tags)]
    platform = Mastodon(options, context)
    listened = {"off": [], "hashtags": tags, "public": [""]}[options.stream]
    if not listened:
        return Listed(platform, listings, options, context)
    streams = [_stream(tag, options, context) for tag in listened]
    return Streamed(platform, listings, options, context, streams, platform.placed)


def _stream(tag: str, options: Options, context: SourceContext) -> InstanceStream:
    def read(status: Any) -> Post | None:
        return _post(status, context.name, context.clock())

    return InstanceStream(tag, partial(client, options), naming(context.brands), read, context.clock)
