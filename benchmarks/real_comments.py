"""Floods of comments in real comment servers: `python -m benchmarks.real_comments --isso PATH/TO/bin/isso`, or
`--wordpress /usr/share/wordpress`.

Isso is a server of its own, so it is installed apart (`python -m venv isso && isso/bin/pip install isso`; one of its
libraries is built with a C compiler, which is why the tests do not run it). It is started on loopback with a database
of its own; comments and answers are written by its interface, and read through the comment feed that an article of a
blog names. It prints what was written, what was read, and what the ledger says of the rest; the exit code is 1 when a
comment is neither read nor on the ledger, or has other words or another place than it was given.

WordPress is the one of Debian's packages; benchmarks/real_wordpress.py sets it up by itself, and says what is missing.
Its comments are read by comment feeds and by its interface, on a clock of their own that goes on between readings.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen
from xml.sax.saxutils import quoteattr

from benchmarks import real_wordpress
from benchmarks.real_wordpress import WordPress
from collectors import feeds
from collectors.contract import SourceContext
from config.settings import BrandSettings
from storage.records import Post, PostKind
from tests.collectors.scenario import Clock, Store
from tests.servers.web import Reply, WebServer

PATIENCE = 30.0
SHOWN = 100
"""Comments that Isso's feed shows, unless its address asks for more."""
CONFIGURATION = """
[general]
dbpath = {folder}/comments.db
host = {site}
[server]
listen = http://127.0.0.1:{port}
[guard]
enabled = false
[rss]
base = {site}
"""


@dataclass(frozen=True, slots=True)
class Leg:
    """So many comments, of which `between` are written from one reading to the next; every n-th is an answer."""

    name: str
    comments: int
    between: int
    answering: int = 3


@dataclass
class Isso:
    """The running server, and what was written there by threads: texts by the fragment that names them."""

    url: str
    written: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)

    def write(self, thread: str, count: int, answering: int) -> None:
        """Comments, every n-th of which answers the first of the thread."""
        known = self.written.setdefault(thread, {})
        for _ in range(count):
            answered = next(iter(known), "") if len(known) % answering == answering - 1 else ""
            text = f"Norrvik again, number {len(known)} & more"
            said: dict[str, object] = {"text": text, "title": "Recall", "author": "Ann"}
            if answered:
                said["parent"] = int(answered)
            body = json.dumps(said).encode()
            address = f"{self.url}/new?{urlencode({'uri': thread})}"
            with urlopen(Request(address, body, {"content-type": "application/json"})) as answer:  # noqa: S310  (ours)
                known[str(json.load(answer)["id"])] = (text, answered)

    def feed(self, thread: str) -> str:
        """Where its comments are read."""
        return f"{self.url}/feed?{urlencode({'uri': thread})}"


class Site(WebServer):
    """A blog with one article, whose feed says where its comments are."""

    comments: str = ""

    def answer(self, request: object) -> Reply:  # noqa: ARG002
        now = datetime.now(UTC).isoformat()
        entry = (
            f"<entry><id>{self.url}/recall</id><title>Norrvik recalls</title><updated>{now}</updated>"
            f"<link href={quoteattr(self.url + '/recall')}/>"
            f"<link rel='replies' type='application/atom+xml' href={quoteattr(self.comments)}/></entry>"
        )
        body = f"<feed xmlns='http://www.w3.org/2005/Atom'><title>Blog</title>{entry}</feed>".encode()
        return Reply(200, body, {"content-type": "application/atom+xml"})


