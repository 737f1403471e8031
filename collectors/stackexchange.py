"""Stack Exchange sites: questions that a search finds, with their answers and comments.

Limits: 300 requests a day for an address, 10,000 with a key (`quota_remaining` says what is left), 30 a second; an
answer may hold `backoff`, seconds in which the same question is not to be put again, and the program keeps them over
turns. 100 entries a page, without a key no page beyond the 25th. There is no search in answers and comments: they are
read of questions that were found. Shares are not counted, views are those of a question.

Terms: what is shown elsewhere is to name author and source, with links (CC BY-SA).

Five addresses of JSON, always packed. Entries are named `SITE/q7`, `SITE/a8`, `SITE/c9`.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import Field

from collectors.contract import CollectorError, SourceContext
from collectors.egress import Answer
from collectors.interface import Interface, secret
from collectors.listed import Asked, Listed, ListedOptions, SpentError
from collectors.moments import from_epoch, not_after
from collectors.plain import plain_text
from collectors.queries import single_terms
from collectors.rounds import Found, Listing, Round, chunks, entries_in, joined
from config.references import SecretReference
from storage.records import Engagement, Post, PostKind

PAGE = 100
_PAGES_WITHOUT_KEY = 25
_KINDS = {"q": "questions", "a": "answers", "c": "comments"}
_BODY = "withbody"
"""The filter of theirs that adds the words to the rest."""
_THROTTLED = 502
_DENIED = {401, 402, 403, 405, 406}
"""Their numbers of errors about keys and tokens; all come with the status 400."""


class Options(ListedOptions):
    """Keys of a `[[sources]]` table of type `stackexchange`."""

    sites: list[Annotated[str, Field(pattern=r"^[\w.]+$")]] = Field(default=["stackoverflow"], min_length=1)
    """Sites by their short names, such as `stackoverflow`, `superuser`, `android`."""
    key: SecretReference | None = None
    """Key of an app that is registered at stackapps.com; with it 10,000 requests a day instead of 300."""
    base_url: str = Field(default="https://api.stackexchange.com/2.3", pattern=r"^https?://")
    """Address of the interface."""


class StackExchange(Asked):
    """What is asked of Stack Exchange."""

    service = "Stack Exchange"
    at_once = 100

    def __init__(self, options: Options, context: SourceContext) -> None:
        self.requests_per_day: int | None = 10_000 if options.key else 300
        super().__init__(Interface(self.service, options.base_url, context.clock, self._judged), context)
        self._options = options
        self._key: str | None = None

    def prepare(self) -> None:
        """Read the key."""
        reference = self._options.key
        self._key = secret(reference, "the key of Stack Exchange") if reference is not None else None

    def page(self, listing: Listing, state: Round) -> Found:
        """A page of a search for questions, newest first."""
        page = int(state.place or 1)
        asked = {
            "q": listing.query,
            "sort": "creation",
            "order": "desc",
            "fromdate": int(state.floor),
            "todate": int(state.begun_at) + 1,
            "page": page,
            "pagesize": PAGE,
        }
        answer = self._ask("search/advanced", listing.path, asked)
        is_more = bool(answer.get("has_more")) and (self._key is not None or page < _PAGES_WITHOUT_KEY)
        found = self._found(answer, listing.path)
        return Found(found.posts, found.bad, str(page + 1) if is_more else "", found.given)

    def looked_up(self, names: Sequence[str]) -> Found:
        """Questions, answers and comments by their names; those that are gone are missing."""
        groups: dict[tuple[str, str], list[str]] = {}
        for name in names:
            site, _, entry = name.partition("/")
            groups.setdefault((site, _KINDS[entry[0]]), []).append(entry[1:])
        return joined(
            self._found(self._ask(f"{kind}/{';'.join(some)}", site, {"pagesize": PAGE}), site)
            for (site, kind), numbers in groups.items()
            for some in chunks(numbers, PAGE)
        )

    def replies(self, root: Post, unread: int) -> Found:
        """The newest answers of a question, the comments on it, and those on its answers: a hundred of each."""
        site, _, entry = root.external_id.partition("/")
        asked = {"sort": "creation", "order": "desc", "pagesize": PAGE}
        answers = self._found(self._ask(f"questions/{entry[1:]}/answers", site, asked), site)
        found = [answers, self._comments(f"questions/{entry[1:]}", site, asked, root.external_id)]
        numbers = [post.external_id.partition("/a")[2] for post in answers.posts]
        if numbers:
            found.append(self._comments(f"answers/{';'.join(numbers)}", site, asked, root.external_id))
        every = joined(found)
        return Found(every.posts, every.bad, "", every.given, max(unread - answers.given, 0) if unread > PAGE else 0)

    def probe(self, listing: Listing) -> str:
        """Search for the last day."""
        now = self._clock()
        day = (now - timedelta(days=1)).timestamp()
        found = self.page(listing, Round(day, floor=day, begun_at=now.timestamp()))
        left = self.kept.get("quota_remaining", "an unknown number of")
        return f"Stack Exchange answers with {found.given} questions of the last day; {left} requests are left today"

    def _comments(self, path: str, site: str, asked: Mapping[str, Any], root: str) -> Found:
        return self._found(self._ask(f"{path}/comments", site, asked), site, root)

    def _found(self, answer: Mapping[str, Any], site: str, root: str = "") -> Found:
        return entries_in(answer.get("items"), self, f"{site} {root}")

    def read(self, entry: Any, of: str) -> Post:
        """The question, answer or comment that an entry is, on a site and below a question."""
        site, _, root = of.partition(" ")
        return _post(entry, site, root, self._source, self._clock())

    # -- questions -----------------------------------------------------------------------------------------------------

    def _ask(self, path: str, site: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """An answer, unless the program was told to wait before it asks for the like again."""
        method = "/".join(part for part in path.split("/") if not part[:1].isdigit())
        waits, now = self.kept.get("backoff", {}), self._clock().timestamp()
        if waits.get(method, 0) > now or self.kept.get("quota_until", 0) > now:
            raise SpentError
        asked = {**params, "site": site, "filter": _BODY, "key": self._key}
        answer = self._interface.get(f"/{path}", asked)
        self.kept["backoff"] = {name: until for name, until in waits.items() if until > now}
        if answer.get("backoff"):
            self.kept["backoff"][method] = now + float(answer["backoff"])
        self.kept["quota_remaining"] = answer.get("quota_remaining")
        if answer.get("quota_remaining") == 0:
            self.kept["quota_until"] = _midnight(self._clock()).timestamp()
        return answer

    def _judged(self, answer: Answer, content: Any) -> CollectorError | None:
        """Errors by their numbers, since all have the status 400."""
        number = content.get("error_id") if answer.status >= 400 and isinstance(content, dict) else None
        said = str(content.get("error_message", ""))[:200] if number is not None else ""
        if number == _THROTTLED:
            wait = next((float(word) for word in said.split() if word.isdecimal()), 60.0)
            message = f"Stack Exchange answered {answer.status}: too many requests; next in {wait:.0f} s"
            return CollectorError(message, retry_after=wait, status=429)
        if number in _DENIED:
            message = f"Stack Exchange answered {number}: it does not accept the key ({said})"
            return CollectorError(message, permanent=True, status=401)
        if number is not None and number >= 500:
            return CollectorError(f"Stack Exchange answered {number}: {said}", status=500)
        return None


def _midnight(now: datetime) -> datetime:
    """When the quota begins anew: at midnight, UTC."""
    return (now.astimezone(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def _post(item: Mapping[str, Any], site: str, root: str, source: str, now: datetime) -> Post:
    """A question, an answer (which names its question) or a comment (which names what it is on alone)."""
    owner, edited_at = item.get("owner") or {}, item.get("last_edit_date")
    common: dict[str, Any] = {
        "source": source,
        "created_at": not_after(from_epoch(item["creation_date"]), now),
        "text": plain_text(item["body"]),
        "url": item.get("link"),
        "author": str(owner["user_id"]) if owner.get("user_id") else owner.get("display_name"),
        "author_name": html.unescape(owner["display_name"]) if owner.get("display_name") else None,
        "edited_at": from_epoch(edited_at) if edited_at else None,
        "collected_at": now,
    }
    likes = max(int(item.get("score") or 0), 0)
    if "comment_id" in item:
        above = f"{site}/{'a' if item.get('post_type') == 'answer' else 'q'}{item['post_id']}"
        name, thread = f"{site}/c{item['comment_id']}", root or above
        return Post(
            external_id=name,
            thread_id=thread,
            parent_id=above,
            kind=PostKind.COMMENT,
            engagement=Engagement(likes),
            **common,
        )
    question = f"{site}/q{item['question_id']}"
    if "answer_id" in item:
        name = f"{site}/a{item['answer_id']}"
        return Post(
            external_id=name,
            thread_id=question,
            parent_id=question,
            kind=PostKind.REPLY,
            engagement=Engagement(likes),
            **common,
        )
    counts = Engagement(likes=likes, replies=item.get("answer_count"), views=item.get("view_count"))
    title = html.unescape(item["title"])
    return Post(external_id=question, thread_id=question, title=title, engagement=counts, **common)


def build(options: Options, context: SourceContext) -> Listed:
    """The source as configured."""
    asked = dict.fromkeys((*single_terms(context.brands), *options.queries))
    ends_after = None if options.key else PAGE * _PAGES_WITHOUT_KEY
    listings = [Listing(site, query, ends_after) for site in options.sites for query in asked]
    return Listed(StackExchange(options, context), listings, options, context)
