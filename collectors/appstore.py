"""Reviews in Apple's App Store, by its public feeds of each country or, for apps of your own, by App Store Connect.

Limits: the feeds give the 500 newest reviews of a country (ten pages of fifty), are hours late at times, and now and
then come empty, which is taken for a failure where there were reviews before. Nobody publishes how often they may be
asked; every ten minutes is polite. App Store Connect (an API key of the team, role Customer Support or higher) gives
all reviews of all countries at once, 200 a page, 3,600 requests an hour, and says where the developers answered. Votes
are in the feeds only. A review that is edited comes again at the time of its edit, as the review it is by then; one
that is removed is no longer shown, which neither interface tells.

Terms: the feeds are for reading and quoting with their source; reviews of others' apps are not for selling on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Annotated, Any, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, model_validator

from collectors.contract import CollectorError, SourceContext, SourceOptions, Tariff
from collectors.feed_entries import web_address
from collectors.interface import Interface, secret
from collectors.listed import Listed, ListedOptions
from collectors.moments import read_moment
from collectors.reviews import App, ReviewedApp, Reviews, Unthreaded, review
from collectors.rounds import Found, Listing, Round, entries_in
from config.durations import Duration
from config.references import SecretReference
from storage.records import Post

PAGES, PER_PAGE = 10, 50
CONNECT_PER_PAGE = 200
REQUESTS_PER_DAY = 24 * 3600
_PAGE = re.compile(r"/page=(\d{1,3})/")
_AUDIENCE = "appstoreconnect-v1"
_VALID_FOR = timedelta(minutes=15)
"""Apple refuses tokens of more than twenty minutes."""


class Options(SourceOptions):
    """Keys of a `[[sources]]` table of type `appstore`."""

    apps: list[App] = Field(min_length=1, examples=[[{"id": "310633997", "brand": "Example"}]])
    """Apps by their number (in the address of their page, after "id"), or tables with `id` and `brand`."""
    countries: list[Annotated[str, Field(pattern="^[a-z]{2}$")]] = Field(default=["us"], min_length=1)
    """Countries whose reviews are read; App Store Connect gives those of all."""
    issuer_id: str | None = None
    """For App Store Connect: the issuer of your team's keys."""
    key_id: str | None = None
    """For App Store Connect: the name of the key."""
    private_key: SecretReference | None = None
    """For App Store Connect: the key itself, the content of the file AuthKey_….p8."""
    lookback: Duration = timedelta(days=7)
    """How far back the first turn reads."""
    overlap: Duration = timedelta(hours=6)
    """How much is read again at every turn, for reviews that were shown late."""
    pages_per_run: int = Field(default=100, ge=1)
    """Pages read in one turn; what is left is read in the next."""
    feed_url: str = Field(default="https://itunes.apple.com", pattern=r"^https?://")
    """Address of the feeds."""
    connect_url: str = Field(default="https://api.appstoreconnect.apple.com", pattern=r"^https?://")
    """Address of App Store Connect."""

    @model_validator(mode="after")
    def _whole_key(self) -> Self:
        if len({self.issuer_id is None, self.key_id is None, self.private_key is None}) > 1:
            raise ValueError("App Store Connect needs issuer_id, key_id and private_key together")
        return self

    @property
    def by_connect(self) -> bool:
        """Whether reviews come from App Store Connect."""
        return self.private_key is not None

    def listings(self) -> dict[str, tuple[Listing, ReviewedApp]]:
        """The lists that are read, by their key, each with its app."""
        if self.by_connect:
            made = [(Listing(f"/v1/apps/{app.id}/customerReviews"), app) for app in self.apps]
        else:
            most = (PAGES - 1) * PER_PAGE + 1
            made = [
                (Listing(f"/{country}/rss/customerreviews", app.id, ends_after=most), app)
                for app in self.apps
                for country in self.countries
            ]
        return {listing.key: (listing, app) for listing, app in made}


class _Store(Unthreaded):
    """What both interfaces share."""

    service = "the App Store"

    def __init__(self, options: Options, context: SourceContext) -> None:
        self.kept: dict[str, Any] = {}
        self._options, self._source, self._clock = options, context.name, context.clock
        self._apps = {key: app for key, (_, app) in options.listings().items()}
        self._ask = Interface(self.service, options.feed_url, context.clock)

    def session(self) -> AbstractContextManager[None]:
        """Keep connections."""
        return self._ask.session()

    def asked(self) -> int:
        """Requests since this was last asked."""
        return self._ask.asked()


class Feed(_Store):
    """The public feeds."""

    def page(self, listing: Listing, state: Round) -> Found:
        """Page `state.place`, from 1."""
        number = int(state.place or 1)
        path = f"{listing.path}/page={number}/id={listing.query}/sortby=mostrecent/json"
        feed = self._ask.get(path).get("feed")
        if not isinstance(feed, dict):
            raise CollectorError(f"{self.service} gave an answer without a feed")
        entries = feed.get("entry", [])
        entries = [entries] if isinstance(entries, dict) else entries  # a single one stands alone
        self._notice_emptiness(listing, number, bool(entries))
        place = str(number + 1) if entries and number < min(_last_page(feed), PAGES) else ""
        return entries_in(entries, self, listing.key, place=place)

    def read(self, entry: Any, of: str) -> Post | None:
        """The review that an entry of a list is."""
        return _from_feed(entry, self._apps[of], self._source, self._clock())

    def probe(self, listing: Listing) -> str:
        """The newest review."""
        found = self.page(listing, Round(0.0))
        country = listing.path.split("/")[1]
        if not found.posts:
            return f"the App Store shows no review of {listing.query} in {country}"
        return f"the App Store shows reviews of {listing.query} in {country}, the newest: {found.posts[0].title}"

    def _notice_emptiness(self, listing: Listing, number: int, has_entries: bool) -> None:
        if number > 1:
            return
        had = self.kept.setdefault("had", [])
        if has_entries and listing.key not in had:
            had.append(listing.key)
        if not has_entries and listing.key in had:
            raise CollectorError(f"{self.service} gave no review of {listing.query} where there were some before")


