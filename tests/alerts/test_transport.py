"""Every connection ends with its deadline, and a failure says whether the message may have arrived."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import transport
from alerts.channels.contract import ChannelError, Outcome
from alerts.deadline import Deadline
from alerts.exchange import Answer, exchange, require_success
from alerts.transport import retry_after
from tests.alerts.examples import NOW

SHORT = 0.4
GRACE = 2.0
"""Seconds that a busy machine may add."""


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does `serve` with each connection; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        over = threading.Event()

        def accept() -> None:
            while not over.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(GRACE)
                    try:
                        serve(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/path?q=1"
        finally:
            over.set()
            thread.join()


def read_request(connection: socket.socket) -> bytes:
    """What has come, at least the head of a request."""
    got = piece = connection.recv(65536)
    while piece and b"\r\n\r\n" not in got:
        piece = connection.recv(65536)
        got += piece
    return got


def drip(connection: socket.socket) -> None:
    read_request(connection)
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + b"x" * 9999:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def stay_silent(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def answer(text: bytes) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(text)

    return serve


@pytest.mark.parametrize("serve", [drip, stay_silent])
def test_a_server_that_drips_or_says_nothing_is_left_at_the_deadline_in_doubt(
    serve: Callable[[socket.socket], None],
) -> None:
    with listening(serve) as url:
        began = time.monotonic()
        with pytest.raises(ChannelError, match="did not answer in time") as raised:
            exchange(url, b"{}", {}, Deadline(SHORT))
        assert raised.value.outcome is Outcome.AMBIGUOUS
        assert SHORT <= time.monotonic() - began < SHORT + GRACE


@pytest.mark.parametrize(
    "said",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", b"nonsense\r\n\r\n", b"HTTP/1.1 2000 O\r\n\r\n"],
)
def test_an_answer_that_breaks_off_or_is_none_leaves_doubt(said: bytes) -> None:
    with listening(answer(said)) as url, pytest.raises(ChannelError) as raised:
        exchange(url, b"{}", {}, Deadline(GRACE))
    assert raised.value.outcome is Outcome.AMBIGUOUS


def test_where_nobody_listens_nothing_was_delivered() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ChannelError, match="no connection") as raised:
        exchange(f"http://127.0.0.1:{port}/", b"", {}, Deadline(GRACE))
    assert raised.value.outcome is Outcome.NOT_DELIVERED


def test_a_server_without_the_right_certificate_gets_nothing() -> None:
    with listening(answer(b"HTTP/1.1 200 OK\r\n\r\n")) as url, pytest.raises(ChannelError) as raised:
        exchange(url.replace("http:", "https:"), b"secret", {}, Deadline(GRACE))
    assert raised.value.outcome is Outcome.NOT_DELIVERED


def test_a_resolver_that_hangs_is_left_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def hang(*_args: object, **_kwargs: object) -> list[object]:
        over.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with pytest.raises(ChannelError, match="could not be looked up in time") as raised:
        exchange("http://mail.example/", b"", {}, Deadline(SHORT))
    over.set()
    assert raised.value.outcome is Outcome.NOT_DELIVERED


def test_an_address_that_swallows_packets_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        stuck = [socket.socket() for _ in range(4)]
        for one in stuck:  # fill the queue, so that further connections wait for ever
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        places = [(socket.AF_INET, full.getsockname()), (socket.AF_INET, server.getsockname())]
        monkeypatch.setattr(transport, "look_up", lambda *_args: places)
        with transport.connect("mail.example", 25, Deadline(1.0)) as connection:
            assert connection.getpeername() == server.getsockname()
        for one in stuck:
            one.close()


def test_after_the_deadline_not_a_byte_is_written() -> None:
    received: list[bytes] = []
    with listening(lambda connection: received.append(read_request(connection))) as url:
        late = Deadline(10, iter([0.0, 1.0, 1.0, 11.0, 11.0, 11.0]).__next__)
        with pytest.raises(ChannelError) as raised:
            exchange(url, b"late", {}, late)
    assert raised.value.outcome is Outcome.NOT_DELIVERED
    assert b"late" not in b"".join(received)


def test_the_answer_is_read_up_to_a_limit_and_headers_by_lower_case_names() -> None:
    body = b"x" * 200_000
    with listening(answer(b"HTTP/1.1 200 OK\r\nX-Odd: yes\r\nContent-Length: 200000\r\n\r\n" + body)) as url:
        found = exchange(url, b"", {}, Deadline(GRACE))
    assert (found.status, found.headers["x-odd"], len(found.body)) == (200, "yes", 65536)


def test_a_redirect_is_not_followed() -> None:
    asked: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        asked.append(read_request(connection))
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")

    with listening(serve) as url:
        found = exchange(url, b"", {}, Deadline(GRACE))
    assert (found.status, len(asked)) == (302, 1)


def test_a_proxy_is_asked_for_a_tunnel() -> None:
    asked: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        asked.append(read_request(connection))
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        asked.append(read_request(connection))
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with listening(serve) as url:
        found = exchange("http://slack.example/api/", b"{}", {}, Deadline(GRACE), proxy=url)
    assert found.status == 204
    assert asked[0].startswith(b"CONNECT slack.example:80 HTTP/1.1\r\n")
    assert asked[1].startswith(b"POST /api/ HTTP/1.1\r\n")


def test_a_proxy_that_refuses_means_that_nothing_was_delivered() -> None:
    refusal = answer(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
    with listening(refusal) as url, pytest.raises(ChannelError, match="407") as raised:
        exchange("https://slack.example/api/", b"{}", {}, Deadline(GRACE), proxy=url)
    assert raised.value.outcome is Outcome.NOT_DELIVERED


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (301, Outcome.BROKEN),
        (400, Outcome.REFUSED),
        (401, Outcome.BROKEN),
        (404, Outcome.BROKEN),
        (408, Outcome.NOT_DELIVERED),
        (429, Outcome.NOT_DELIVERED),
        (500, Outcome.AMBIGUOUS),
        (503, Outcome.AMBIGUOUS),
    ],
)
def test_a_status_means_one_thing(status: int, outcome: Outcome) -> None:
    with pytest.raises(ChannelError) as raised:
        require_success(Answer(status, {"retry-after": "7"}, b"why"), "webhook", NOW)
    assert raised.value.outcome is outcome
    assert require_success(Answer(204, {}, b""), "webhook", NOW).status == 204


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("30", 30),
        (" 1 ", 1),
        ("1.5", 1.5),
        ("0", 0),
        ("-5", None),
        ("abc", None),
        ("", None),
        (None, None),
        ("99999", 3600),
        (format_datetime(datetime(2024, 3, 5, 14, 21, tzinfo=UTC), usegmt=True), 60),
        (format_datetime(datetime(2024, 3, 5, 14, 19, tzinfo=UTC), usegmt=True), 0),
        ("Tue, 05 Mar 2024 99:99:99 GMT", None),
    ],
)
def test_a_wish_to_be_left_alone_is_read_in_both_forms(said: str | None, seconds: float | None) -> None:
    assert retry_after(said, NOW) == seconds


@given(st.text())
def test_no_wish_is_too_strange_to_be_read(said: str) -> None:
    seconds = retry_after(said, NOW)
    assert seconds is None or 0 <= seconds <= 3600
