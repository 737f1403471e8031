"""What is put underneath libraries that talk by requests."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from collectors.contract import CollectorError
from collectors.transport import GuardedAdapter, guarded_session
from tests.collectors.scenario import Clock
from tests.servers.web import Reply, Request, WebServer


class Page(WebServer):
    """Answers everything with one page."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply

    def answer(self, request: Request) -> Reply:
        return self.reply


def get(reply: Reply, path: str = "/", **options: Any) -> tuple[bytes, list[Request]]:
    with Page(reply) as server:
        adapter = GuardedAdapter("It", clock=Clock(), redirect={"https://written.example": server.url}, **options)
        with guarded_session(adapter) as session:
            return session.get(f"https://written.example{path}").content, server.requests


def test_requests_are_led_to_another_address_and_renamed() -> None:
    body, requests = get(Reply(200, b"hello"), "/x?tweet.fields=a%2Cb&q=1%3D2", rename={"tweet.fields": "post.fields"})
    assert body == b"hello"
    assert (requests[0].path, dict(requests[0].query)) == ("/x", {"post.fields": "a,b", "q": "1=2"})


def test_an_answer_without_end_is_given_up() -> None:
    with pytest.raises(CollectorError, match="It sent more than 1000 bytes"):
        get(Reply(200, b"x" * 5000), max_bytes=1000)


def test_an_answer_that_drips_is_given_up_at_the_deadline() -> None:
    ticks = itertools.count(0, 50)
    with pytest.raises(CollectorError, match="It did not finish within 60 s"):
        get(Reply(200, b"x" * 500_000, pieces=8), monotonic=lambda: float(next(ticks)))


def test_an_answer_that_breaks_off_is_temporary() -> None:
    with pytest.raises(CollectorError, match="It could not be read") as caught:
        get(Reply(200, b"x" * 1000, cut=10))
    assert not caught.value.permanent


def test_nobody_there_is_temporary_and_names_the_host() -> None:
    adapter = GuardedAdapter("It", clock=Clock())
    with guarded_session(adapter) as session, pytest.raises(CollectorError, match=r"at 127\.0\.0\.1") as caught:
        session.get("http://127.0.0.1:9/secret?token=x")
    assert not caught.value.permanent
    assert "token" not in str(caught.value)


def test_refusals_come_up_before_the_library_sees_them() -> None:
    with pytest.raises(CollectorError, match="It answered 503"):
        get(Reply(503))


def test_headers_can_be_kept_from_the_library() -> None:
    seen: list[str | None] = []
    get(Reply(200, headers={"x-left": "3"}), observe=lambda headers: seen.append(headers.pop("x-left", None)))
    assert seen == ["3"]
