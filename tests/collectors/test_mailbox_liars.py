"""Mail servers that lie about sizes, never come to an end, or speak letter by letter: given up, in bounded memory."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from collectors import mailbox, mailbox_client
from collectors.contract import CollectorError
from tests.collectors.scenario import Clock, built

Talk = Callable[[bytes], Iterator[bytes]]
"""What a server says to a command, piece by piece."""


class Liar:
    """An IMAP server that says to each command what `talk` says; what `talk` says to nothing is its greeting."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        with suppress(OSError):
            client, _ = self._listening.accept()
            with client, client.makefile("rb") as commands:
                for command in itertools.chain([b""], commands):
                    for piece in self._talk(command):
                        client.sendall(piece)

    def __enter__(self) -> Liar:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()
        self._thread.join(10)
        assert not self._thread.is_alive(), "somebody still listens to it"


@contextmanager
def mailbox_at(port: int, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Iterator[Any]:
    """A collector of the server at `port`."""
    monkeypatch.setenv("TEST_IMAP_PASSWORD", "x")

    class Scenario:
        module, clock = mailbox, Clock()

    Scenario.options = {  # type: ignore[attr-defined]
        "host": "127.0.0.1", "port": port, "security": "none", "user": "u", "password": {"env": "TEST_IMAP_PASSWORD"},
    }  # fmt: skip
    yield built(Scenario(), **options)  # type: ignore[arg-type]


def polite(command: bytes) -> list[bytes]:
    """What an honest server says, with one mail in its folder."""
    tag, _, rest = command.strip().partition(b" ")
    word = rest.upper()
    said = {
        b"CAPABILITY": b"* CAPABILITY IMAP4rev1 IDLE\r\n",
        b"EXAMINE": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 2] x\r\n",
        b"UID SEARCH": b"* SEARCH 1\r\n",
    }
    lines = [line for begin, line in said.items() if word.startswith(begin)]
    return [*lines, tag + b" OK done\r\n"] if command else [b"* OK ready\r\n"]


def after(begin: bytes, endless: Callable[[bytes], Iterator[bytes]]) -> Talk:
    """Honest until a command begins so."""

    def talk(command: bytes) -> Iterator[bytes]:
        said = command.partition(b" ")[2] if command else b""
        return (
            endless(command)
            if said.upper().startswith(begin) and bool(command) == bool(begin)
            else iter(polite(command))
        )

    return talk


def flood(_: bytes) -> Iterator[bytes]:
    """Lines without an end that nobody asked for."""
    yield from itertools.repeat(b"* 1 EXISTS\r\n" * 5000)


def bomb(_: bytes) -> Iterator[bytes]:
    """A mail of fifty gigabytes, by what is said of it."""
    yield b"* 1 FETCH (UID 1 BODY[HEADER] {50000000000}\r\n"
    yield from itertools.repeat(b"x" * 100_000)


def digits(_: bytes) -> Iterator[bytes]:
    """A mail of a size that takes 5,000 digits."""
    yield b"* 1 FETCH (UID 1 BODY[HEADER] {" + b"9" * 5000 + b"}\r\n"


def letters(_: bytes) -> Iterator[bytes]:
    """A letter now and then, which never become a line."""
    for _number in range(2000):
        yield b"*"
        time.sleep(0.005)


@pytest.mark.parametrize("begin", [b"", b"CAPABILITY", b"EXAMINE", b"UID FETCH"])
@pytest.mark.parametrize("endless", [flood, bomb, digits, letters])
def test_a_server_without_an_end_is_given_up(
    begin: bytes, endless: Callable[[bytes], Iterator[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox_client, "DEADLINE", 0.1)
    with Liar(after(begin, endless)) as liar, mailbox_at(liar.port, monkeypatch) as source:
        began = time.monotonic()
        with pytest.raises(CollectorError, match=r"127\.0\.0\.1"):
            list(source.collect(None))
        assert time.monotonic() - began < 5


def test_a_flood_while_the_server_is_listened_to_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def talk(command: bytes) -> Iterator[bytes]:
        if not command.strip().endswith(b"IDLE"):
            return iter(polite(command))
        return itertools.chain([b"+ idling\r\n"], itertools.repeat(b"* OK still here\r\n" * 5000))

    monkeypatch.setattr(mailbox_client, "MOST_BYTES", 1_000_000)
    with Liar(talk) as liar, mailbox_at(liar.port, monkeypatch) as source, pytest.raises(CollectorError):
        source.watch(lambda: None, threading.Event())


@pytest.mark.parametrize("number", [b"UIDNEXT 99999999999", b"UIDVALIDITY 99999999999"])
def test_numbers_that_no_mail_can_have_do_not_hide_the_mails_to_come(
    number: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    examined = b"* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 2] x\r\n* OK [" + number + b"] x\r\n"

    def lies(command: bytes) -> Iterator[bytes]:
        yield examined + command.split()[0] + b" OK done\r\n"

    liar = Liar(after(b"EXAMINE", lies))
    refused = pytest.raises(CollectorError, match="no mail can have")
    with liar, mailbox_at(liar.port, monkeypatch) as source, refused:
        list(source.collect(None))
