"""Connections that end with their deadline, whatever the other side does.

Name look-ups, unanswered connection attempts, TLS handshakes and servers that drip a byte at a time are all bounded by
the one deadline: a watch shuts the socket down when it passes, and a blocked read or write then ends at once.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from alerts.deadline import Deadline

LONGEST_RETRY_AFTER = 3600.0


def connect(host: str, port: int, deadline: Deadline) -> socket.socket:
    """A connection to the first address of `host` that answers; `OSError` when none does in time.

    Each address gets its share of the time left, so that one which swallows packets leaves some for the next.
    """
    addresses = look_up(host, port, deadline)
    failure: OSError = OSError(f"{host} has no address")
    for number, (family, address) in enumerate(addresses):
        attempt = socket.socket(family, socket.SOCK_STREAM)
        try:
            attempt.settimeout(deadline.require() / (len(addresses) - number))
            attempt.connect(address)
        except OSError as error:
            attempt.close()
            failure = error
        else:
            attempt.settimeout(None)
            return attempt
    raise failure


def look_up(host: str, port: int, deadline: Deadline) -> list[tuple[int, Any]]:
    """The addresses of a name; `OSError` when there is none, `TimeoutError` when the resolver does not answer in time.

    The system's resolver cannot be interrupted, so it is asked in a thread that is left behind when it hangs.
    """
    found: list[tuple[int, Any]] = []
    failed: list[OSError] = []

    def ask() -> None:
        try:
            found.extend((entry[0], entry[4]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            failed.append(error)

    asking = threading.Thread(target=ask, name="look-up", daemon=True)
    asking.start()
    asking.join(deadline.require())
    if failed:
        raise failed[0]
    if asking.is_alive():
        raise TimeoutError(f"the name {host} could not be looked up in time")
    return found


def secure(connection: socket.socket, host: str, context: ssl.SSLContext, deadline: Deadline) -> ssl.SSLSocket:
    """TLS over a connection, with the certificate checked against `host`; `OSError` when that fails."""
    secured = context.wrap_socket(connection, server_hostname=host, do_handshake_on_connect=False)
    try:
        with watched(lambda: secured, deadline):
            secured.do_handshake()
    except (OSError, ValueError):
        secured.close()
        raise
    return secured


@contextmanager
def watched(current: Callable[[], socket.socket | None], deadline: Deadline) -> Iterator[None]:
    """While inside, shut the current socket down when the deadline passes; what blocks on it then ends.

    `current` is asked at that moment, since TLS puts another socket in the place of the first.
    """

    def shut() -> None:
        connection = current()
        if connection is not None:
            try:
                # Not SSLSocket.shutdown, which pulls the TLS state from under the thread that is reading.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            except OSError:
                return  # it is closed already

    timer = threading.Timer(deadline.require(), shut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a `Retry-After` asks for, between 0 and an hour; `None` where it says nothing that can be read."""
    if value is None:
        return None
    try:
        seconds = float(value) if value.strip().replace(".", "", 1).isdigit() else _until(value, now)
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER)


def _until(value: str, now: datetime) -> float:
    at = parsedate_to_datetime(value)
    return (at if at.tzinfo else at.replace(tzinfo=now.tzinfo)).timestamp() - now.timestamp()
