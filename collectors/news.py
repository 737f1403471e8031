"""News: what GDELT finds in the text of the world's online press, and what a news search offers as a feed.

Limits: GDELT (DOC 2.0) gives 250 articles to a question and reaches back three months; it is renewed every 15 minutes,
wants one question in five seconds at the most, and turns away more than that when it is busy. So a turn asks one
question, and first the cheap one: how many articles there are, by quarters of an hour (`timelinevolraw`). Where there
are none that is all; otherwise time is cut into windows that hold fewer than 250. A quarter of an hour with more is a
gap. Of an article GDELT gives title, address and language alone, no words and no engagement; its mistakes come as text
with the status 200, and its JSON is not always sound.

A news search that offers feeds is read as collectors/feeds.py reads feeds, at `feed_addresses`; what it shows is its
maker's choice, some hundred entries as a rule. Google's is meant for personal use in a feed reader.

Terms: GDELT is open for any use that names it as the source (https://www.gdeltproject.org/).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote_plus, urlencode

import structlog
from pydantic import Field

from collectors import feeds
from collectors.contract import CollectorError, Page, SourceContext, SourceOptions, Tariff
from collectors.egress import Answer, Egress, EgressRules, host_of
from collectors.feed_entries import canonical
from collectors.moments import from_epoch, not_after
from collectors.plain import plain_text
from collectors.queries import any_of, quoted, single_terms
from collectors.rounds import found_in, kept_entry
from collectors.terms import terms_of
from config.durations import Duration
from config.settings import BrandSettings
from storage.records import Gap, Post, PostKind

CAP = 250
REACH = timedelta(days=89)
QUARTER = 900
_QUERY_LIMIT = 240
_SPAN = 70 * 3600
"""Seconds that are counted at once; longer spans are told by the hour instead of the quarter."""
_PATIENCE = 3
"""Times that a window is asked for whose articles were announced and did not come."""
_FORM = "%Y%m%d%H%M%S"
_BAD_ESCAPE = re.compile(r'\\(?!["\\/bfnrtu])')
_LANGUAGES = {
    "Arabic": "ar", "Bulgarian": "bg", "Chinese": "zh", "Croatian": "hr", "Czech": "cs", "Danish": "da", "Dutch": "nl",
    "English": "en", "Finnish": "fi", "French": "fr", "German": "de", "Greek": "el", "Hindi": "hi", "Hungarian": "hu",
    "Indonesian": "id", "Italian": "it", "Japanese": "ja", "Korean": "ko", "Norwegian": "no", "Persian": "fa",
    "Polish": "pl", "Portuguese": "pt", "Romanian": "ro", "Russian": "ru", "Spanish": "es", "Swedish": "sv",
    "Thai": "th", "Turkish": "tr", "Ukrainian": "uk", "Vietnamese": "vi",
}  # fmt: skip

log = structlog.get_logger(__name__)


class Options(SourceOptions):
    """Keys of a `[[sources]]` table of type `news`."""

    gdelt: bool = True
    """Whether GDELT is asked."""
    titles_only: bool = False
    """Whether an article counts only where its title names the brand; GDELT finds by the text and gives the title."""
    feed_addresses: list[Annotated[str, Field(pattern=r"^https?://[^{}]*\{query\}[^{}]*$")]] = Field(
        default_factory=list, examples=[["https://news.example/rss/search?q={query}"]]
    )
    """Addresses of news searches that answer with a feed; `{query}` stands for the question."""
    queries: list[Annotated[str, Field(min_length=3, max_length=_QUERY_LIMIT)]] = Field(default_factory=list)
    """Questions of your own to GDELT beside those made from the brands, in its syntax."""
    lookback: Duration = timedelta(days=1)
    """How far back the first turn reads."""
    overlap: Duration = timedelta(minutes=30)
    """How much is read again every time, for articles that were indexed late."""
    renewed_every: Duration = timedelta(minutes=15)
    """How often each question is put to GDELT, which is renewed that often."""
    allow_private_hosts: list[str] = Field(default_factory=list)
    """Hosts of your own network that feeds may be read from; all others must be public."""
    allow_ports: list[Annotated[int, Field(ge=1, le=65535)]] = Field(default_factory=list)
    """Ports that feeds may be read from beside 80 and 443."""
    gdelt_url: str = Field(default="https://api.gdeltproject.org/api/v2/doc/doc", pattern=r"^https?://")
    """Address of GDELT's interface."""


