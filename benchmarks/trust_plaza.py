"""A place where posts appear at a steady pace, served over HTTP, and the source that reads it: a plug-in as any other.

Everything follows from the number of a post: when it appears, who says what, and whether it belongs to a story, a
minute of anger at one company. So the place keeps nothing, and whoever counts afterwards knows what there was.
"""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import msgspec

from benchmarks.speed import material
from collectors.contract import CollectorError, Page, SourceContext, SourceOptions
from monitor.demo import words
from storage.records import Post

SOURCE = "plaza"
PAGE = 1000
"""Posts that are given at once."""
CALM_BRANDS = 200
POOL = 100_003
"""Calm sentences there are; who says them again is carried on, as a tenth of what is said is in life."""
FIRST_STORY = 30.0
STORY_FOR = 60.0
ANGRY = 2.0
"""Angry posts a second while a story lasts."""
_TRADES = ("Mobile", "Air", "Foods", "Bank", "Rail", "Energy", "Insurance", "Post")
_NAMES = ("Halden", "Brandal", "Tveit", "Solund", "Kvamme", "Lofthus", "Marnar", "Fonna")
STORY_BRANDS = [f"{name} {trade}" for trade in _TRADES for name in _NAMES]
"""Companies that nobody speaks of before their story."""


class Said(msgspec.Struct, array_like=True):
    """A post as the place gives it."""

    number: int
    at: float
    text: str
    author: str

    def post(self, source: str, now: datetime) -> Post:
        """The same as the program knows it."""
        at = datetime.fromtimestamp(self.at, UTC)
        return Post(source, str(self.number), at, self.text, author=self.author, language="en", collected_at=now)


@dataclass(frozen=True)
class Plan:
    """How many posts appear a second, how many in all, which share names a company, and how often a story begins."""

    rate: float
    posts: int
    naming: float = material.NAMING
    story_every: float = 45.0

    @property
    def seconds(self) -> float:
        """How long posts appear."""
        return self.posts / self.rate

    def story(self, number: int) -> int | None:
        """The story that a post belongs to."""
        since = number / self.rate - FIRST_STORY
        story, into = divmod(since, self.story_every)
        is_angry = since >= 0 and into < STORY_FOR and number % max(1, round(self.rate / ANGRY)) == 0
        return int(story) % len(STORY_BRANDS) if is_angry else None

    @cached_property
    def told(self) -> dict[int, list[int]]:
        """The posts of each story that can be told to its end, in order."""
        found: dict[int, list[int]] = {}
        for number in range(self.posts):
            if (story := self.story(number)) is not None:
                found.setdefault(story, []).append(number)
        return {story: posts for story, posts in found.items() if len(posts) >= STORY_FOR * ANGRY / 2}


@dataclass
class Plaza:
    """The place; its clock starts with the first question."""

    plan: Plan
    began_at: float = 0.0
    given: int = 0
    asked: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Think of what people say."""
        calm = [brand.name for brand in material.settings(CALM_BRANDS).brands]
        self.calm_brands = calm
        vocabulary = _vocabulary([*calm, *STORY_BRANDS])
        self._pool = [_calm(number, calm, vocabulary, self.plan.naming) for number in range(POOL)]

    def visible(self, now: float) -> int:
        """How many posts there are by now."""
        return max(0, min(self.plan.posts, int((now - self.began_at) * self.plan.rate))) if self.began_at else 0

    def visible_at(self, number: int) -> float:
        """When a post appears."""
        return self.began_at + (number + 1) / self.plan.rate

    def said(self, number: int) -> Said:
        """A post."""
        story = self.plan.story(number)
        if story is None:
            text = self._pool[number * 7919 % POOL]
        else:
            text = _angry(number, STORY_BRANDS[story], round(self.plan.rate / ANGRY))
        return Said(number, self.visible_at(number), text, f"author-{number * 31 % 50_021}")

    def page(self, after: int) -> bytes:
        """The next posts from a number on, as they are given."""
        now = time.time()
        with self._lock:
            self.began_at = self.began_at or now
            self.asked += 1
        until = min(self.visible(now), after + PAGE)
        with self._lock:
            self.given = max(self.given, until)
        return msgspec.json.encode([self.said(number) for number in range(after, until)])


def _calm(number: int, brands: list[str], vocabulary: list[str], naming: float) -> str:
    """What somebody says who is content or asks something, in words of their own; some name a company."""
    draw = random.Random(number)  # noqa: S311
    text = " ".join(draw.choices(vocabulary, k=10))
    return f"{draw.choice(brands)}: {text}" if draw.random() < naming else text


def _vocabulary(watched: list[str]) -> list[str]:
    """Words of calm sentences, and names of places that nobody watches."""
    said = {word for part in words.ORDINARY[1] for word in part.split()}
    taken = {word for name in watched for word in name.lower().split()}
    places = [name.split()[0].lower() for name in material.names(600, seed=11)]
    return sorted(said) + [place for place in places if place not in taken]


def _angry(number: int, brand: str, stride: int) -> str:
    one, two, three = words.OUTRAGE
    turn = number // max(1, stride)
    parts = one[turn % len(one)], two[turn * 5 % len(two)], three[turn * 7 % len(three)]
    return " ".join(parts).replace(words.BRAND, brand).replace("@norrvik", brand)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Give the posts after a number."""
        after = int(parse_qs(urlsplit(self.path).query).get("after", ["0"])[0])
        body = self.server.plaza.page(after)  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(plaza: Plaza) -> Iterator[str]:
    """The address of the place, while inside."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.plaza = plaza  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# -- the source --------------------------------------------------------------------------------------------------------


class Options(SourceOptions):
    """Keys of a `[[sources]]` table of type `benchmarks.trust_plaza`."""

    url: str
    """Where the place is served."""


@dataclass
class PlazaSource:
    """Reads the place page by page."""

    name: str
    url: str
    clock: Any

    @classmethod
    def of(cls, options: Options, context: SourceContext) -> Self:
        """As configured."""
        return cls(context.name, options.url, context.clock)

    def collect(self, cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        """What is there and was not read, oldest first."""
        after = int((cursor or {}).get("next", 0))
        line = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        try:
            while True:
                found = self._asked(line, after)
                after += len(found)
                now = self.clock()
                posts = [said.post(self.name, now) for said in found]
                yield Page({"next": after}, posts, requests=1, complete=len(found) < PAGE)
                if len(found) < PAGE:
                    return
        finally:
            line.close()

    def probe(self) -> str:
        """Whether it answers."""
        return f"{len(next(self.collect(None)).posts)} posts"

    def _asked(self, line: http.client.HTTPConnection, after: int) -> list[Said]:
        try:
            line.request("GET", f"/posts?after={after}")
            return msgspec.json.decode(line.getresponse().read(), type=list[Said])
        except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
            raise CollectorError(f"the plaza does not answer: {error}") from error


def build(options: Options, context: SourceContext) -> PlazaSource:
    """The source of a table."""
    return PlazaSource.of(options, context)
