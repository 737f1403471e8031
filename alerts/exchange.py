"""One HTTP request and its answer, with what a failure means for the message that it carried.

Nothing is tried again and no redirect is followed. Until the first byte of the request is written a failure means that
nothing was delivered; after it, that the message may have arrived.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from socket import socket
from urllib.parse import SplitResult, quote, urlsplit

from alerts.channels.contract import ChannelError, Outcome
from alerts.deadline import Deadline
from alerts.faults import fault_point
from alerts.transport import connect, retry_after, secure, watched

LARGEST_ANSWER = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said: its headers' names in lower case, its body cut where it was too long."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def exchange(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    deadline: Deadline,
    *,
    method: str = "POST",
    proxy: str = "",
    most: int = LARGEST_ANSWER,
) -> Answer:
    """Send one request and read its answer, whatever its status.

    Raises `ChannelError`: not delivered while no byte was written, ambiguous from then on. `proxy` is the address of an
    HTTP proxy to go through, `most` the bytes of the answer that are read.
    """
    address = urlsplit(url)
    try:
        connection = _connected(address, deadline, proxy)
    except (OSError, ValueError, HTTPException) as error:
        raise ChannelError(f"no connection to {address.netloc}: {_said(error)}", Outcome.NOT_DELIVERED) from error
    try:
        return _exchanged(connection, address, body, headers, deadline, method, most)
    finally:
        connection.close()


def _exchanged(
    connection: socket,
    address: SplitResult,
    body: bytes,
    headers: Mapping[str, str],
    deadline: Deadline,
    method: str,
    most: int,
) -> Answer:
    client = HTTPConnection(address.hostname or "", address.port or None)
    client.sock = connection
    with ExitStack() as stack:
        try:
            stack.enter_context(watched(lambda: connection, deadline))
        except TimeoutError as error:
            raise ChannelError(f"{address.netloc} was reached too late", Outcome.NOT_DELIVERED) from error
        try:
            path = f"{address.path or '/'}{f'?{address.query}' if address.query else ''}"
            client.request(method, path, body, {"Connection": "close", **headers})
            fault_point("S2")
            with client.getresponse() as response:
                answer = _read(response, most)
        except (OSError, ValueError, HTTPException) as error:
            said = "did not answer in time" if deadline.remaining() <= 0 else f"broke off: {_said(error)}"
            raise ChannelError(f"{address.netloc} {said}", Outcome.AMBIGUOUS) from error
    fault_point("S3")
    return answer


def _read(response: HTTPResponse, most: int) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    body = response.read(most)
    if response.length and len(body) < most:  # http.client tells of this only to those who read without a limit
        raise IncompleteRead(body, response.length)
    return Answer(response.status, headers, body)


def redacted(text: str, secrets: Sequence[str]) -> str:
    """The text without the secrets in it, as they are or as an address writes them: a server may echo what it got."""
    for secret in secrets:
        for form in {secret, quote(secret, safe=""), quote(secret)} - {""}:
            text = text.replace(form, "***")
    return text


def require_success(answer: Answer, name: str, now: datetime, secrets: Sequence[str] = ()) -> Answer:
    """The answer where its status is a success; else `ChannelError` with what the status means for the message."""
    if 200 <= answer.status < 300:
        return answer
    words = redacted(answer.body.decode("utf-8", "replace"), secrets)
    said = f"{name} answered {answer.status}: {words[:200]}".rstrip(": ")
    wait = retry_after(answer.headers.get("retry-after"), now)
    if answer.status in (408, 425, 429):
        raise ChannelError(said, Outcome.NOT_DELIVERED, retry_after=wait)
    if answer.status >= 500:
        raise ChannelError(said, Outcome.AMBIGUOUS, retry_after=wait)
    if answer.status in (401, 403, 404, 410) or answer.status < 400:
        raise ChannelError(f"{said}; check its address and credentials", Outcome.BROKEN, whole_channel=True)
    raise ChannelError(said, Outcome.REFUSED)


def _connected(address: SplitResult, deadline: Deadline, proxy: str) -> socket:
    host = address.hostname or ""
    is_secure = address.scheme == "https"
    port = address.port or (443 if is_secure else 80)
    connection = _tunnel(host, port, urlsplit(proxy), deadline) if proxy else connect(host, port, deadline)
    return secure(connection, host, _tls(), deadline) if is_secure else connection


def _tunnel(host: str, port: int, proxy: SplitResult, deadline: Deadline) -> socket:
    connection = connect(proxy.hostname or "", proxy.port or 3128, deadline)
    try:
        with watched(lambda: connection, deadline):
            connection.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode("latin-1"))
            with HTTPResponse(connection, method="CONNECT") as response:
                response.begin()
    except (OSError, ValueError, HTTPException):
        connection.close()
        raise
    if response.status != 200:
        connection.close()
        raise OSError(f"the proxy {proxy.netloc} answered {response.status}")
    return connection


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
