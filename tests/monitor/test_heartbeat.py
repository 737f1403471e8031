"""The dead man's switch: it beats only while everything goes on, and says what does not."""

from __future__ import annotations

import socket
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor import watchdog
from monitor.heartbeat import Watermarks, beat, is_due, reasons
from storage.records import RunOutcome
from storage.schedule import Planned
from tests.servers.web import Reply, Request, WebServer
from tests.storage.examples import NOON, after

HOURLY = Planned("forum", timedelta(minutes=10), NOON, 0, RunOutcome.COMPLETE, after(minutes=-9))


def marks(**changes: Any) -> Watermarks:
    """Everything went on a moment ago."""
    moment = after(seconds=-5)
    usual: dict[str, Any] = {"started_at": after(hours=-8), "sources": (HOURLY,)}
    usual |= {"judged_at": moment, "written_at": moment, "audited_at": moment}
    return Watermarks(**{**usual, **changes})


def test_nothing_is_wrong_while_everything_goes_on() -> None:
    assert reasons(marks(), NOON) == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"judged_at": after(seconds=-61)}, "nothing was judged for 1 minute 1 second"),
        ({"judged_at": None}, "nothing was judged for 8 hours"),
        ({"written_at": after(seconds=-31)}, "nothing was written to the database for 31 seconds"),
        ({"audited_at": after(seconds=-101)}, "incidents were not audited for 1 minute 41 seconds"),
        ({"oldest_due_at": after(seconds=-61)}, "a message waits to be sent for 1 minute 1 second"),
        ({"sources": (Planned("forum", timedelta(minutes=10), after(minutes=-21), 0, None, after(minutes=-31)),)},
         "forum was not read for 31 minutes"),
    ],
)  # fmt: skip
def test_what_does_not_go_on_is_said(changes: dict[str, Any], why: str) -> None:
    assert reasons(marks(**changes), NOON) == [why]


def test_a_source_of_which_the_operators_know_does_not_stop_the_heartbeat() -> None:
    dead = Planned("forum", timedelta(minutes=10), NOON, 9, RunOutcome.FAILED, after(hours=-3))
    assert reasons(marks(sources=(dead,), known_to_fail={"forum"}), NOON) == []


def test_a_program_that_has_only_just_started_is_not_late() -> None:
    assert reasons(Watermarks(started_at=after(seconds=-20), sources=(HOURLY,)), NOON) == []


@pytest.mark.parametrize(
    ("seconds", "was_failing", "failing", "due"),
    [
        (59, False, [], False),
        (60, False, [], True),
        (15, False, ["nothing was judged"], True),
        (15, True, ["nothing was judged"], False),
        (60, True, ["nothing was judged"], True),
        (15, True, [], True),
        (-15, False, [], True),
    ],
)
def test_it_beats_each_minute_and_at_once_when_the_news_change(
    seconds: int, was_failing: bool, failing: list[str], due: bool
) -> None:
    assert is_due(after(seconds=-seconds), was_failing, failing, NOON) is due
    assert is_due(None, was_failing, failing, NOON)


class Outside(WebServer):
    """Somebody outside who listens."""

    def answer(self, request: Request) -> Reply:
        """Thank you."""
        return Reply(404 if request.path.startswith("/gone") else 200)


def test_the_heartbeat_goes_to_its_address_and_what_is_wrong_beside_it() -> None:
    with Outside() as outside:
        assert beat(f"{outside.url}/ping/a-secret", []) == ""
        assert beat(f"{outside.url}/ping/a-secret", ["nothing was judged", "no news"]) == ""
        assert "answered 404" in beat(f"{outside.url}/gone", [])
    (fine, wrong, _) = outside.requests
    assert (fine.path, fine.body) == ("/ping/a-secret", b"")
    assert (wrong.path, wrong.body) == ("/ping/a-secret/fail", b"nothing was judged\nno news")


def test_an_outside_that_is_not_there_is_said_and_stops_nothing() -> None:
    assert "no connection" in beat("http://127.0.0.1:9/ping", [])


def test_systemd_is_told_only_when_it_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not watchdog.notify("READY=1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        assert watchdog.notify("WATCHDOG=1")
        assert systemd.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize(("turned", "alive"), [(None, False), (after(seconds=-24), True), (after(seconds=-26), False)])
def test_a_process_lives_while_it_sends(turned: datetime | None, alive: bool) -> None:
    assert watchdog.is_alive(turned, NOON) is alive
    assert threading.current_thread().is_alive()


def test_a_source_whose_turn_was_put_off_to_keep_within_its_budget_is_not_called_unread() -> None:
    put_off = Planned("forum", timedelta(minutes=10), after(minutes=5), 0, RunOutcome.COMPLETE, after(hours=-3))
    assert reasons(marks(sources=(put_off,)), NOON) == []
