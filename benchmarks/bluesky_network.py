"""A Bluesky network on loopback, and the people there, for `benchmarks.real_bluesky`.

It is made of the packages that Bluesky's developers test with, which npm installs apart.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

PATIENCE = 120.0
PACKAGE = Path("node_modules", "@atproto", "dev-env")
NODE = 22
PASSWORD = "only-in-this-network"  # noqa: S105  (ours)
POST = "app.bsky.feed.post"
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63606060000000040001f61738550000000049454e44ae426082"
)
SCRIPT = """
import { createInterface } from 'node:readline'
const { TestNetwork } = await import(process.env.TOCSIN_NETWORK)
const network = await TestNetwork.create({ dbPostgresUrl: process.env.TOCSIN_DATABASE, dbPostgresSchema: 'tocsin' })
const say = (what) => process.stdout.write(JSON.stringify(what) + '\\n')
say({ url: network.pds.url })
for await (const _ of createInterface({ input: process.stdin })) {
  await network.processAll(60000)
  say({ indexed: true })
}
process.exit(0)
"""


@dataclass(frozen=True, slots=True)
class Ref:
    """A record by its address and what it holds."""

    uri: str
    cid: str

    @property
    def raw(self) -> dict[str, str]:
        """As the platform wants it."""
        return {"uri": self.uri, "cid": self.cid}


@dataclass
class Network:
    """The running network."""

    url: str
    process: subprocess.Popen[str]
    client: httpx.Client

    def call(self, name: str, token: str = "", *, content: Any = None, kind: str = "application/json") -> Any:
        """What a procedure answers."""
        body = content if isinstance(content, bytes) else json.dumps(content or {}).encode()
        headers = {"content-type": kind} | ({"authorization": f"Bearer {token}"} if token else {})
        answer = self.client.post(f"{self.url}/xrpc/{name}", content=body, headers=headers)
        if answer.is_error:
            raise SystemExit(f"the network refused {name}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else {}

    def person(self, name: str) -> Person:
        """A new account."""
        account = {"handle": f"{name}.test", "email": f"{name}@example.org", "password": PASSWORD}
        made = self.call("com.atproto.server.createAccount", content=account)
        return Person(self, made["did"], made["handle"], made["accessJwt"])

    def settle(self) -> None:
        """Wait until all that was written is indexed."""
        print(file=self.process.stdin, flush=True)
        _line(self.process)


@dataclass(frozen=True)
class Person:
    """An account, and what one does with it."""

    network: Network
    did: str
    handle: str
    token: str

    def make(self, collection: str, **fields: Any) -> Ref:
        """A new record."""
        record = {"$type": collection, "createdAt": datetime.now(UTC).isoformat(), **fields}
        asked = {"repo": self.did, "collection": collection, "record": record}
        made = self.network.call("com.atproto.repo.createRecord", self.token, content=asked)
        return Ref(made["uri"], made["cid"])

    def change(self, ref: Ref, text: str) -> None:
        """Put other words in the place of a post."""
        record = {"$type": POST, "createdAt": datetime.now(UTC).isoformat(), "text": text}
        asked = {"repo": self.did, "collection": POST, "rkey": ref.uri.rpartition("/")[2], "record": record}
        self.network.call("com.atproto.repo.putRecord", self.token, content=asked)

    def delete(self, uri: str) -> None:
        """Delete a post."""
        asked = {"repo": self.did, "collection": POST, "rkey": uri.rpartition("/")[2]}
        self.network.call("com.atproto.repo.deleteRecord", self.token, content=asked)

    def picture(self, words: str) -> dict[str, Any]:
        """A picture with its description, to be shown in a post."""
        blob = self.network.call("com.atproto.repo.uploadBlob", self.token, content=PIXEL, kind="image/png")["blob"]
        return {"$type": "app.bsky.embed.images", "images": [{"alt": words, "image": blob}]}


def node_of(folder: Path) -> str:
    """The Node that was installed beside the network, or the machine's."""
    beside = folder / "node_modules" / "node" / "bin" / "node"
    return str(beside) if beside.exists() else shutil.which("node") or ""


def missing(folder: Path, redis: str, programs: Path) -> list[str]:
    """What is not there."""
    lacking = []
    if not (folder / PACKAGE / "dist" / "index.js").exists():
        lacking.append(f"{folder / PACKAGE} (npm install @atproto/dev-env)")
    node = node_of(folder)
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout if node else ""
    if not told or int(told.strip().lstrip("v").partition(".")[0]) < NODE:
        lacking.append(f"Node {NODE} or later, where there is {told.strip() or 'none'} (npm install node@{NODE})")
    if not shutil.which(redis):
        lacking.append(f"{redis} (Debian's package redis-server, or --redis PATH)")
    if not (programs / "initdb").exists():
        lacking.append(f"{programs / 'initdb'} (Debian's package postgresql-15, or --postgresql FOLDER)")
    return lacking


@contextmanager
def running(folder: Path, redis: str, programs: Path) -> Iterator[Network]:
    """The network in a folder of its own, with its database."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        place.chmod(0o755)
        script = place / "network.mjs"
        script.write_text(SCRIPT, encoding="utf-8")
        port = _free_port()
        stack.enter_context(_process([redis, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", place]))
        surroundings = {
            **os.environ,
            "REDIS_HOST": f"127.0.0.1:{port}",
            "TOCSIN_DATABASE": stack.enter_context(_database(place, programs)),
            "TOCSIN_NETWORK": (folder.resolve() / PACKAGE / "dist" / "index.js").as_uri(),
            "LOG_ENABLED": "false",
            "TMPDIR": str(place),
        }
        process = stack.enter_context(_process([node_of(folder), script], env=surroundings))
        client = stack.enter_context(httpx.Client(trust_env=False, timeout=PATIENCE))
        yield Network(_line(process)["url"], process, client)


@contextmanager
def _process(
    command: Sequence[str | Path], env: dict[str, str] | None = None, user: str | None = None
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, env=env, user=user, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)  # PostgreSQL waits for its clients at a SIGTERM
        process.wait()


@contextmanager
def _database(place: Path, programs: Path) -> Iterator[str]:
    """A PostgreSQL that listens on a socket in its folder alone; it refuses to be run by root."""
    data = place / "postgresql"
    data.mkdir(mode=0o700)
    user = "nobody" if os.getuid() == 0 else None
    if user is not None:
        shutil.chown(data, user)
    made: list[str | Path] = [
        programs / "initdb",
        "-D",
        data,
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-sync",
    ]
    subprocess.run(made, check=True, user=user, stdout=subprocess.DEVNULL)
    options = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "log_min_messages=panic"]
    with _process([programs / "postgres", "-D", data, "-k", data, *options], user=user):
        ready: list[str | Path] = [programs / "pg_isready", "-q", "-h", data, "-U", "postgres"]
        until = time.monotonic() + PATIENCE
        while subprocess.run(ready, check=False, user=user).returncode and time.monotonic() < until:
            time.sleep(0.1)
        yield f"postgresql://postgres@localhost/postgres?host={data}"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _line(process: subprocess.Popen[str]) -> Any:
    """The next line of JSON that the network says."""
    for line in process.stdout or ():
        if line.startswith("{"):
            return json.loads(line)
    raise SystemExit("the network ended; what it said last stands above")
