"""Feeds parsers, the configuration, the query language, the matcher and the renderers with what nobody would write.

    python -m benchmarks.fuzz --seconds 60                   every target, the seconds shared among them
    python -m benchmarks.fuzz --seconds 600 --target rows    one
    python -m benchmarks.fuzz_guided rows --seconds 600      with inputs that atheris chooses

Each target takes bytes and must come back: with a result, or with the refusal that it is known by. Anything else, and
an input that takes longer than a second of the processor, is a finding: it is printed, kept in a folder that is named,
and ends the run with 1.
Inputs are mutated from the corpus of our own (tests/fuzz/corpus), by chance.

Prints one line of JSON a target: inputs tried, findings, the slowest input in milliseconds, and memory at its highest.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from alerts.page import BRIEF, Page, Quote
from alerts.render import discord, html, line, plain, slack, sms, teams, telegram
from alerts.slack_requests import payload_of
from alerts.slack_requests import read as read_press
from benchmarks.trust_sim import silence_the_log
from collectors import feed_entries, feed_reader, files, mails, webhook_posts
from collectors.contract import CollectorError
from collectors.moments import read_moment
from collectors.plain import plain_text
from config.load import load
from config.problems import ConfigurationError
from config.settings import BrandSettings
from monitor.counts import CountsError, read_counts
from monitor.kinds import Taxonomy
from monitor.matching.matcher import Matcher
from storage import search
from storage.database import Database
from storage.ingest import Intake, write
from storage.keys import content_key
from storage.records import IncidentState, Post, Reason, Severity

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CORPUS = Path(__file__).parent.parent / "tests" / "fuzz" / "corpus"
SLOW = 1.0
"""Seconds of the processor from which an input is a finding: on a busy machine everything takes longer than that."""
LONGEST = 20_000
PIECES = (
    b"\x00", b"\xff", b"\r\n", b'"', b"\\", b"{", b"]", b"<", b"&#0;", b"]]>", b"<!--", b"\xef\xbb\xbf",
    b"\xe2\x80\xae", b"9" * 40, b"-1", b"1e999", b"NaN", b"null", b"\xed\xa0\x80", b"%00", b"=cmd",
    b"\xf0\x9f\x91\xa8\xe2\x80\x8d",
)  # fmt: skip

Target = Callable[[bytes], object]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _file(name: str, data: bytes) -> Path:
    path = _folder() / name
    path.write_bytes(data)
    return path


@cache
def _folder() -> Path:
    memory = Path("/dev/shm")  # noqa: S108  (a folder of our own below it)
    return Path(tempfile.mkdtemp(prefix="tocsin-fuzz-", dir=memory if memory.is_dir() else None))


# -- Targets -----------------------------------------------------------------------------------------------------------


def feed(data: bytes) -> None:
    """A feed of any sort, to its entries and posts."""
    answer = feed_reader.read_feed(data, "application/rss+xml")
    for entry in answer.get("entries", ()):
        with contextlib.suppress(ValueError):
            found = feed_entries.readable(entry, host="a.example", source="feeds", now=NOW, language=None)
            _storable(found.article((), NOW.timestamp()))


def rows(data: bytes) -> None:
    """A file of JSON lines."""
    _read("x.jsonl", data)


def table(data: bytes) -> None:
    """A file of CSV."""
    _read("x.csv", data)


def packed(data: bytes) -> None:
    """A packed file."""
    _read("x.jsonl.zst", data)
    _read("x.jsonl.gz", data)


def _read(name: str, data: bytes) -> None:
    with contextlib.suppress(CollectorError):
        for read in files.read([_file(name, data)]):
            if isinstance(read, Post):
                _storable(read)


def counts(data: bytes) -> None:
    """A file of counts."""
    with contextlib.suppress(CountsError):
        read_counts(_file("x-counts.csv", data))


def configuration(data: bytes) -> None:
    """The configuration."""
    with contextlib.suppress(ConfigurationError):
        load(_file("tocsin.toml", data), complete=False)


def query(data: bytes) -> None:
    """What a person searches for."""
    with _searched().read() as tx:
        search.search(tx, _text(data)[:500])


@cache
def _searched() -> Database:
    database = Database.open("sqlite://")
    with database.write() as tx:
        write(tx, Intake(posts=[Post("plaza", "1", NOW, "Halden Mobile is late again", title="Late")]))
    return database


def mail(data: bytes) -> None:
    """A mail."""
    message = mails.parsed(data)
    mails.is_automatic(message)
    mails.digest_of(message)
    mails.subject_of(message).encode()
    mails.text_of(message).encode()


def handed_in(data: bytes) -> None:
    """A signed message with posts."""
    try:
        letters = webhook_posts.message_of(data, ["Halden Mobile"])
    except webhook_posts.MessageError:
        return
    for letter in letters:
        with contextlib.suppress(ValueError):
            _storable(webhook_posts.handed_post(letter, "handed", NOW))


def press(data: bytes) -> None:
    """What Slack sends when somebody presses a button."""
    payload = payload_of(data)
    if payload is not None:
        read_press(payload)


def moment(data: bytes) -> None:
    """A point in time, in any notation."""
    with contextlib.suppress(ValueError):
        assert read_moment(_text(data)).tzinfo is not None  # noqa: S101


def markup(data: bytes) -> None:
    """Markup, to the words that people read."""
    plain_text(_text(data)).encode()


def matcher(data: bytes) -> None:
    """A post, to the brands it names, the kinds of harm it speaks of, and its key."""
    text = _text(data)
    _matcher().match(Post("plaza", "1", NOW, text, title=text[:100]))
    _taxonomy().kinds(text, "en")
    content_key(text)


@cache
def _matcher() -> Matcher:
    brand = {
        "name": "Halden Mobile", "aliases": ["Halden", "H&M", "C++"], "handles": ["@halden"], "hashtags": ["#halden"],
        "tickers": ["$HLDN"], "people": ["Ada Lindqvist"], "context": ["phone"], "ambiguous": True,
    }  # fmt: skip
    return Matcher([BrandSettings.model_validate(brand), BrandSettings(name="東京電力"), BrandSettings(name="Ümit")])


@cache
def _taxonomy() -> Taxonomy:
    return Taxonomy.build()


def render(data: bytes) -> None:
    """A page in which a stranger wrote everything, in every form; what it is about changes from input to input."""
    said = _pages(_text(data)[:4000])[len(data) % 5]
    slack.root(said)
    slack.reply(said)
    html.html(said)
    plain.plain(said)
    line.line(said)
    discord.embed(said, "r1")
    teams.card(said, "r1")
    telegram.text(said, "r1")
    sms.text(said, "r1")
    sms.speech(said)


def _pages(text: str) -> tuple[Page, ...]:
    quote = Quote(text, text, NOW, author=text, url=f"https://x.example/{text}", title=text, answers=text)
    page = Page(
        headline=text or "x", brand=text or "x", severity=Severity.CRITICAL, reason=Reason.OPENED, incident_id="01HX",
        at=NOW, began_at=NOW, kind=text, why=(text,), changed=(text,), notes=(text,), quotes=(quote,), origin=quote,
        terms=(text,), acknowledged_by=text,
    )  # fmt: skip
    over = replace(page, reason=Reason.RESOLVED, state=IncidentState.RESOLVED, resolved_at=NOW)
    brief = replace(page, kind=BRIEF, why=(f"{text}: {text}", text))
    return page, replace(page, reason=Reason.UPDATE), over, brief, replace(page, entries=(page, over))


def _storable(post: Post) -> None:
    """No half pair of surrogates, and no moment without a zone, may come out of a parser."""
    for words in (post.text, post.title, post.external_id, post.author or "", post.url or ""):
        words.encode()
    assert post.created_at.tzinfo is not None  # noqa: S101


_ALL: tuple[Any, ...] = (
    feed, rows, table, packed, counts, configuration, query, mail, handed_in, press, moment, markup, matcher, render,
)  # fmt: skip
TARGETS: dict[str, Target] = {one.__name__: one for one in _ALL}


# -- Running them ------------------------------------------------------------------------------------------------------


@dataclass
class Finding:
    """An input that did what none may."""

    digest: str
    what: str


@dataclass
class Result:
    """What came of one target."""

    target: str
    inputs: int = 0
    findings: list[Finding] = field(default_factory=list)
    slowest_ms: float = 0.0
    peak_mb: float = 0.0


def seeds(name: str) -> list[bytes]:
    """The corpus of a target, and an empty input."""
    return [b"", *(path.read_bytes() for path in sorted((CORPUS / name).glob("*")))]


def mutated(data: bytes, others: Sequence[bytes], luck: random.Random) -> bytes:
    """The input with a few changes by chance."""
    found = bytearray(data)
    for _ in range(luck.randint(1, 6)):
        at, size = luck.randint(0, len(found)), luck.randint(1, 12)
        match luck.randrange(7):
            case 0:
                found[at : at + size] = b""
            case 1:
                found[at:at] = luck.choice(PIECES)
            case 2:
                found[at : at + 1] = bytes([luck.randrange(256)])
            case 3:
                found[at:at] = found[at : at + size] * luck.choice((2, 3, 50))
            case 4:
                other = luck.choice(others)
                begin = luck.randint(0, len(other))
                found[at:at] = other[begin : begin + luck.randint(1, 60)]
            case 5:
                found[at : at + size] = bytes(reversed(found[at : at + size]))
            case _:
                found = found[:at] if luck.random() < 0.2 else found
    return bytes(found[:LONGEST])


def inputs(name: str, luck: random.Random) -> Iterator[bytes]:
    """The corpus, then mutations of it without end."""
    known = seeds(name)
    yield from known
    while True:
        yield mutated(luck.choice(known), known, luck)


def tried(name: str, data: bytes, result: Result) -> None:
    """Give one input to a target and note what came of it."""
    began = time.process_time()
    what = ""
    try:
        TARGETS[name](data)
    except Exception as error:  # noqa: BLE001  (that is what is looked for)
        what = f"{type(error).__name__}: {error}"
    took = time.process_time() - began
    result.inputs += 1
    result.slowest_ms = max(result.slowest_ms, round(took * 1000, 1))
    if took > SLOW and not what:
        what = f"it took {took:.1f} s"
    if what:
        result.findings.append(Finding(sha256(data).hexdigest()[:16], what[:300]))
        (_folder() / f"{name}-{result.findings[-1].digest}").write_bytes(data)


def run(name: str, seconds: float, seed: int = 1) -> Result:
    """Mutate inputs of a target for so long."""
    result, end = Result(name), time.monotonic() + seconds
    for data in inputs(name, random.Random(f"{name} {seed}")):  # noqa: S311
        tried(name, data, result)
        if time.monotonic() >= end or len(result.findings) >= 20:
            break
    result.peak_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print a line of JSON for each target; 1 when there was a finding."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60, help="for all targets together")
    parser.add_argument("--target", choices=sorted(TARGETS), help="one of them; all otherwise")
    parser.add_argument("--seed", type=int, default=1)
    chosen: Any = parser.parse_args(arguments)
    silence_the_log()
    names = [chosen.target] if chosen.target else sorted(TARGETS)
    found = 0
    for name in names:
        result = run(name, chosen.seconds / len(names), chosen.seed)
        print(json.dumps(asdict(result)), flush=True)
        found += len(result.findings)
    if found:
        print(f"inputs are in {_folder()}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
