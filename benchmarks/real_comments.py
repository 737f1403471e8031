"""Floods of comments in a real comment server: `python -m benchmarks.real_comments --isso PATH/TO/bin/isso`.

Isso is a server of its own, so it is installed apart (`python -m venv isso && isso/bin/pip install isso`; one of its
libraries is built with a C compiler, which is why the tests do not run it). It is started on loopback with a database
of its own; comments and answers are written by its interface, and read through the comment feed that an article of a
blog names. It prints what was written, what was read, and what the ledger says of the rest; the exit code is 1 when a
comment is neither read nor on the ledger, or has other words or another place than it was given.
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
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen
from xml.sax.saxutils import quoteattr

from collectors import feeds
from collectors.contract import SourceContext
from config.settings import BrandSettings
from storage.records import PostKind
from tests.collectors.scenario import Store
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


def main() -> int:
    """Three floods: of fewer comments from one reading to the next than the feed shows, of more, and of answers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--isso", required=True, help="the command of an Isso that is installed")
    parser.add_argument("--comments", type=int, default=300, help="comments of each flood")
    given = parser.parse_args()
    count: int = given.comments
    legs = (
        Leg("read in time", count, SHOWN - 20),
        Leg("a burst between two readings", count, count // 2),
        Leg("answers alone", count, SHOWN - 20, answering=1),
    )
    with Site() as site, running(given.isso, site) as isso:
        return 0 if sum(not flood(leg, isso, site) for leg in legs) == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