class Connect(_Store):
    """App Store Connect."""

    service = "App Store Connect"

    def __init__(self, options: Options, context: SourceContext) -> None:
        super().__init__(options, context)
        self._ask = Interface(self.service, options.connect_url, context.clock)

    def page(self, listing: Listing, state: Round) -> Found:
        """The page at the cursor `state.place`."""
        params = {"sort": "-createdDate", "limit": CONNECT_PER_PAGE, "include": "response"}
        answer = self._ask.get(listing.path, {**params, "cursor": state.place or None}, self._signed())
        links = answer.get("links")
        following = links.get("next") if isinstance(links, dict) else None
        place = parse_qs(urlsplit(following).query).get("cursor", [""])[0] if isinstance(following, str) else ""
        return entries_in(answer.get("data"), self, listing.key, place=place)

    def read(self, entry: Any, of: str) -> Post:
        """The review that an entry of a list is."""
        return _from_connect(entry, self._apps[of], self._source, self._clock())

    def probe(self, listing: Listing) -> str:
        """The newest review."""
        found = self.page(listing, Round(0.0))
        newest = f", the newest: {found.posts[0].title}" if found.posts else ", none yet"
        return f"App Store Connect gives reviews of {listing.path.split('/')[3]}{newest}"

    def _signed(self) -> dict[str, str]:
        import jwt  # noqa: PLC0415  (cryptography behind it is only paid where it is needed)

        options, now = self._options, self._clock()
        if options.private_key is None:
            raise RuntimeError("App Store Connect is asked without a key")
        claims = {"iss": options.issuer_id, "iat": now, "exp": now + _VALID_FOR, "aud": _AUDIENCE}
        key = secret(options.private_key, "the private key of App Store Connect")
        try:
            token = jwt.encode(claims, key, algorithm="ES256", headers={"kid": options.key_id})
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise CollectorError(
                f"the key in {options.private_key} cannot sign ({error}); it is to be the content of AuthKey_….p8",
                permanent=True,
            ) from error
        return {"authorization": f"Bearer {token}"}


def _from_feed(entry: Mapping[str, Any], app: ReviewedApp, source: str, now: datetime) -> Post | None:
    if "im:rating" not in entry:
        return None  # some countries put the app itself before its reviews
    author = entry["author"]
    return review(
        source=source,
        external_id=str(entry["id"]["label"]),
        app=app,
        rating=entry["im:rating"]["label"],
        title=str(entry["title"]["label"]),
        text=str(entry["content"]["label"]),
        created_at=read_moment(entry["updated"]["label"]),
        now=now,
        url=next(_links(entry), None),
        author=urlsplit(str(author.get("uri", {}).get("label", ""))).path.rpartition("/")[2] or author["name"]["label"],
        author_name=str(author["name"]["label"]),
        likes=max(int(entry.get("im:voteSum", {}).get("label", 0)), 0),
    )


def _last_page(feed: Mapping[str, Any]) -> int:
    """The page that the feed calls its last one; the last that there may be where it does not say."""
    links = feed.get("link")
    for link in links if isinstance(links, list) else ():
        given = link.get("attributes", {}) if isinstance(link, dict) else {}
        page = _PAGE.search(str(given.get("href", ""))) if given.get("rel") == "last" else None
        if page is not None:
            return int(page[1])
    return PAGES


def _links(entry: Mapping[str, Any]) -> Iterator[str]:
    links = entry.get("link") or []
    for link in [links] if isinstance(links, dict) else links:
        address = web_address(link.get("attributes", {}).get("href"))
        if address is not None:
            yield address


def _from_connect(entry: Mapping[str, Any], app: ReviewedApp, source: str, now: datetime) -> Post:
    said = entry["attributes"]
    response = (entry.get("relationships") or {}).get("response") or {}
    nickname = said.get("reviewerNickname")
    return review(
        source=source,
        external_id=str(entry["id"]),
        app=app,
        rating=said["rating"],
        title=said.get("title") or "",
        text=said.get("body") or "",
        created_at=read_moment(said["createdDate"]),
        now=now,
        author=str(nickname) if nickname else None,
        author_name=str(nickname) if nickname else None,
        is_answered=bool(response.get("data")),
    )


def build(options: Options, context: SourceContext) -> Reviews:
    """The source as configured."""
    platform = (Connect if options.by_connect else Feed)(options, context)
    lists = [listing for listing, _ in options.listings().values()]
    shared = ListedOptions(
        lookback=options.lookback, overlap=options.overlap, pages_per_run=options.pages_per_run, watch_at_most=0
    )
    most = REQUESTS_PER_DAY if options.by_connect else None
    tariff = Tariff(requests_per_turn=len(lists), requests_per_day=most)
    return Reviews(Listed(platform, lists, shared, context), tariff)
