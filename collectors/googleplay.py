"""Reviews of your own apps on Google Play, by the Google Play Developer API (Reply to Reviews).

Limits: reviews with words that were written or changed within the last seven days, newest first, 100 a page; 200
requests an hour for each app. Ratings without words are not given. Older reviews, and those of others' apps, are given
by no interface of Google's. A review that is edited comes again, with the time of its edit as its own; one that is
removed is no longer given.

Access: a service account with the permission "Reply to reviews" in the Play Console; its key signs a token of an hour.
Terms: Google Play Developer API terms; reviews are for use by the app's developers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from pydantic import Field

from collectors.contract import CollectorError, SourceContext, SourceOptions, Tariff
from collectors.egress import Answer, Egress, EgressRules
from collectors.interface import Interface, secret
from collectors.listed import Listed, ListedOptions
from collectors.moments import from_epoch
from collectors.reviews import App, ReviewedApp, Reviews, Unthreaded, review
from collectors.rounds import Found, Listing, Round, entries_in
from config.durations import Duration
from config.references import SecretReference
from storage.records import Post

PER_PAGE = 100
REQUESTS_PER_DAY = 24 * 200
_SCOPE = "https://www.googleapis.com/auth/androidpublisher"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_VALID_FOR = timedelta(hours=1)
_SPARE = timedelta(minutes=2)


class Options(SourceOptions):
    """Keys of a `[[sources]]` table of type `googleplay`."""

    apps: list[App] = Field(min_length=1, examples=[[{"id": "com.example.app", "brand": "Example"}]])
    """Your apps by their package, or tables with `id` and `brand`."""
    service_account: SecretReference
    """The key of a service account: the content of the JSON file that Google Cloud gives."""
    overlap: Duration = timedelta(hours=1)
    """How much is read again at every turn, for reviews that were shown late."""
    pages_per_run: int = Field(default=50, ge=1)
    """Pages read in one turn; what is left is read in the next."""
    url: str = Field(default="https://androidpublisher.googleapis.com", pattern=r"^https?://")
    """Address of the API."""

    def listings(self) -> dict[str, tuple[Listing, ReviewedApp]]:
        """A list for each app."""
        made = [(Listing(f"/androidpublisher/v3/applications/{app.id}/reviews"), app) for app in self.apps]
        return {listing.key: (listing, app) for listing, app in made}


class Account:
    """A service account that gets itself tokens (RFC 7523) and uses each for its hour."""

    def __init__(self, reference: SecretReference, context: SourceContext) -> None:
        self._reference, self._clock = reference, context.clock
        self._token, self._ends_at = "", context.clock() - _VALID_FOR
        self.requests = 0

    def signed(self) -> dict[str, str]:
        """The header that proves who asks."""
        now = self._clock()
        if now + _SPARE >= self._ends_at:
            self._token, seconds = self._fetched(now)
            self._ends_at = now + timedelta(seconds=seconds)
        return {"authorization": f"Bearer {self._token}"}

    def forget(self) -> None:
        """Let go of a token that was refused."""
        self._ends_at = self._clock() - _VALID_FOR

    def _fetched(self, now: datetime) -> tuple[str, float]:
        key = self._key()
        egress = Egress(EgressRules.trusting(key["token_uri"], max_redirects=0), self._clock)
        body = urlencode({"grant_type": _GRANT, "assertion": self._assertion(key, now)}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        with egress.session():
            answer = egress.fetch(
                key["token_uri"], headers=headers, service="Google's sign-in", body=body, judge=_grant_refused
            )
        self.requests += egress.requests
        try:
            content = json.loads(answer.body)
            return str(content["access_token"]), float(content["expires_in"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise CollectorError(f"Google's sign-in gave an answer without a token: {error!r}") from error

    def _key(self) -> dict[str, str]:
        try:
            content = json.loads(secret(self._reference, "the key of the service account"))
            wanted = ("client_email", "private_key", "token_uri", "private_key_id")
            return {name: str(content[name]) for name in wanted}
        except (ValueError, KeyError, TypeError) as error:
            raise CollectorError(
                f"what lies in {self._reference} is not the JSON key of a service account ({error!r:.100})",
                permanent=True,
            ) from error

    def _assertion(self, key: Mapping[str, str], now: datetime) -> str:
        import jwt  # noqa: PLC0415  (cryptography behind it is only paid where it is needed)

        claims = {
            "iss": key["client_email"],
            "scope": _SCOPE,
            "aud": key["token_uri"],
            "iat": now,
            "exp": now + _VALID_FOR,
        }
        try:
            return jwt.encode(claims, key["private_key"], algorithm="RS256", headers={"kid": key["private_key_id"]})
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise CollectorError(
                f"the private key in {self._reference} cannot sign: {error}", permanent=True
            ) from error


def _grant_refused(answer: Answer) -> CollectorError | None:
    """`invalid_grant` comes with status 400 and means the key or the clock."""
    if answer.status not in (400, 401):
        return None
    try:
        told = json.loads(answer.body)
        reason = f"{told.get('error')}: {told.get('error_description')}"
    except (ValueError, AttributeError, RecursionError):
        reason = "no reason given"
    return CollectorError(
        f"Google's sign-in answered {answer.status} ({reason:.200}); see the service account's key and this clock",
        permanent=True,
        status=answer.status,
    )


class GooglePlay(Unthreaded):
    """The platform of `Listed`."""

    service = "Google Play"

    def __init__(self, options: Options, context: SourceContext) -> None:
        self.kept: dict[str, Any] = {}
        self._source, self._clock = context.name, context.clock
        self._apps = {key: app for key, (_, app) in options.listings().items()}
        self._ask = Interface(self.service, options.url, context.clock)
        self._account = Account(options.service_account, context)

    def session(self) -> AbstractContextManager[None]:
        """Keep connections."""
        return self._ask.session()

    def asked(self) -> int:
        """Requests since this was last asked, those for tokens too."""
        asked, self._account.requests = self._account.requests, 0
        return asked + self._ask.asked()

    def page(self, listing: Listing, state: Round) -> Found:
        """The page that the token `state.place` leads to."""
        params = {"maxResults": PER_PAGE, "token": state.place or None}
        try:
            answer = self._ask.get(listing.path, params, self._account.signed())
        except CollectorError as error:
            if error.status == 401:
                self._account.forget()
            raise
        pagination = answer.get("tokenPagination") or {}
        place = pagination.get("nextPageToken") or "" if isinstance(pagination, dict) else ""
        if not answer.keys() <= {"reviews", "tokenPagination", "pageInfo", "kind"}:
            raise CollectorError(f"{self.service} gave an answer that is none of reviews")
        return entries_in(answer.get("reviews", []), self, listing.key, place=str(place))

    def read(self, entry: Any, of: str) -> Post:
        """The review that an entry of a list is."""
        return _post_of(entry, self._apps[of], self._source, self._clock())

    def probe(self, listing: Listing) -> str:
        """The newest review."""
        found = self.page(listing, Round(0.0))
        newest = f", the newest: {found.posts[0].title}" if found.posts else ", none in the last seven days"
        return f"Google Play gives reviews of {self._apps[listing.key].id}{newest}"


def _post_of(entry: Mapping[str, Any], app: ReviewedApp, source: str, now: datetime) -> Post:
    comments = entry["comments"]
    said = next(comment["userComment"] for comment in comments if "userComment" in comment)
    title, _, text = str(said.get("originalText") or said["text"]).rpartition("\t")  # a title is parted by a tab
    name = entry.get("authorName")
    written = said["lastModified"]
    return review(
        source=source,
        external_id=str(entry["reviewId"]),
        app=app,
        rating=said["starRating"],
        title=title,
        text=text,
        created_at=from_epoch(int(written["seconds"]) + int(written.get("nanos", 0)) / 1e9),
        now=now,
        author=str(entry["reviewId"]),  # names are shown, not unique: a review is its author's only one
        author_name=str(name) if name else None,
        language=str(said["reviewerLanguage"])[:2] if said.get("reviewerLanguage") else None,
        likes=int(said.get("thumbsUpCount", 0)),
        is_answered=any("developerComment" in comment for comment in comments),
    )


def build(options: Options, context: SourceContext) -> Reviews:
    """The source as configured."""
    lists = [listing for listing, _ in options.listings().values()]
    shared = ListedOptions(
        lookback=timedelta(days=7), overlap=options.overlap, pages_per_run=options.pages_per_run, watch_at_most=0
    )
    tariff = Tariff(requests_per_turn=len(lists), requests_per_day=REQUESTS_PER_DAY * len(lists))
    return Reviews(Listed(GooglePlay(options, context), lists, shared, context), tariff)
