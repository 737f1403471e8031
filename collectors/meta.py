"""Facebook and Instagram, as far as the owner of a page and of an account there may see, by the Graph API.

Limits: what may be asked depends on how many people a page reaches (4,800 calls a day for each that engages with it)
and is told in percent by headers (`X-App-Usage`, `X-Page-Usage`, `X-Business-Use-Case-Usage`); near the end of it the
program stops by itself. 100 posts a page, newest first. Nobody may search Facebook. Hashtags of Instagram: 30 different
ones in seven days, and of each what was posted within the last 24 hours, without its author. Mentions in captions and
comments of others are told to webhooks alone, and not read here. Neither says when something was edited.

Terms: permissions are given after a review of the app; what was deleted there is to be deleted here.

Names: `fb-…` for posts and comments of Facebook; `ig-…` for the account's own media and the comments on them, `igx-…`
for media of others, which may be seen in a list and not be asked for again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field

from collectors.contract import CollectorError, SourceContext
from collectors.egress import Answer
from collectors.interface import Interface, secret
from collectors.listed import Asked, Listed, ListedOptions, SpentError
from collectors.meta_shapes import (
    COMMENT,
    COMMENT_FIELDS,
    MEDIA_FIELDS,
    OTHER_MEDIA,
    OWN_MEDIA,
    POST,
    POST_FIELDS,
    REPLY_FIELDS,
    Shapes,
    with_answers,
)
from collectors.rounds import ODD, Found, Listing, Round, entries_in, joined
from collectors.terms import hashtags_of
from config.references import SecretReference
from storage.records import Post

PAGE = 100
MOST_HASHTAGS = 30
_MEDIA_PAGE = 50
_HASHTAG_PAGES = 10
_REPLY_PAGES = 4
_WEEK = timedelta(days=7).total_seconds()
_NEARLY_SPENT = 90
"""Percent of what may be asked from which on the program pauses by itself."""
_PAUSE = 600.0
_LIMITED = {4, 17, 32, 341, 613, *range(80000, 80015)}
_TEMPORARY = {1, 2}
_BLOCKED = 368
_GONE_SUBCODE = 33
_USAGE = ("x-app-usage", "x-page-usage", "x-business-use-case-usage")


class Options(ListedOptions):
    """Keys of a `[[sources]]` table of type `meta`."""

    access_token: SecretReference
    """A token of the page that does not run out (of a system user, or a page's own)."""
    app_secret: SecretReference | None = None
    """The app's secret, where the app asks for proof that calls come from its owner."""
    page_id: str | None = Field(default=None, pattern=r"^\d+$", examples=["1234567890"])
    """Number of the Facebook page."""
    instagram_id: str | None = Field(default=None, pattern=r"^\d+$", examples=["17841400000000000"])
    """Number of the Instagram account that belongs to the page."""
    hashtags: list[Annotated[str, Field(pattern=r"^#?\w+$")]] = Field(default_factory=list, max_length=MOST_HASHTAGS)
    """Hashtags of Instagram beside those of the brands; 30 different ones in a week at the most."""
    brand: str | None = None
    """The brand that page and account belong to: what is posted and answered there is about it."""
    watch_at_most: int = Field(default=50, ge=0, le=1000)
    """How many posts are followed at a time, newest first; each takes a request a turn."""
    base_url: str = Field(default="https://graph.facebook.com/v24.0", pattern=r"^https?://")
    """Address of the interface, with its version."""


class Meta(Asked):
    """What is asked of the Graph API."""

    service = "Meta"
    requests_per_day: int | None = 4_800
    at_once = 50

    def __init__(self, options: Options, context: SourceContext) -> None:
        super().__init__(Interface(self.service, options.base_url, context.clock, self._judged), context)
        self._options = options
        self._shapes = Shapes(context.name, context.clock, (options.brand,) if options.brand else ())
        self._headers: dict[str, str] = {}
        self._proof: str | None = None

    def prepare(self) -> None:
        """Read the token, and the secret by which calls are proved to be the owner's."""
        token = secret(self._options.access_token, "the access token of Meta")
        self._headers = {"authorization": f"Bearer {token}"}
        if self._options.app_secret is not None:
            key = secret(self._options.app_secret, "the secret of the Meta app")
            self._proof = hmac.new(key.encode(), token.encode(), hashlib.sha256).hexdigest()

    def page(self, listing: Listing, state: Round) -> Found:
        """A page of what stands on the page or account, or all of the day that carries a hashtag."""
        if listing.path == "hashtag":
            return self._tagged_with(listing.query, state)
        is_facebook = listing.path.endswith(("/feed", "/tagged"))
        fields, size = (POST_FIELDS, PAGE) if is_facebook else (MEDIA_FIELDS, _MEDIA_PAGE)
        answer = self._ask(f"/{listing.path}", {"fields": fields, "limit": size, "after": state.place or None})
        of = POST if is_facebook else OWN_MEDIA if listing.path.endswith("/media") else OTHER_MEDIA
        found = entries_in(answer.get("data"), self, of)
        return Found(found.posts, found.bad, _after(answer), found.given)

    def read(self, entry: Any, of: str) -> Post | None:
        """The post that an item is."""
        return self._shapes.read(entry, of)

    def looked_up(self, names: Sequence[str]) -> Found:
        """Posts, media and comments by their names, one by one, as one that is gone would spoil an answer for all."""
        found = joined(self._one(name) for name in names if not name.startswith("igx-"))
        others = frozenset(name for name in names if name.startswith("igx-"))
        return Found(found.posts, found.bad, untold=others)

    def replies(self, root: Post, unread: int) -> Found:
        """The newest comments, with the answers to them, so many as are new, four pages at the most."""
        place, pages = "", [Found()]
        kind, _, number = root.external_id.partition("-")
        more = {"fields": COMMENT_FIELDS, "filter": "stream", "order": "reverse_chronological"}
        asked = more if kind == "fb" else {"fields": REPLY_FIELDS}
        for _ in range(_REPLY_PAGES):
            answer = self._ask(f"/{number}/comments", {**asked, "limit": _MEDIA_PAGE, "after": place or None})
            items = answer.get("data") if kind == "fb" else with_answers(answer.get("data"))
            pages.append(entries_in(items, self, f"{COMMENT} {root.external_id}"))
            place = _after(answer)
            if not place or sum(page.given for page in pages) >= unread:
                break
        found = joined(pages)
        return Found(found.posts, found.bad, "", found.given, max(unread - found.given, 0) if place else 0)

    def probe(self, _listing: Listing) -> str:
        """Ask whose token it is."""
        name = self._ask("/me", {"fields": "id,name"}).get("name")
        if not isinstance(name, str):
            raise CollectorError("Meta did not say whose token it is")
        return f"Meta accepts the token of {name!r}; {self.kept.get('used', 0):.0f} % of what may be asked is used"

    # -- hashtags ------------------------------------------------------------------------------------------------------

    def _tagged_with(self, tag: str, state: Round) -> Found:
        """All pages at once: the cursor of a hashtag is the same on every page, so there is no place to go on at."""
        asked = {"user_id": self._options.instagram_id, "fields": MEDIA_FIELDS.replace(",username", "")}
        path = f"/{self._number_of(tag)}/recent_media"
        place, pages, seen = "", [Found()], set[str]()
        for _ in range(_HASHTAG_PAGES):
            answer = self._ask(path, {**asked, "limit": _MEDIA_PAGE, "after": place or None})
            page = entries_in(answer.get("data"), self, OTHER_MEDIA)
            names = {post.external_id for post in page.posts}
            place = _after(answer)
            pages.append(page)
            if not place or names <= seen or page.last <= state.floor:
                return joined(pages)
            seen |= names
        found = joined(pages)
        return Found(found.posts, found.bad, "", found.given + 1)  # beyond `ends_after`: there is more than was read

    def _number_of(self, tag: str) -> str:
        """The number of a hashtag, which is asked for once, since each that is asked for counts for a week."""
        known = dict(self.kept.get("hashtags", {}))
        now = self._clock().timestamp()
        if tag not in known:
            if sum(now - asked_at < _WEEK for _, asked_at in known.values()) >= MOST_HASHTAGS:
                message = f"30 other hashtags were asked for within a week; #{tag} has to wait"
                raise CollectorError(message, permanent=True, status=403)
            answer = self._ask("/ig_hashtag_search", {"user_id": self._options.instagram_id, "q": tag})
            try:
                known[tag] = [str(answer["data"][0]["id"]), now]
            except ODD as error:
                raise CollectorError(f"Meta gave no number of the hashtag #{tag}") from error
            self.kept["hashtags"] = known
        return str(known[tag][0])

    # -- questions -----------------------------------------------------------------------------------------------------

    def _one(self, name: str) -> Found:
        kind, _, number = name.partition("-")
        is_comment = ":" in number
        thread, _, comment = number.partition(":")
        if kind == "fb":
            fields = COMMENT_FIELDS if is_comment else POST_FIELDS
        else:
            fields = REPLY_FIELDS.partition(",replies")[0] if is_comment else MEDIA_FIELDS
        try:
            item = self._ask(f"/{comment or number}", {"fields": fields})
        except CollectorError as error:
            if error.status != 404:
                raise
            return Found()
        of = f"{COMMENT} {kind}-{thread}" if is_comment else POST if kind == "fb" else OWN_MEDIA
        return entries_in([item], self, of)

    def _ask(self, path: str, params: Mapping[str, Any]) -> dict[str, Any]:
        if self.kept.get("paused_until", 0) > self._clock().timestamp():
            raise SpentError
        return self._interface.get(path, {**params, "appsecret_proof": self._proof}, self._headers)

    def _judged(self, answer: Answer, content: Any) -> CollectorError | None:
        """Errors by their codes, and how much of what may be asked is used up."""
        used, wait = _used(answer.headers)
        self.kept["used"] = used
        if used >= _NEARLY_SPENT:
            self.kept["paused_until"] = self._clock().timestamp() + (wait or _PAUSE)
        error = content.get("error") if isinstance(content, dict) else None
        return _meant(error, answer.status, wait or _PAUSE) if isinstance(error, dict) else None


def _meant(error: Mapping[str, Any], status: int, wait: float) -> CollectorError:
    """What an error with its code means; as a table, since the statuses say little."""
    code, said = error.get("code"), str(error.get("message", ""))[:200]
    is_gone = code == 100 and error.get("error_subcode") == _GONE_SUBCODE
    is_forbidden = code == 10 or (isinstance(code, int) and 200 <= code < 300)
    passing = code in _TEMPORARY or error.get("is_transient") is True
    renew = "the token is no longer good; make a new one and put it where the configuration points"
    meanings: list[tuple[bool, tuple[str, int, float | None]]] = [
        (code in _LIMITED, (f"too many calls; next in {wait:.0f} s", 429, wait)),
        (code == _BLOCKED, (f"the account is blocked for a while ({said})", 429, 3600.0)),
        (passing, (f"{said}; this passes by itself as a rule", 503, None)),
        (code == 190, (renew, 401, None)),
        (is_gone, ("it is gone, or not for this token", 404, None)),
        (is_forbidden, (f"the token lacks a permission ({said})", 403, None)),
    ]
    otherwise = (said, max(status, 400), None)
    meant, ours, retry_after = next((meaning for applies, meaning in meanings if applies), otherwise)
    is_permanent = ours < 500 and ours != 429
    message = f"Meta answered {status} (code {code}): {meant}"
    return CollectorError(message, permanent=is_permanent, retry_after=retry_after, status=ours)


def _used(headers: Mapping[str, str]) -> tuple[float, float]:
    """The largest percentage in the headers that tell how much is used, and the seconds that they want to be waited."""
    shares, waits = [0.0], [0.0]
    for name in _USAGE:
        try:
            told = json.loads(headers.get(name) or "{}")
            groups = [told] if "business" not in name else [group for each in told.values() for group in each]
            for group in groups:
                shares += [float(group.get(kind) or 0) for kind in ("call_count", "total_time", "total_cputime")]
                waits.append(float(group.get("estimated_time_to_regain_access") or 0) * 60)
        except ODD:
            continue
    return max(shares), max(waits)


def _after(answer: Mapping[str, Any]) -> str:
    """Where the next page begins; the cursor stands on the last page too, the address of a next page does not."""
    paging = answer.get("paging") or {}
    cursors = paging.get("cursors") or {}
    return str(cursors.get("after") or "") if paging.get("next") else ""


def build(options: Options, context: SourceContext) -> Listed:
    """The source as configured."""
    tags = hashtags_of(context.brands, options.hashtags)
    listings: list[Listing] = []
    if options.page_id:
        listings += [Listing(f"{options.page_id}/{edge}") for edge in ("feed", "tagged")]
    if options.instagram_id:
        listings += [
            Listing(f"{options.instagram_id}/media"),
            Listing(f"{options.instagram_id}/tags", is_followed=False),
        ]
        most = _HASHTAG_PAGES * _MEDIA_PAGE
        listings += [Listing("hashtag", tag, most + 1, is_followed=False) for tag in tags[:MOST_HASHTAGS]]
    return Listed(Meta(options, context), listings, options, context)