@contextmanager
def running(command: str, site: Site) -> Iterator[Isso]:
    """Isso on a free port of loopback, in UTC: its feed writes the local time of its machine as if it were that."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        file = Path(folder, "isso.cfg")
        file.write_text(CONFIGURATION.format(folder=folder, site=site.url, port=port), encoding="utf-8")
        surroundings = {**os.environ, "TZ": "UTC"}
        process = subprocess.Popen([command, "-c", str(file), "run"], env=surroundings, stderr=subprocess.DEVNULL)
        try:
            _wait_for(port, process)
            yield Isso(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError, URLError), urlopen(f"http://127.0.0.1:{port}/info"):
            return
        time.sleep(0.1)
    raise SystemExit("Isso did not start; is the path that of its command?")


def flood(leg: Leg, isso: Isso, site: Site) -> bool:
    """Write and read in turns, and print what came of it; whether nothing was lost unsaid or read otherwise."""
    thread, store = f"/{leg.name.replace(' ', '-')}", Store()
    site.comments = isso.feed(thread)
    ports = [urlsplit(address).port or 80 for address in (isso.url, site.url)]
    options = feeds.Options.model_validate(
        {
            "feeds": [{"url": f"{site.url}/feed", "brand": "Norrvik"}],
            "allow_private_hosts": ["127.0.0.1"],
            "allow_ports": ports,
        }
    )
    source = feeds.build(options, SourceContext("blog", [BrandSettings(name="Norrvik")]))
    for done in range(0, leg.comments, leg.between):
        isso.write(thread, min(leg.between, leg.comments - done), leg.answering)
        store.run(source)
    read = {post.external_id.rpartition("/")[2]: post for post in store.posts.values() if post.kind is PostKind.COMMENT}
    known = isso.written[thread]
    odd = [name for name, post in read.items() if _is_otherwise(post.text, post.parent_id or "", *known[name])]
    missing = len(known) - len(read)
    print(
        f"{leg.name}: {len(known)} written, {len(read)} read, {len(odd)} with other words or in another place; "
        f"{missing} missing, {len(store.gaps)} gaps on the ledger",
        flush=True,
    )
    return not odd and (not missing or bool(store.gaps))


def _is_otherwise(text: str, parent: str, written: str, answered: str) -> bool:
    is_placed = parent.endswith(f"/{answered}") if answered else parent.endswith("/recall")
    return text != written or not is_placed


@dataclass(frozen=True, slots=True)
class BlogLeg(Leg):
    """A flood in a blog: read by its interface or by comment feeds, and how the blog is set up."""

    by_interface: bool = False
    in_pages: bool = False
    """Whether the blog shows its comments in pages, of which the addresses of comments tell."""
    drafted: bool = True
    """Whether the article was a draft before it was published, as editors have it and programs do not."""
    held: int = 0
    """Every so manieth comment waits for a moderator, who approves it an hour later."""


@dataclass
class Flood:
    """An article of the blog, and the comments there: words and answered comment by number."""

    blog: WordPress
    leg: BlogLeg
    clock: Clock
    article: int
    written: dict[int, tuple[str, int]] = field(default_factory=dict)
    waiting: list[tuple[datetime, int]] = field(default_factory=list)

    def write(self, count: int) -> None:
        """Comments, one a second, every third of which answers the first."""
        for _ in range(count):
            self.clock.advance(seconds=1)
            number = len(self.written)
            first = next(iter(self.written), 0) if number % self.leg.answering == self.leg.answering - 1 else 0
            is_held = self.leg.held > 0 and number % self.leg.held == self.leg.held - 1
            said = {"text": f"Norrvik again, number {number} & more", "parent": first, "approved": int(not is_held)}
            at = real_wordpress.written(self.clock())
            made = int(self.blog.do("comment", article=self.article, at=at, **said))
            self.written[made] = (str(said["text"]), first)
            if is_held:
                self.waiting.append((self.clock() + timedelta(hours=1), made))

    def approve(self) -> None:
        """What has waited for its hour is approved."""
        for _, comment in (item for item in self.waiting if item[0] <= self.clock()):
            self.blog.do("approve", comment=comment)
        self.waiting = [item for item in self.waiting if item[0] > self.clock()]


def flood_blog(leg: BlogLeg, blog: WordPress) -> bool:
    """Write and read in turns, and print what came of it; whether nothing was lost unsaid or read otherwise."""
    blog.do("clear")
    blog.do("set", name="page_comments", value=leg.in_pages)
    clock, store = Clock(datetime.now(UTC)), Store()
    there = Flood(blog, leg, clock, int(blog.do("article", drafted=leg.drafted)))
    table = {"url": f"{blog.url}/feed/", "brand": "Norrvik"}
    if leg.by_interface:
        table["wordpress"] = f"{blog.url}/wp-json"
    given = {"feeds": [table], "allow_private_hosts": ["127.0.0.1"], "allow_ports": [urlsplit(blog.url).port]}
    options = feeds.Options.model_validate(given)
    source = feeds.build(options, SourceContext("blog", [BrandSettings(name="Norrvik")], clock))
    for done in range(0, leg.comments, leg.between):
        there.write(min(leg.between, leg.comments - done))
        _read(there, store, source)
        _read(there, store, source)  # and once more, while nobody writes: the flood goes on after a pause
    while there.waiting:
        _read(there, store, source)
    for _ in range(7):  # what was approved last is read within the hour
        _read(there, store, source)
    return _tell(leg, there, store, {int(number) for number in blog.do("shown")})


def _read(there: Flood, store: Store, source: feeds.Feeds) -> None:
    there.clock.advance(minutes=10)
    there.approve()
    store.run(source)


def _tell(leg: BlogLeg, there: Flood, store: Store, shown: set[int]) -> bool:
    read = {int(post.external_id.rpartition("-")[2]): post for post in store.posts.values() if _is_comment(post)}
    article = next(post.external_id for post in store.posts.values() if not _is_comment(post))
    odd = 0
    for number, post in read.items():
        text, answered = there.written[number]
        above = read[answered].external_id if answered in read else f"#comment-{answered}"
        is_placed = (post.parent_id or "").endswith(above) if answered else post.parent_id == article
        odd += post.text != text or not is_placed or post.thread_id != article
    missing = len(shown - set(read))
    print(
        f"{leg.name}: the blog shows {len(shown)}, {len(read)} read, {odd} with other words or in another place; "
        f"{missing} missing, {len(store.gaps)} gaps on the ledger",
        flush=True,
    )
    return not odd and set(read) <= shown and (not missing or bool(store.gaps))


def _is_comment(post: Post) -> bool:
    return post.kind is PostKind.COMMENT


def _isso(command: str, count: int) -> bool:
    """Three floods: of fewer comments from one reading to the next than the feed shows, of more, and of answers."""
    legs = (
        Leg("read in time", count, SHOWN - 20),
        Leg("a burst between two readings", count, count // 2),
        Leg("answers alone", count, SHOWN - 20, answering=1),
    )
    with Site() as site, running(command, site) as isso:
        return sum(not flood(leg, isso, site) for leg in legs) == 0


def _wordpress(folder: Path, count: int) -> bool:
    """The same by comment feeds and by the interface, comments in pages, and comments that wait for a moderator."""
    legs = (
        BlogLeg("comment feed, read in time", count, 8),
        BlogLeg("comment feed, a burst between two readings", count, count // 2),
        BlogLeg("comment feed, comments in pages", count, 8, in_pages=True),
        BlogLeg("comment feed, approved late", count, 6, held=10),
        BlogLeg("interface, 80 between two readings", count, 80, by_interface=True),
        BlogLeg("interface, a burst between two readings", count, count // 2, by_interface=True),
        BlogLeg("interface, comments in pages", count, 80, by_interface=True, in_pages=True),
        BlogLeg("interface, published by a program", count, 80, by_interface=True, in_pages=True, drafted=False),
        BlogLeg("interface, approved late", count, 80, by_interface=True, held=10),
    )
    with real_wordpress.running(folder) as blog:
        blog.do("rules", structure="/%year%/%monthnum%/%postname%/")
        return sum(not flood_blog(leg, blog) for leg in legs) == 0


def main() -> int:
    """The floods of the servers that are given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--isso", help="the command of an Isso that is installed")
    parser.add_argument(
        "--wordpress", type=Path, help="the folder of WordPress's program (Debian: /usr/share/wordpress)"
    )
    parser.add_argument("--comments", type=int, default=300, help="comments of each flood")
    given = parser.parse_args()
    if not given.isso and not given.wordpress:
        parser.error("name a server: --isso or --wordpress")
    is_good = not given.isso or _isso(given.isso, given.comments)
    is_good &= not given.wordpress or _wordpress(given.wordpress, given.comments)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
