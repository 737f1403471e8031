"""The App Store's feeds, App Store Connect and Google Play as they are documented, limits and refusals included."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.servers.web import Reply, Request, WebServer, as_json


@dataclass
class Review:
    """A review."""

    number: int
    at: datetime
    stars: int = 1
    title: str = "Broken"
    text: str = "It crashes"
    author: str = "Ann"
    votes: int = 0
    answer: str = ""


class AppStoreServer(WebServer):
    """The feeds of one country, `us`, fifty a page and ten pages, newest first."""

    def __init__(self, per_page: int = 50) -> None:
        super().__init__()
        self.reviews: list[Review] = []
        self.per_page = per_page
        self.shows_app_first = False

    def answer(self, request: Request) -> Reply:
        parts = request.path.split("/")
        country, page = parts[1], int(parts[4].removeprefix("page="))
        if page > 10:
            return Reply(400, b"CustomerReviews RSS page depth is limited to 10")
        newest = sorted(self.reviews, key=lambda review: review.at, reverse=True) if country == "us" else []
        shown = [self._entry(review) for review in newest[(page - 1) * self.per_page : page * self.per_page]]
        if self.shows_app_first and page == 1:
            shown.insert(0, {"im:name": {"label": "The app"}, "id": {"label": "https://apps.apple.com/us/app/id1"}})
        pages = min(max(-(-len(newest) // self.per_page), 1), 10)
        last = f"https://itunes.apple.com/{country}/rss/customerreviews/page={pages}/{parts[5]}/sortby=mostrecent/json"
        links = [{"attributes": {"rel": rel, "href": last}} for rel in ("self", "last")]
        feed: dict[str, Any] = {"author": {"name": {"label": "iTunes Store"}}, "link": links}
        if shown:
            feed["entry"] = shown[0] if len(shown) == 1 else shown
        return as_json({"feed": feed})

    def _entry(self, review: Review) -> dict[str, Any]:
        reviewer = f"https://itunes.apple.com/us/reviews/id{1000 + review.number}"
        return {
            "author": {"uri": {"label": reviewer}, "name": {"label": review.author}, "label": ""},
            "updated": {"label": (review.at - timedelta(hours=7)).strftime("%Y-%m-%dT%H:%M:%S-07:00")},
            "im:rating": {"label": str(review.stars)},
            "im:version": {"label": "7.1"},
            "id": {"label": str(review.number)},
            "title": {"label": review.title},
            "content": {"label": review.text, "attributes": {"type": "text"}},
            "link": {"attributes": {"rel": "related", "href": "https://itunes.apple.com/us/review?id=1&type=App"}},
            "im:voteSum": {"label": str(review.votes)},
            "im:voteCount": {"label": str(review.votes)},
        }


class ConnectServer(WebServer):
    """App Store Connect: JSON:API by cursors, for whoever signs with the right key."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self.reviews: list[Review] = []
        self.clock = clock
        self.key = ec.generate_private_key(ec.SECP256R1())

    @property
    def key_file(self) -> str:
        """What stands in AuthKey_….p8."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def answer(self, request: Request) -> Reply:
        if not self._is_signed(request.headers.get("authorization", "")):
            return as_json({"errors": [{"status": "401", "code": "NOT_AUTHORIZED"}]}, 401)
        limit, start = int(request.query["limit"]), int(request.query.get("cursor") or 0)
        if limit > 200 or request.query["sort"] != "-createdDate":
            return as_json({"errors": [{"status": "400", "code": "PARAMETER_ERROR.INVALID"}]}, 400)
        newest = sorted(self.reviews, key=lambda review: review.at, reverse=True)
        shown = newest[start : start + limit]
        links = {"self": f"{self.url}{request.path}"}
        if start + limit < len(newest):
            links["next"] = f"{self.url}{request.path}?cursor={start + limit}&limit={limit}"
        return as_json({"data": [self._entry(review) for review in shown], "included": [], "links": links})

    def _entry(self, review: Review) -> dict[str, Any]:
        response = {"type": "customerReviewResponses", "id": "r1"} if review.answer else None
        return {
            "type": "customerReviews",
            "id": f"0000-{review.number}",
            "attributes": {
                "rating": review.stars,
                "title": review.title,
                "body": review.text,
                "reviewerNickname": review.author,
                "createdDate": review.at.isoformat(),
                "territory": "USA",
            },
            "relationships": {"response": {"data": response}},
        }

    def _is_signed(self, header: str) -> bool:
        """Whether the token is one that Apple would take: ES256, the key's name, the audience, at most 20 minutes."""
        head, claims, signed, signature = _parts(header)
        if head.get("alg") != "ES256" or head.get("kid") != "KEY1" or len(signature) != 64:
            return False
        pair = (int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
        self.key.public_key().verify(encode_dss_signature(*pair), signed, ec.ECDSA(hashes.SHA256()))
        now = self.clock().timestamp()
        is_ours = claims["iss"] == "ISSUER" and claims["aud"] == "appstoreconnect-v1"
        return is_ours and claims["iat"] <= now < claims["exp"] <= now + 1200


class PlayServer(WebServer):
    """Google Play and Google's sign-in."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self.reviews: list[Review] = []
        self.clock = clock
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.token_ends_at = clock()
        self.tokens = 0

    def account(self, **other: str) -> str:
        """The file that Google Cloud gives for a service account."""
        pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        content = {
            "type": "service_account",
            "private_key_id": "k1",
            "private_key": pem,
            "client_email": "tocsin@example.iam.gserviceaccount.com",
            "token_uri": f"{self.url}/token",
        }
        return json.dumps({**content, **other})

    def may_fail(self, request: Request) -> bool:
        return request.path != "/token"

    def answer(self, request: Request) -> Reply:
        if request.path == "/token":
            return self._token(request)
        if request.headers.get("authorization") != f"Bearer token{self.tokens}" or self.clock() >= self.token_ends_at:
            return as_json({"error": {"code": 401, "status": "UNAUTHENTICATED"}}, 401)
        if not request.path.endswith("/applications/com.example.app/reviews"):
            return as_json({"error": {"code": 404, "message": "Package not found"}}, 404)
        size, start = int(request.query["maxResults"]), int(request.query.get("token") or 0)
        week = [review for review in self.reviews if review.at > self.clock() - timedelta(days=7)]
        newest = sorted(week, key=lambda review: review.at, reverse=True)
        content: dict[str, Any] = {}
        if newest:
            content["reviews"] = [self._entry(review) for review in newest[start : start + size]]
        if start + size < len(newest):
            content["tokenPagination"] = {"nextPageToken": str(start + size)}
        return as_json(content)

    def _token(self, request: Request) -> Reply:
        given = parse_qs(request.body.decode())
        head, claims, signed, signature = _parts(f"Bearer {given['assertion'][0]}")
        self.key.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        if head["alg"] != "RS256" or claims["aud"] != f"{self.url}/token" or not claims["scope"].endswith("publisher"):
            return as_json({"error": "invalid_grant", "error_description": "Invalid JWT"}, 400)
        if claims["iss"] != "tocsin@example.iam.gserviceaccount.com":
            return as_json({"error": "invalid_grant", "error_description": "account not found"}, 400)
        self.tokens += 1
        self.token_ends_at = self.clock() + timedelta(hours=1)
        return as_json({"access_token": f"token{self.tokens}", "expires_in": 3599, "token_type": "Bearer"})

    def _entry(self, review: Review) -> dict[str, Any]:
        at = {"seconds": str(int(review.at.timestamp())), "nanos": 5000000}
        said = {
            "text": f"{review.title}\t{review.text}",
            "lastModified": at,
            "starRating": review.stars,
            "reviewerLanguage": "en_US",
            "thumbsUpCount": review.votes,
        }
        comments: list[dict[str, Any]] = [{"userComment": said}]
        if review.answer:
            comments.append({"developerComment": {"text": review.answer, "lastModified": at}})
        return {"reviewId": f"gp:{review.number}", "authorName": review.author, "comments": comments}


def _parts(header: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Head, claims, what is signed, and the signature of a JSON Web Token (RFC 7519), by hand."""
    token = header.removeprefix("Bearer ")
    head, claims, signature = token.split(".") if token.count(".") == 2 else ("e30", "e30", "")
    return (
        json.loads(_decoded(head)),
        json.loads(_decoded(claims)),
        f"{head}.{claims}".encode(),
        _decoded(signature),
    )


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
