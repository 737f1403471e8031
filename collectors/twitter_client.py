"""The questions that are asked of X, by tweepy."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from collectors.contract import CollectorError
from collectors.rounds import ODD
from config.references import MissingSecretError, SecretReference

if TYPE_CHECKING:
    from collectors.transport import GuardedAdapter

HOST = "https://api.twitter.com"
"""Written into tweepy's code; requests are led from there to where the options say."""

_FIELDS = ["author_id", "conversation_id", "created_at", "lang", "public_metrics"]
_RENAMED = {
    "tweet": ["edit_history_tweet_ids", "note_tweet", "referenced_tweets"],
    "post": ["edit_history_post_ids", "note_post", "referenced_posts"],
}


class Client:
    """The questions that are asked of X by tweepy; answers are plain JSON objects.

    tweepy is given a deadline, a limit of size and the address, all of which it lacks (collectors/transport.py).
    """

    def __init__(
        self,
        token: SecretReference,
        base_url: str,
        vocabulary: Literal["tweet", "post"],
        *,
        authors: bool,
        clock: Callable[[], datetime],
    ) -> None:
        self._token = token
        self._base_url = base_url
        self._vocabulary = vocabulary
        self._authors = authors
        self._clock = clock
        self._tweepy: Any = None
        self._adapter: GuardedAdapter | None = None
        self._counted = 0

    @contextmanager
    def session(self) -> Iterator[None]:
        """Keep a connection for the questions inside; the token is read anew, so that it may be rotated."""
        import tweepy  # noqa: PLC0415  (slow to import: only paid by who reads X)

        from collectors.transport import GuardedAdapter, guard  # noqa: PLC0415

        try:
            token = self._token.resolve().get_secret_value()
        except MissingSecretError as error:
            raise CollectorError(f"the bearer token of X is missing: {error}", permanent=True) from error
        names = {"tweet.fields": "post.fields"} if self._vocabulary == "post" else {}
        self._adapter = GuardedAdapter("X", clock=self._clock, redirect={HOST: self._base_url}, rename=names)
        self._counted = 0
        logging.getLogger("tweepy").setLevel(logging.INFO)  # below that it logs the headers, and so the token
        self._tweepy = tweepy.Client(token, return_type=dict, wait_on_rate_limit=False)
        guard(self._tweepy.session, self._adapter)
        self._tweepy.session.max_redirects = 0
        try:
            yield
        finally:
            self._tweepy.session.close()

    def search(self, query: str, end: datetime, size: int, token: str, **floor: Any) -> Mapping[str, Any]:
        """A page of recent search up to `end`, newest first; `floor` is `since_id` or `start_time`."""
        asked = {"end_time": end, "max_results": size, "next_token": token or None, **self._wanted(), **floor}
        return self._ask(lambda: self._tweepy.search_recent_tweets(query, **asked))

    def count(self, query: str, start: datetime, end: datetime) -> Mapping[str, Any]:
        """How many posts match between the two times."""
        return self._ask(
            lambda: self._tweepy.get_recent_tweets_count(query, start_time=start, end_time=end, granularity="hour")
        )

    def lookup(self, ids: list[str]) -> Mapping[str, Any]:
        """Up to 100 posts by id."""
        return self._ask(lambda: self._tweepy.get_tweets(ids, **self._wanted()))

    def make_job(self) -> Mapping[str, Any]:
        """A new compliance job for posts."""
        return self._ask(lambda: self._tweepy.create_compliance_job("tweets"))

    def job(self, name: str) -> Mapping[str, Any]:
        """How a compliance job stands."""
        return self._ask(lambda: self._tweepy.get_compliance_job(name))

    def upload(self, address: str, body: bytes) -> None:
        """Hand in the ids of a job, where X said to."""
        headers = {"content-type": "text/plain"}
        self._tweepy.session.request("PUT", self._checked(address), data=body, headers=headers)

    def download(self, address: str) -> bytes:
        """The result of a job, from where X said it lies."""
        return bytes(self._tweepy.session.request("GET", self._checked(address)).content)

    def _checked(self, address: str) -> str:
        if not address.startswith(("https://", self._base_url)):
            raise CollectorError("X named a place for the files of a compliance job that is not read: not https")
        return address

    def asked(self) -> int:
        """Requests since this was last asked."""
        total = self._adapter.requests if self._adapter else 0
        asked, self._counted = total - self._counted, total
        return asked

    def _wanted(self) -> dict[str, Any]:
        return wanted(self._vocabulary, authors=self._authors)

    def _ask(self, question: Callable[[], Any]) -> Mapping[str, Any]:
        import requests  # noqa: PLC0415
        import tweepy  # noqa: PLC0415

        try:
            answer = question()
        except requests.TooManyRedirects as error:
            raise CollectorError("X led to another address, which is not followed; see base_url") from error
        except (tweepy.TweepyException, requests.RequestException, *ODD) as error:
            raise CollectorError(f"X gave an answer that cannot be read ({type(error).__name__})") from error
        if not isinstance(answer, dict):
            raise CollectorError("X gave an answer that is not an object")
        return answer


def wanted(vocabulary: Literal["tweet", "post"], *, authors: bool) -> dict[str, Any]:
    """The fields that X is asked for, as tweepy names them."""
    asked: dict[str, Any] = {"tweet_fields": [*_FIELDS, *_RENAMED[vocabulary]]}
    if authors:
        asked |= {"expansions": "author_id", "user_fields": "name,public_metrics,username"}
    return asked
