"""The way out for addresses that users, feeds and redirects have a say in."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import socket
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import pytest

from collectors.addresses import is_public
from collectors.contract import CollectorError
from collectors.egress import Answer, Egress, EgressError, EgressRules
from tests.collectors.scenario import Clock
from tests.servers.web import Reply, Request, WebServer


class Canary(WebServer):
    """Something inside the network; nobody may get to it unless it was named."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[str, Reply] = {}

    def answer(self, request: Request) -> Reply:
        return self.pages.get(request.path, Reply(200, b"secret"))


@pytest.fixture
def canary() -> Iterator[Canary]:
    with Canary() as server:
        yield server


def port_of(server: WebServer) -> int:
    return int(server.url.rpartition(":")[2])


def fetch(url: str, rules: EgressRules, **given: Any) -> Answer:
    egress = Egress(rules, Clock(), **given)
    with egress.session():
        return egress.fetch(url)


def inside(server: WebServer, **limits: Any) -> EgressRules:
    """Rules that name the server's address."""
    return EgressRules(frozenset({"127.0.0.1"}), frozenset({80, 443, port_of(server)}), **limits)


LOCAL = (
    "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "0.0", "0", "2130706433", "0x7f000001", "0x7f.1",
    "017700000001", "0177.0.0.1", "localhost", "LOCALHOST", "localhost.", "[::1]", "[::]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[64:ff9b:1::7f00:1]",
    "[fe80::1]", "[fc00::1]", "[fec0::1]", "[ff02::1]", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254",
    "100.64.0.1", "192.0.0.8", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "0x7f.0.0.1",
    "127.0.0.1.", "127。0。0。1", "①②⑦.⓪.⓪.①",
)  # fmt: skip
SHAPES = (
    "http://{}:{}/", "https://{}:{}/", "HTTP://{}:{}/x", "http://user:pass@{}:{}/", "http://public.example@{}:{}/",
    "http://{}:{}/?x=http://public.example", "http://{}:{}#@public.example/",
)  # fmt: skip


def test_nothing_inside_is_reached_however_it_is_written(canary: Canary) -> None:
    rules = EgressRules(ports=frozenset({80, 443, port_of(canary)}))
    urls = [shape.format(host, port_of(canary)) for host, shape in itertools.product(LOCAL, SHAPES)]
    assert len(urls) >= 250
    for url in urls:
        with pytest.raises(CollectorError):
            fetch(url, rules)
    assert canary.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://a.example/x", "gopher://127.0.0.1/", "//a.example/", "a.example", "", "http://",
        "http:///x", "http://a.example:0x50/", "http://a.example:99999/", "http://[::1", "javascript:alert(1)",
        "http://a.example:22/", "unix:/run/x.sock", "http://a\u0000b/", "http://a b/",
    ],
)  # fmt: skip
def test_what_is_no_web_address_is_refused_for_good(url: str) -> None:
    with pytest.raises(CollectorError) as caught:
        fetch(url, EgressRules(), resolve=lambda *_, **__: [])
    assert isinstance(caught.value, EgressError)
    assert caught.value.permanent


def test_a_host_of_ones_own_is_read_when_it_is_named(canary: Canary) -> None:
    assert fetch(f"{canary.url}/x", inside(canary)).body == b"secret"


def test_one_private_address_among_public_ones_is_enough_to_refuse(canary: Canary) -> None:
    answers = [(0, 0, 0, "", ("93.184.216.34", 80)), (0, 0, 0, "", ("10.0.0.1", 80))]
    with pytest.raises(EgressError, match=r"leads to 10\.0\.0\.1"):
        fetch("http://a.example/", EgressRules(), resolve=lambda *_, **__: answers)


