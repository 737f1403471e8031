"""The questions that are asked of Reddit, by praw."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from collectors.contract import CollectorError
from collectors.reddit_shapes import Things
from collectors.rounds import Listing, Round
from config.references import MissingSecretError

if TYPE_CHECKING:
    import praw

    from collectors.reddit import Options
    from collectors.transport import GuardedAdapter, Headers

T = TypeVar("T")

LOOKED_UP_AT_ONCE = 100
_SPANS = (("hour", 3600), ("day", 86_400), ("week", 7 * 86_400), ("month", 30 * 86_400), ("year", 365 * 86_400))


class UnreadableError(CollectorError):
    """Reddit answered with something else than it documents."""


def asked_of(listing: Listing, state: Round, now: datetime) -> dict[str, Any]:
    """What is asked of a listing for the page at which a round stands."""
    params: dict[str, Any] = {"limit": 100, "after": state.place or None, "count": state.seen}
    if listing.query:
        age = now.timestamp() - state.read_until
        span = next((name for name, seconds in _SPANS if age < seconds * 0.9), "all")
        restricted = "r/all/" not in listing.path
        params |= {"q": listing.query, "sort": "new", "t": span, "restrict_sr": restricted, "type": "link"}
    return params


class Client:
    """The questions that are asked of Reddit."""

    def __init__(self, options: Options, clock: Callable[[], datetime]) -> None:
        self._options = options
        self._clock = clock
        self._reddit: praw.Reddit | None = None
        self._adapter: GuardedAdapter | None = None
        self._is_new = True
        self._counted = 0
        self._blocked_until: datetime | None = None

    @contextmanager
    def session(self) -> Iterator[None]:
        """Be signed in for the questions inside; the sign-in is kept for the next session while it is good."""
        if self._reddit is None:
            self._reddit = self._signed_out()
        try:
            yield
        finally:
            if self._adapter is not None:
                self._adapter.close()
            self._is_new = False

    def listing(self, path: str, params: Mapping[str, Any]) -> Things:
        """A page of a listing."""
        given = {name: value for name, value in params.items() if value is not None}
        page = self._ask(lambda reddit: reddit.request(method="GET", path=path, params=given))
        try:
            children, after = page["data"]["children"], page["data"].get("after")
            return Things([child["data"] for child in children], after or "")
        except (AttributeError, KeyError, TypeError) as error:
            raise UnreadableError(f"Reddit answered {path} with something that is no listing") from error

    def looked_up(self, names: list[str]) -> Things:
        """Things by their full names; those that do not exist are missing."""
        size = LOOKED_UP_AT_ONCE
        chunks = [names[start : start + size] for start in range(0, len(names), size)]
        found = [self.listing("api/info", {"id": ",".join(chunk)}) for chunk in chunks]
        return Things([thing for each in found for thing in each.things])

    def comments(self, submission: str, more: int, *, sort: str = "new", most: int = 500) -> tuple[Things, int]:
        """The first `most` comments of a submission, with `more` further requests; and how many were left out."""

        def ask(reddit: praw.Reddit) -> tuple[list[Any], int]:
            thread = reddit.submission(submission.removeprefix("t3_"))
            thread.comment_sort, thread.comment_limit = sort, most
            left: Any = thread.comments.replace_more(limit=more)
            return thread.comments.list(), sum(each.count for each in left)

        comments, missing = self._ask(ask)
        return Things([vars(comment) for comment in comments]), missing

    def asked(self) -> int:
        """Requests since this was last asked."""
        total = self._adapter.requests if self._adapter else 0
        asked, self._counted = total - self._counted, total
        return asked

    def _signed_out(self) -> praw.Reddit:
        import praw  # noqa: PLC0415  (slow to import: only paid by who reads Reddit)

        from collectors.transport import GuardedAdapter, guarded_session  # noqa: PLC0415

        try:
            client_id = self._options.client_id.resolve().get_secret_value()
            client_secret = self._options.client_secret.resolve().get_secret_value()
        except MissingSecretError as error:
            raise CollectorError(f"the credentials of Reddit are missing: {error}", permanent=True) from error
        self._adapter = GuardedAdapter("Reddit", clock=self._clock, observe=self._observe)
        self._is_new, self._counted = True, 0
        # Everything is given here, so that no praw.ini that lies about can lead the credentials elsewhere.
        return praw.Reddit(
            client_id=client_id,
            client_secret=client_secret,
            user_agent=self._options.user_agent,
            oauth_url=self._options.oauth_url,
            reddit_url=self._options.reddit_url,
            username=None,
            password=None,
            refresh_token=None,
            redirect_uri=None,
            check_for_updates=False,
            check_for_async=False,
            ratelimit_seconds=0,
            requestor_kwargs={"session": guarded_session(self._adapter)},
        )

    def _observe(self, headers: Headers) -> None:
        """Note when the allowance of requests is used up, and keep the headers from prawcore, which would sleep."""
        remaining, _, reset = (headers.pop(f"x-ratelimit-{name}", None) for name in ("remaining", "used", "reset"))
        try:
            if remaining is not None and reset is not None and float(remaining) < 1:
                self._blocked_until = self._clock() + timedelta(seconds=min(max(float(reset), 1.0), 3600.0))
                headers.setdefault("retry-after", reset)
        except ValueError:
            return

    def _ask(self, question: Callable[[praw.Reddit], T]) -> T:
        import praw.exceptions  # noqa: PLC0415
        import prawcore  # noqa: PLC0415

        self._wait_for_allowance()
        if self._reddit is None:
            raise RuntimeError("Reddit is asked inside `with client.session()`")
        try:
            return question(self._reddit)
        except prawcore.RequestException as error:
            raise self._meant(error.original_exception) from error
        except prawcore.Redirect as error:
            raise CollectorError("Reddit knows no such subreddit; correct `subreddits`", permanent=True) from error
        except (
            prawcore.PrawcoreException,
            praw.exceptions.PRAWException,
            AssertionError,
            AttributeError,
            LookupError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:
            raise UnreadableError(f"Reddit gave an answer that cannot be read ({type(error).__name__})") from error

    def _wait_for_allowance(self) -> None:
        if self._blocked_until is not None and self._blocked_until > self._clock():
            wait = (self._blocked_until - self._clock()).total_seconds()
            raise CollectorError(f"Reddit's allowance of requests is used up for {wait:.0f} s", retry_after=wait)

    def _meant(self, error: Exception) -> CollectorError:
        """Our own error that prawcore has wrapped; a sign-in that has gone stale is renewed at the next turn."""
        if not isinstance(error, CollectorError):
            return CollectorError(f"Reddit could not be read: {type(error).__name__}")
        if error.status == 401 and not self._is_new:
            self._reddit = None
            return CollectorError(
                "Reddit does not accept the sign-in any more; it is renewed at the next turn", status=401
            )
        return error
