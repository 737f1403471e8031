"""Apprise: what one of its addresses delivers, how coarsely it fails, and that its log goes nowhere."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from alerts.channels import apprise
from alerts.channels.contract import ChannelContext, ChannelError, Message, Outcome, Receipt
from alerts.deadline import Deadline
from storage.records import IncidentState, Severity
from tests.alerts.examples import page
from tests.alerts.stage import SECRET, Stage
from tests.servers.platform import Fault, Platform, Reply, Request


class Service(Platform):
    """What the address json:// leads to: a program that takes JSON from those who know its password."""

    def __init__(self, password: str = "canary-apprise") -> None:
        super().__init__()
        self.password = password
        self.messages: list[dict[str, Any]] = []

    @property
    def address(self) -> str:
        """The address as Apprise writes it."""
        return f"json://127.0.0.1:{self.url.rpartition(':')[2]}/{self.password}/"

    def handle(self, request: Request) -> Reply:
        """Take a message."""
        if request.path.strip("/") != self.password:
            return Reply(403)
        self.messages.append(request.json())
        return Reply(200, b"{}")

    def shown(self) -> list[str]:
        """The reference of every message that people see."""
        return [re.findall(r"ref ([\w-]+)", sent["message"])[-1] for sent in self.messages]


@contextmanager
def stage() -> Iterator[Stage]:
    """One address for the conformance suite."""
    with Service(SECRET) as server:
        yield Stage(
            options={"url": {"env": "STAGE_URL"}},
            received=server.shown,
            trouble=server.trouble,
            environment={"STAGE_URL": server.address, "STAGE_NOWHERE": f"json://127.0.0.1:1/{SECRET}"},
            unreachable={"url": {"env": "STAGE_NOWHERE"}},
        )


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    with Service() as running:
        monkeypatch.setenv("APPRISE_URL", running.address)
        yield running


def channel(**options: Any) -> apprise.AppriseChannel:
    usual = {"url": {"env": "APPRISE_URL"}}
    return apprise.build(apprise.Options.model_validate({**usual, **options}), ChannelContext("else"))


def send(told: Any = None, seconds: float = 30, **options: Any) -> Receipt:
    return channel(**options).send(Message("d1", "service", told or page(curve=None)), Deadline(seconds))


def test_a_message_is_the_plain_page_with_its_curve(server: Service) -> None:
    send(page())
    (sent,) = server.messages
    assert sent["title"].startswith("Critical · Halden Mobile")
    assert "WHERE IT BEGAN" in sent["message"]
    assert sent["type"] == "failure"
    assert [one["filename"] for one in sent["attachments"]] == ["curve.png"]


def test_the_curve_is_left_out_where_it_is_not_wanted(server: Service) -> None:
    send(page(), picture=False)
    assert server.messages[0]["attachments"] == []


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"severity": Severity.WARNING}, "warning"),
        ({"severity": Severity.WATCH}, "info"),
        ({"state": IncidentState.RESOLVED}, "success"),
    ],
)
def test_severities_are_the_librarys_types(server: Service, changes: dict[str, Any], kind: str) -> None:
    send(page(curve=None, **changes))
    assert server.messages[0]["type"] == kind


def test_nobody_is_called_by_what_an_outsider_wrote(server: Service) -> None:
    send(page(curve=None, headline="<!channel> @everyone <@U123>"))
    told = f"{server.messages[0]['title']} {server.messages[0]['message']}"
    assert not re.search(r"<[!@#]|@\w", told)


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(429), Outcome.NOT_DELIVERED),
        (Reply(401), Outcome.BROKEN),
        (Reply(404), Outcome.BROKEN),
        (Reply(422), Outcome.REFUSED),
        (Reply(500), Outcome.AMBIGUOUS),
        (Reply(302, b"", {"Location": "http://127.0.0.1:1/"}), Outcome.AMBIGUOUS),
    ],
)
def test_a_failure_is_told_as_far_as_the_library_does(server: Service, reply: Reply, outcome: Outcome) -> None:
    server.script(Fault(reply))
    with pytest.raises(ChannelError) as raised:
        send()
    assert raised.value.outcome is outcome
    assert server.password not in str(raised.value)
    assert len(server.requests) == 1


def test_its_log_with_addresses_in_it_goes_nowhere(server: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    ours: list[str] = []
    handler = logging.Handler(logging.DEBUG)
    monkeypatch.setattr(handler, "emit", lambda record: ours.append(record.getMessage()))
    monkeypatch.setattr(logging.root, "level", logging.DEBUG)
    monkeypatch.setattr(logging.root, "handlers", [handler])
    send()
    server.script(Fault(Reply(500)))
    with pytest.raises(ChannelError):
        send()
    logging.getLogger("another").debug("the log is read")
    assert ours == ["the log is read"]


@pytest.mark.parametrize("address", ["nosuch://thing/", "hello", "json://"])
def test_an_address_that_apprise_does_not_know_is_named_by_its_place(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("APPRISE_URL", address)
    with pytest.raises(ChannelError, match=r"\$APPRISE_URL") as raised:
        send()
    assert raised.value.outcome is Outcome.BROKEN


def test_without_the_package_the_operator_is_told_what_to_install(
    server: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ChannelError, match=r"tocsin\[apprise\]") as raised:
        send()
    assert raised.value.outcome is Outcome.BROKEN


def test_a_probe_connects_and_sends_nothing(server: Service) -> None:
    assert channel().probe(Deadline(60)) == "the address is one of JSON, and somebody answers there"
    assert server.messages == []