@dataclass(frozen=True, slots=True)
class _Question:
    """What GDELT is asked, and the brand that its answers are about (empty for a question of the operator's own)."""

    query: str
    brand: str = ""


@dataclass
class _State:
    """How far a question has been read, when it was counted last, and the windows to read: start, end, count, tries."""

    read_until: float
    counted_at: float = 0.0
    windows: list[list[float]] = field(default_factory=list)


class News:
    """Reads news searches that offer feeds, and then puts one question to GDELT."""

    def __init__(self, options: Options, context: SourceContext) -> None:
        self.name = context.name
        self._options, self._clock = options, context.clock
        self._questions = _questions(context.brands, options) if options.gdelt else []
        self._feeds = _feeds(options, context)
        self._egress = Egress(EgressRules.trusting(options.gdelt_url, max_redirects=0), context.clock)

    def collect(self, cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        """A page for every feed, and one for a question to GDELT where one is due."""
        kept = cursor or {}
        states = self._states(kept.get("gdelt", {}))
        read_feeds = dict(kept.get("feeds", {}))
        failure: CollectorError | None = None
        try:
            for page in self._feeds.collect(read_feeds) if self._feeds else ():
                read_feeds = dict(page.cursor)
                yield _as_ours(page, states, read_feeds)
        except CollectorError as error:
            failure = error
        with self._egress.session():
            for page in self._ask_one(states):
                yield _as_ours(page, states, read_feeds)
        if failure is not None:
            raise failure
        is_whole = not any(state.windows for state in states.values()) and self._due(states) is None
        yield Page(_cursor(states, read_feeds), complete=is_whole)

    def probe(self) -> str:
        """Count the last day's articles of the first question, or read the feeds where GDELT is not asked."""
        if self._feeds and not self._questions:
            return self._feeds.probe()
        if not self._questions:
            raise CollectorError("there is nothing to ask: no brand, no queries and no feed_addresses", permanent=True)
        now = self._clock().timestamp()
        with self._egress.session():
            buckets = self._count(self._questions[0].query, now - 86_400, now)
        total = sum(count for _, count in buckets)
        return f"GDELT answers: {total} articles of the last day for the first of {len(self._questions)} questions"

    def tariff(self) -> Tariff:
        """Free; a turn asks every feed and puts one question to GDELT."""
        feeds_asked = len(self._options.feed_addresses)
        return Tariff(1 + feeds_asked, 86_400 // 5 if self._questions and not feeds_asked else None)

    def _states(self, kept: Mapping[str, Any]) -> dict[str, _State]:
        """A question that is new takes over from those that it has replaced."""
        known = {
            query: _State(state["read_until"], state["counted_at"], [list(window) for window in state["windows"]])
            for query, state in kept.items()
        }
        asked = [question.query for question in self._questions]
        replaced = [state.read_until for query, state in known.items() if query not in asked]
        start = min([(self._clock() - self._options.lookback).timestamp(), *replaced])
        return {query: known.get(query) or _State(start) for query in asked}

    # -- GDELT ---------------------------------------------------------------------------------------------------------

    def _due(self, states: Mapping[str, _State]) -> _Question | None:
        """The question whose count is the oldest, where that is old enough."""
        latest = (self._clock() - self._options.renewed_every).timestamp()
        due = [question for question in self._questions if states[question.query].counted_at <= latest]
        return min(due, key=lambda question: states[question.query].counted_at, default=None)

    def _ask_one(self, states: Mapping[str, _State]) -> Iterator[Page]:
        """One question: articles of the oldest window that was counted; else the count of what is due."""
        waiting = [question for question in self._questions if states[question.query].windows]
        if waiting:
            question = min(waiting, key=lambda question: states[question.query].windows[0][0])
            yield from self._articles(question, states[question.query])
        elif (question_due := self._due(states)) is not None:
            yield self._counted(question_due, states[question_due.query])

    def _counted(self, question: _Question, state: _State) -> Page:
        """The windows to read, none where nothing was published."""
        now = self._clock()
        gaps = self._beyond_reach(state, now)
        start = state.read_until - self._options.overlap.total_seconds()
        end = min(start + _SPAN, now.timestamp())
        state.windows = _windows(self._count(question.query, start, end), start, end)
        state.counted_at = now.timestamp() if end >= now.timestamp() else 0.0
        if not state.windows:
            state.read_until = end
        return Page({}, gaps=gaps, requests=self._asked())

    def _beyond_reach(self, state: _State, now: datetime) -> list[Gap]:
        bound = (now - REACH).timestamp()
        if state.read_until >= bound:
            return []
        gap = Gap(self.name, from_epoch(state.read_until), from_epoch(bound), "older than GDELT reaches", 1.0)
        state.read_until = bound
        return [gap]

    def _articles(self, question: _Question, state: _State) -> Iterator[Page]:
        start, end, announced, tries = state.windows[0]
        found = self._list(question, start, end)
        if not found.given and tries + 1 < _PATIENCE:
            state.windows[0][3] = tries + 1
            yield Page({}, requests=self._asked())
            raise CollectorError(f"GDELT announced {announced:.0f} articles and gave none; they are asked for again")
        missing = announced - found.given if found.given >= CAP or not found.given else 0.0
        gaps = []
        if missing > 0:
            share = missing / announced / len(self._questions)
            reason = f"GDELT gave {found.given} of {announced:.0f} articles"
            gaps = [Gap(self.name, from_epoch(start), from_epoch(end), reason, share)]
        state.windows.pop(0)
        state.read_until = max(state.read_until, end)
        yield Page({}, found.posts, (), gaps, found.bad, self._asked())

    def _count(self, query: str, start: float, end: float) -> list[tuple[float, int]]:
        """How many articles there are by quarters of an hour, each named by its beginning (s since 1970)."""
        series = self._fetch(query, "timelinevolraw", start, end).get("timeline")
        if not isinstance(series, list):
            raise CollectorError("GDELT gave a count without the documented timeline")
        try:
            return (
                [(_moment(entry["date"]).timestamp(), int(entry["value"])) for entry in series[0]["data"]]
                if series
                else []
            )
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise CollectorError(f"GDELT gave a count that cannot be read: {error!r}") from error

    def _list(self, question: _Question, start: float, end: float) -> Any:
        of = question.brand if question.brand and not self._options.titles_only else ""
        content = self._fetch(question.query, "artlist", start, end - 1, maxrecords=CAP, sort="DateAsc")
        return found_in(content.get("articles", []), lambda item: self._read(item, of), service="GDELT", of=of)

    def _read(self, item: Any, of: str) -> Post:
        return _article(item, self.name, self._clock(), (of,) if of else ())

    def reread(self, raw: bytes) -> list[Post]:
        """An article of GDELT's that was set aside."""
        return kept_entry(raw, self._read)

    def _fetch(self, query: str, mode: str, start: float, end: float, **more: Any) -> dict[str, Any]:
        span = {"startdatetime": from_epoch(start).strftime(_FORM), "enddatetime": from_epoch(end).strftime(_FORM)}
        asked = urlencode({"query": query, "mode": mode, "format": "json", **span, **more})
        answer = self._egress.fetch(f"{self._options.gdelt_url}?{asked}", service="GDELT", judge=_judged)
        content = _read(answer.body)
        if not isinstance(content, dict):
            raise CollectorError("GDELT gave an answer that cannot be read")
        return content

    def _asked(self) -> int:
        asked, self._egress.requests = self._egress.requests, 0
        return asked


def _as_ours(page: Page, states: Mapping[str, _State], read_feeds: Mapping[str, Any]) -> Page:
    """The page with the cursor of the whole source; only its last page may be complete."""
    return Page(_cursor(states, read_feeds), page.posts, page.samples, page.gaps, page.quarantined, page.requests)


def _cursor(states: Mapping[str, _State], read_feeds: Mapping[str, Any]) -> dict[str, Any]:
    return {"gdelt": {query: asdict(state) for query, state in states.items()}, "feeds": dict(read_feeds)}


def _questions(brands: Sequence[BrandSettings], options: Options) -> list[_Question]:
    """Questions for each brand by itself, since GDELT does not say which of several words it found."""
    made = [_Question(query, brand.name) for brand in brands for query in _of_brand(brand)]
    return list(dict.fromkeys((*made, *(_Question(query) for query in options.queries))))


def _of_brand(brand: BrandSettings) -> list[str]:
    """Parentheses may stand around several words alone, and not within one another."""
    terms = terms_of(brand)
    plain = [quoted(term) for term in (*terms.plain, *terms.handles) if len(term) > 2]
    asked = [_either(group) for group in any_of(dict.fromkeys(plain), limit=_QUERY_LIMIT, joint=" OR ")]
    for name in terms.unsure:
        room = _QUERY_LIMIT - len(name) - 5
        words = any_of([quoted(word) for word in terms.context], limit=room, joint=" OR ")
        asked += [f"{quoted(name)} {_either(group)}" for group in words]
    return asked


def _either(group: str) -> str:
    return f"({group})" if " OR " in group else group


def _feeds(options: Options, context: SourceContext) -> feeds.Feeds | None:
    asked = any_of(single_terms(context.brands), limit=_QUERY_LIMIT, joint=" OR ")
    urls = [address.replace("{query}", quote_plus(query)) for address in options.feed_addresses for query in asked]
    if not urls:
        return None
    given = {
        "feeds": [{"url": url, "comments": False} for url in urls],
        "allow_private_hosts": options.allow_private_hosts,
        "allow_ports": options.allow_ports,
    }
    return feeds.build(feeds.Options.model_validate(given), context)


def _windows(buckets: Sequence[tuple[float, int]], start: float, end: float) -> list[list[float]]:
    """Windows, counts and no tries yet; each takes as many quarters as hold fewer articles than are given at once."""
    found: list[list[float]] = []
    for begins_at, count in sorted(buckets):
        if count <= 0:
            continue
        last = found[-1] if found else None
        if last is not None and last[2] + count < CAP:
            last[1], last[2] = begins_at + QUARTER, last[2] + count
        else:
            found.append([max(begins_at, start), begins_at + QUARTER, count, 0])
    if found:
        found[-1][1] = max(found[-1][1], end)
    return found


def _judged(answer: Answer) -> CollectorError | None:
    """What GDELT says in words and not in JSON is a mistake, whatever its status."""
    words = plain_text(answer.body[:2000].decode("utf-8", "replace")).strip()
    if "limit requests to one every" in words:
        return CollectorError("GDELT answered 429: it is busy or was asked too often", retry_after=60.0, status=429)
    if answer.status >= 400 or words.startswith("{"):
        return None
    kind = answer.headers.get("content-type", "").partition(";")[0]
    is_refusal = re.match(r"(Your|The|Parentheses|Invalid|Unknown|One or more|Timespan)\b", words) is not None
    said = f"said {words!r:.160}" if is_refusal else f"gave {kind or 'nothing'!r:.60} instead of JSON"
    return CollectorError(f"GDELT {said}", permanent=is_refusal, status=400 if is_refusal else None)


def _read(body: bytes) -> Any:
    """GDELT's JSON, which has control characters and stray backslashes in titles."""
    text = body.decode("utf-8", "replace")
    for form in (text, _BAD_ESCAPE.sub(r"\\\\", text)):
        try:
            return json.loads(form, strict=False)
        except (ValueError, RecursionError):
            continue
    return None


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def _article(item: Mapping[str, Any], source: str, now: datetime, brands: tuple[str, ...]) -> Post:
    url, title = item["url"], plain_text(item["title"])
    name = canonical(url, host_of(url))
    return Post(
        source=source,
        external_id=name,
        created_at=not_after(_moment(item["seendate"]), now),
        text=title,
        kind=PostKind.ARTICLE,
        title=title,
        url=url if url.startswith(("https://", "http://")) else None,
        author=item.get("domain"),
        author_name=item.get("domain"),
        thread_id=name,
        language=_LANGUAGES.get(item.get("language", "")),
        collected_at=now,
        brands=brands,
    )


def build(options: Options, context: SourceContext) -> News:
    """The source as configured."""
    return News(options, context)
