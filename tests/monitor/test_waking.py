"""A source whose platform says when there is something new is read before its turn, and never waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from collectors.contract import CollectorError
from monitor.waking import Ending, Watch


class Platform:
    """Says that there is news as often as it is told to, then hangs up; the outermost edge."""

    def __init__(self, *steps: str) -> None:
        self.steps = list(steps)
        self.is_done = threading.Event()

    def watch(self, news: Callable[[], None], stopping: threading.Event) -> None:
        if not self.steps:
            self.is_done.set()
            stopping.wait()
            return
        step = self.steps.pop(0)
        if step == "news":
            news()
        elif step == "gone":
            raise CollectorError("it hung up")
        else:
            raise RuntimeError("nobody thought of that")


def listened(platform: Platform, is_leader: Callable[[], bool] = lambda: True) -> int:
    told: list[int] = []
    watch = Watch(platform, "inbox", lambda: told.append(1), is_leader, again=0.0)
    watch.start()
    assert platform.is_done.wait(10)
    watch.stop()
    return len(told)


def test_news_is_passed_on() -> None:
    assert listened(Platform("news", "news")) == 2


@pytest.mark.parametrize("failure", ["gone", "bug"])
def test_a_platform_that_hangs_up_is_listened_to_again(failure: str) -> None:
    assert listened(Platform("news", failure, "news")) == 2


def test_only_the_leader_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.waking.IDLE", 0.0)
    platform, answers = Platform(), [False, False, True]
    assert listened(platform, lambda: answers.pop(0) if len(answers) > 1 else answers[0]) == 0
    assert answers == [True]


def test_who_leads_no_longer_stops_listening() -> None:
    stopping, leading = threading.Event(), [True]
    ending = Ending(stopping, lambda: leading[0])
    assert not ending.is_set()
    assert not ending.wait(0)
    leading[0] = False
    assert ending.is_set()
    assert ending.wait(0)
    leading[0] = True
    stopping.set()
    assert ending.is_set()
    assert ending.wait(0)


def test_a_long_pause_of_a_stream_ends_when_another_process_reads_the_source() -> None:
    holding = [True, True, False]
    ending = Ending(threading.Event(), lambda: holding.pop(0) if len(holding) > 1 else holding[0])
    assert ending.wait(900)


def test_stopping_does_not_wait_for_news() -> None:
    platform = Platform()
    watch = Watch(platform, "inbox", lambda: None, lambda: True)
    watch.start()
    assert platform.is_done.wait(10)
    watch.stop()