def test_a_name_is_resolved_once_and_what_was_checked_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([[(0, 0, 0, "", ("93.184.216.34", 80))], [(0, 0, 0, "", ("127.0.0.1", 80))]])
    connected: list[str] = []

    def connect(_: Any, host: str, *__: Any, **___: Any) -> httpcore.NetworkStream:
        connected.append(host)
        raise httpcore.ConnectError("not in a test")

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    with pytest.raises(CollectorError, match="could not be read"):
        fetch("http://rebinding.example/", EgressRules(), resolve=lambda *_, **__: next(answers))
    assert connected == ["93.184.216.34"]


@pytest.mark.parametrize("target", ["http://localhost:{}/secret", "//localhost:{}/secret", "file:///etc/passwd"])
def test_a_redirect_inside_is_not_followed(canary: Canary, target: str) -> None:
    canary.pages["/feed"] = Reply(302, headers={"location": target.format(port_of(canary))})
    with pytest.raises(EgressError):
        fetch(f"{canary.url}/feed", inside(canary))
    assert [request.path for request in canary.requests] == ["/feed"]


@pytest.mark.parametrize("target", ["http://xn--a/", "http://\xff.example/", "http://xn--\u2603.example/"])
def test_a_redirect_to_a_name_that_cannot_be_one_is_a_failure_in_words(canary: Canary, target: str) -> None:
    canary.pages["/feed"] = Reply(302, headers={"location": target.encode("utf-8").decode("latin-1")})
    with pytest.raises(CollectorError):
        fetch(f"{canary.url}/feed", EgressRules.trusting(canary.url, "http://xn--a/"))


def test_what_can_stand_in_no_header_is_a_failure_in_words(canary: Canary) -> None:
    egress = Egress(inside(canary), Clock())
    with egress.session(), pytest.raises(CollectorError, match="cannot be asked so"):
        egress.fetch(canary.url, headers={"authorization": "Bearer \ud800"})


def test_redirects_are_followed_three_times(canary: Canary) -> None:
    for number in range(5):
        canary.pages[f"/{number}"] = Reply(301, headers={"location": f"/{number + 1}"})
    with pytest.raises(CollectorError, match="more than 3 times"):
        fetch(f"{canary.url}/0", inside(canary))
    assert len(canary.requests) == 4
    assert fetch(f"{canary.url}/2", inside(canary)).url == f"{canary.url}/5"


