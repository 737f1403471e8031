"""Posts of one author, the count above the curve, and a search that takes too long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import NoReturn

import pytest

from monitor.web import explore
from monitor.web.desk import Desk
from storage.ingest import Intake, write
from storage.limits import TooSlowError
from tests.monitor.web.desks import NOW, browser, desk
from tests.storage.examples import mentioned, post


@pytest.fixture
def of() -> Iterator[Desk]:
    said = [
        mentioned(post(author, text=f"{author} says so", author=author, created_at=NOW - timedelta(days=age)))
        for age, author in enumerate(("ann", "bob"))
    ]
    with desk() as opened:
        with opened.database.write() as tx:
            write(tx, Intake(mentions=said))
        yield opened


def test_the_posts_of_one_author_are_shown(of: Desk) -> None:
    answer = browser(of).get("/explore?author=ann&span=30d")
    assert "ann says so" in answer.text
    assert "bob says so" not in answer.text


def test_a_search_that_takes_too_long_is_told(of: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_long(*_: object) -> NoReturn:
        raise TooSlowError("this takes longer than it may")

    monkeypatch.setattr(explore, "search", too_long)
    answer = browser(of).get("/explore?author=ann&span=30d")
    assert answer.status_code == 200
    assert "This takes longer than it may" in answer.text


def test_the_count_above_the_curve_is_of_what_the_curve_shows(of: Desk) -> None:
    with of.database.write() as tx:
        write(tx, Intake(mentions=[mentioned(post("far", source="elsewhere", created_at=NOW - timedelta(hours=2)))]))
    every, one = (browser(of).get(f"/explore?span=30d{which}").text for which in ("", "&source=elsewhere"))
    assert ("3 mentions" in every, "1 mention<" in one or "1 mention," in one) == (True, True)
    assert "chooses among the posts below" not in every
    assert "chooses among the posts below" in browser(of).get("/explore?span=30d&q=bob").text


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("end", ["since", "until"])
def test_the_ends_of_the_calendar_are_looked_at_without_harm(of: Desk, end: str, day: str) -> None:
    assert browser(of).get(f"/explore?{end}={day}").status_code == 200
