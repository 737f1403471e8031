"""The one way out for addresses that users, feeds or redirects have a say in.

A feed's address comes from a person, its comment feed's from the feed, a redirect's from a stranger: none of them may
make this program read the inside of the network that it runs in. So a name is resolved once, every address it has must
be public, and the connection goes to an address that was checked (a second look-up could answer otherwise: DNS
rebinding). Redirects are followed by hand, at most three, and each is checked like the first. Proxies of the
environment are not used. Bodies are read to a limit after decompression, within one deadline for all of it.

A host of the operator's own network is allowed by naming it (`allow_private_hosts`).
"""

from __future__ import annotations

import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpcore
import httpx

from collectors.addresses import is_public
from collectors.answers import refusal
from collectors.contract import CollectorError

_REDIRECTS = {301, 302, 303, 307, 308}
_CHUNK = 64 * 1024


class EgressError(CollectorError):
    """The address is not one that may be read."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


@dataclass(frozen=True, slots=True)
class EgressRules:
    """What may be read: `allow_private_hosts` by name, `ports` elsewhere, `max_bytes` decoded, within `deadline` s."""

    allow_private_hosts: frozenset[str] = frozenset()
    ports: frozenset[int] = frozenset({80, 443})
    max_bytes: int = 8 * 1024 * 1024
    deadline: float = 30.0
    max_redirects: int = 3

    @classmethod
    def trusting(cls, *urls: str, max_redirects: int = 3) -> EgressRules:
        """Rules for services whose address the operator alone decides: their hosts may resolve to anything."""
        hosts = frozenset(urlsplit(url).hostname or "" for url in urls)
        return cls(allow_private_hosts=hosts, max_redirects=max_redirects)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said: `url` is where it said so, after redirects, and `body` is decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


@dataclass
class Egress:
    """Fetches by the rules. `resolve` and `monotonic` are those of the standard library unless a test gives others."""

    rules: EgressRules
    clock: Callable[[], datetime]
    resolve: Callable[..., Iterable[Any]] = socket.getaddrinfo
    monotonic: Callable[[], float] = time.monotonic
    timeout: float = 10.0
    requests: int = field(default=0, init=False)
    """How many requests have gone out, redirects included."""
    _client: httpx.Client | None = field(default=None, init=False, repr=False)
    _ends_at: float = field(default=0.0, init=False, repr=False)

    @contextmanager
    def session(self) -> Iterator[Egress]:
        """Keep connections for the fetches inside, and close them after."""
        with httpx.Client(transport=_Transport(self), trust_env=False, timeout=self.timeout) as client:
            self._client = client
            try:
                yield self
            finally:
                self._client = None

    def fetch(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        service: str | None = None,
        body: bytes | None = None,
        judge: Callable[[Answer], CollectorError | None] | None = None,
    ) -> Answer:
        """The answer of `url`, redirects followed; statuses of 400 and more raise `CollectorError` in words.

        With a `body` it is a POST. `judge` may know more of an answer than its status says, and is asked first.

        Raises `EgressError` for an address that may not be read, and `CollectorError` where the server cannot be
        reached, does not finish in time, or sends more than the limit.
        """
        self._ends_at = self.monotonic() + self.rules.deadline
        for _ in range(self.rules.max_redirects + 1):
            answer = self._one(url, headers or {}, body)
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or location is None:
                problem = judge(answer) if judge is not None else None
                if problem is not None:
                    raise problem
                return self._accepted(answer, service or host_of(url))
            url = urljoin(url, location)
        raise CollectorError(f"{host_of(url)} redirected more than {self.rules.max_redirects} times")

    def _accepted(self, answer: Answer, service: str) -> Answer:
        error = refusal(answer.status, answer.headers, service=service, now=self.clock())
        if error is not None:
            raise error
        return answer

    def _one(self, url: str, headers: Mapping[str, str], content: bytes | None) -> Answer:
        if self._client is None:
            raise RuntimeError("fetch is called inside `with egress.session()`")
        self.check(url)
        self.requests += 1
        sent = {"accept-encoding": "gzip, deflate", "user-agent": "tocsin", **headers}
        try:
            method = "GET" if content is None else "POST"
            with self._client.stream(method, url, headers=sent, content=content) as response:
                body = self._body(response)
                return Answer(response.status_code, response.headers, body, url)
        except httpx.InvalidURL as error:
            raise EgressError(f"{url!r:.200} is no address that can be read: {error}") from error
        except UnicodeError as error:  # a redirect to a name that cannot be one, a token with signs of no header
            raise CollectorError(f"{host_of(url)} cannot be asked so: {error}") from error
        except httpx.HTTPError as error:
            if isinstance(error, httpx.TimeoutException):
                self.time_left(host_of(url))  # that may be what has run out
            raise CollectorError(f"{host_of(url)} could not be read: {error or type(error).__name__}") from error

    def _body(self, response: httpx.Response) -> bytes:
        host = host_of(str(response.url))
        unpacking = _Unpacking(response.headers.get("content-encoding", ""), host)
        parts: list[bytes] = []
        room = self.rules.max_bytes
        for chunk in response.iter_raw(_CHUNK):
            part = unpacking.unpack(chunk, room + 1)
            room -= len(part)
            parts.append(part)
            if room < 0:
                raise CollectorError(f"{host} sent more than {self.rules.max_bytes} bytes")
            self.time_left(host)
        unpacking.finish(empty=not parts)
        return b"".join(parts)

    def time_left(self, host: str) -> float:
        """Seconds that are left for what is fetched."""
        left = self._ends_at - self.monotonic()
        if left <= 0:
            raise CollectorError(f"{host} did not finish within {self.rules.deadline:g} s")
        return left

    def check(self, url: str) -> None:
        """Refuse what can be refused by the look of the address; what it resolves to is checked on connecting."""
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError as error:
            raise EgressError(f"{url!r:.200} is no address: {error}") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise EgressError(f"{url!r:.200} is not an http or https address")
        if parts.username is not None or parts.password is not None:
            raise EgressError(f"the address at {parts.hostname} carries credentials; leave them out")
        if port not in self.rules.ports and parts.hostname not in self.rules.allow_private_hosts:
            raise EgressError(
                f"{parts.hostname} is to be read on port {port}; name the host in allow_private_hosts to do so"
            )

    def checked_address(self, host: str, port: int) -> str:
        """The address to connect to for `host`: its first one, when all of them may be read."""
        try:
            found = [entry[4][0] for entry in self.resolve(host, port, type=socket.SOCK_STREAM)]
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"the name {host} does not resolve ({error})") from error
        if host not in self.rules.allow_private_hosts:
            private = [address for address in found if not is_public(address)]
            if private or not found:
                raise EgressError(
                    f"{host} leads to {', '.join(private) or 'nowhere'}, which is not a public address; "
                    "name the host in allow_private_hosts if it is yours"
                )
        return str(found[0])


def host_of(url: str) -> str:
    """The host that `url` names, for messages; the beginning of the text where it names none."""
    try:
        return urlsplit(url).hostname or url[:100]
    except ValueError:
        return url[:100]


class _Backend(httpcore.SyncBackend):
    """Connects to addresses that were checked, so that no second look-up can lead elsewhere."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        address = self._egress.checked_address(host, port)
        line = super().connect_tcp(address, port, timeout, local_address, socket_options)
        return _Line(line, partial(self._egress.time_left, host))

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        raise EgressError("a Unix socket is no place to read posts from")