def test_the_environment_names_no_proxy(canary: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    with Canary() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        fetch(canary.url, inside(canary))
        assert proxy.requests == []


def test_a_body_is_read_to_the_limit(canary: Canary) -> None:
    canary.pages["/"] = Reply(200, b"x" * 1001)
    with pytest.raises(CollectorError, match="more than 1000 bytes"):
        fetch(f"{canary.url}/", inside(canary, max_bytes=1000))


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
def test_a_packed_body_counts_as_what_it_unpacks_to(canary: Canary, packing: str) -> None:
    bomb = b"0" * 50_000_000
    body = gzip.compress(bomb) if packing == "gzip" else zlib.compress(bomb)
    canary.pages["/"] = Reply(200, body, {"content-encoding": packing})
    with pytest.raises(CollectorError, match="more than 1000000 bytes"):
        fetch(f"{canary.url}/", inside(canary, max_bytes=1_000_000))


@pytest.mark.parametrize(
    ("body", "packing", "reason"),
    [
        (gzip.compress(b"x" * 1000, mtime=0)[:-9], "gzip", "cut short"),
        (b"\x1f\x8bnonsense", "gzip", "damaged"),
        (gzip.compress(gzip.compress(b"x", mtime=0), mtime=0), "gzip, gzip", "was not asked for"),
        (b"x", "br", "was not asked for"),
    ],
)
def test_a_damaged_body_is_noticed(canary: Canary, body: bytes, packing: str, reason: str) -> None:
    canary.pages["/"] = Reply(200, body, {"content-encoding": packing})
    with pytest.raises(CollectorError, match=reason):
        fetch(f"{canary.url}/", inside(canary))


def test_a_body_that_drips_is_given_up_at_the_deadline(canary: Canary) -> None:
    canary.pages["/"] = Reply(200, b"x" * 400_000, pieces=8)
    ticks = itertools.count(0, 20)
    with pytest.raises(CollectorError, match="did not finish within 30 s"):
        fetch(f"{canary.url}/", inside(canary), monotonic=lambda: float(next(ticks)))


@contextmanager
def dripping(beginning: bytes) -> Iterator[str]:
    """The address of a server that says a letter every hundredth of a second after its beginning, for two minutes."""
    hung_up = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                line, _ = server.accept()
                with line:
                    line.recv(4096)
                    line.sendall(beginning)
                    for _ in range(12_000):
                        if hung_up.wait(0.01):
                            return
                        line.sendall(b"x")

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            hung_up.set()
            thread.join()


@pytest.mark.parametrize("beginning", [b"Content-Length: 90000\r\n\r\n", b"X-Long: "], ids=["body", "headers"])
def test_letters_that_come_one_by_one_do_not_hold_a_source_up(beginning: bytes) -> None:
    with (
        dripping(b"HTTP/1.1 200 OK\r\n" + beginning) as url,
        pytest.raises(CollectorError, match=r"did not finish within 0\.2 s"),
    ):
        fetch(url, EgressRules(frozenset({"127.0.0.1"}), deadline=0.2))


def test_a_connection_that_breaks_is_temporary(canary: Canary) -> None:
    canary.pages["/"] = Reply(200, b"x" * 1000, cut=500)
    with pytest.raises(CollectorError, match="could not be read") as caught:
        fetch(f"{canary.url}/", inside(canary))
    assert not caught.value.permanent


def test_a_name_that_does_not_resolve_is_temporary() -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError("Name or service not known")

    with pytest.raises(CollectorError, match=r"a\.example does not resolve") as caught:
        fetch("http://a.example/", EgressRules(), resolve=fail)
    assert not caught.value.permanent


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "100.64.0.1", "127.0.0.1", "192.0.0.170", "198.51.100.1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:a00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2", "::ffff:10.0.0.1", "fec0::1", "fe80::1%eth0", "ff02::1", "::", "::1",
        "nonsense", "",
    ],
)  # fmt: skip
def test_an_address_of_a_house_a_machine_or_nobody_is_not_public(address: str) -> None:
    assert not is_public(address)


def test_a_chain_of_redirects_that_ends_inside_is_cut_there(canary: Canary) -> None:
    """Each hop is a host that may be read, as a stranger's server would be; what they lead to may not."""
    port = port_of(canary)
    for host in LOCAL:
        if host == "127.0.0.1" or not host.isascii():
            continue  # the stranger's own address in this test; and headers are ASCII
        canary.requests.clear()
        canary.pages["/1"] = Reply(302, headers={"location": "/2"})
        canary.pages["/2"] = Reply(307, headers={"location": f"http://{host}:{port}/secret"})
        with pytest.raises(CollectorError):
            fetch(f"{canary.url}/1", inside(canary))
        assert [request.path for request in canary.requests] == ["/1", "/2"], host


def test_a_name_that_changes_its_meaning_between_two_hops_is_checked_at_each(canary: Canary) -> None:
    """DNS rebinding: the name is public when the page is asked for, and this machine when its redirect is followed."""
    answers = iter(["93.184.216.34", "127.0.0.1"])
    asked: list[str] = []

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(2, 1, 6, "", (next(answers), port))]

    rules = EgressRules(ports=frozenset({80, 443, port_of(canary)}))
    egress = Egress(rules, Clock(), resolve=resolve)
    assert egress.checked_address("rebind.example", 80) == "93.184.216.34"
    with egress.session(), pytest.raises(EgressError, match=r"leads to 127\.0\.0\.1"):
        egress.fetch(f"http://rebind.example:{port_of(canary)}/secret")
    assert asked == ["rebind.example", "rebind.example"]
    assert canary.requests == []