class _Line(httpcore.NetworkStream):
    """A connection on which nothing is waited for beyond the deadline.

    httpx waits so long for each read, however little came: one letter every nine seconds holds it up for days.
    """

    def __init__(self, line: httpcore.NetworkStream, time_left: Callable[[], float]) -> None:
        self._line = line
        self._time_left = time_left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._line.read(max_bytes, self._within(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._line.write(buffer, self._within(timeout))

    def close(self) -> None:
        self._line.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Line(self._line.start_tls(ssl_context, server_hostname, self._within(timeout)), self._time_left)

    def get_extra_info(self, info: str) -> Any:
        return self._line.get_extra_info(info)

    def _within(self, timeout: float | None) -> float:
        left = self._time_left()
        return left if timeout is None else min(timeout, left)


class _Transport(httpx.HTTPTransport):
    """httpx over the guarded backend (its constructor takes none, so the pool is put in place here)."""

    def __init__(self, egress: Egress) -> None:
        context = _certificates()
        super().__init__(verify=context, trust_env=False)
        self._pool.close()
        self._pool = httpcore.ConnectionPool(ssl_context=context, network_backend=_Backend(egress))


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: it takes longer than most requests."""
    return httpx.create_ssl_context()


class _Unpacking:
    """Decompresses chunks without ever holding more than asked for: a small body may unpack to gigabytes."""

    def __init__(self, encoding: str, host: str) -> None:
        name = encoding.strip().lower()
        if name not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise CollectorError(f"{host} packed its answer as {encoding!r:.40}, which was not asked for")
        self._host = host
        self._stream = None if name in ("", "identity") else zlib.decompressobj(wbits=47)  # 47: zlib or gzip

    def unpack(self, chunk: bytes, room: int) -> bytes:
        """At most `room` bytes of what `chunk` holds."""
        if self._stream is None:
            return chunk
        try:
            return self._stream.decompress(chunk, max(room, 1))
        except zlib.error as error:
            raise CollectorError(f"{self._host} sent a damaged body: {error}") from error

    def finish(self, *, empty: bool) -> None:
        """Notice a body that ended too early."""
        if self._stream is not None and not self._stream.eof and not empty:
            raise CollectorError(f"{self._host} sent a body that was cut short")
