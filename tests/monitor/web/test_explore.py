"""Posts of one author: looked for from the newest back, and what was found in time is shown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.web import explore
from monitor.web.desk import Desk
from monitor.web.explore import Asked, look_back, pieces
from storage.database import Database
from storage.ingest import Intake, write
from storage.limits import TooSlowError
from storage.search import Found
from tests.monitor.web.desks import NOW, browser, desk
from tests.storage.examples import mentioned, post

BEGIN = NOW - timedelta(days=30)
AGES = (0.5, 2, 2.5, 9, 20)
"""Days before now at which she wrote."""
ANN = Asked(author="ann")


@pytest.fixture
def of() -> Iterator[Desk]:
    said = [mentioned(post(f"p{age}", author="ann", created_at=NOW - timedelta(days=age))) for age in AGES]
    other = mentioned(post("other", author="bob", created_at=NOW - timedelta(days=1)))
    with desk() as opened:
        with opened.database.write() as tx:
            write(tx, Intake(mentions=[*said, other]))
        yield opened


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Lets every search that goes back beyond a moment take too long."""
    search = explore.search

    def beyond(moment: datetime) -> None:
        def impatient(tx: Any, asked: Asked, brand: str, begin: datetime, *others: Any) -> list[Found]:
            if begin < moment:
                raise TooSlowError("this takes longer than it may")
            return search(tx, asked, brand, begin, *others)

        monkeypatch.setattr(explore, "search", impatient)

    return beyond


def names(found: list[Found]) -> list[str]:
    return [one.post.external_id for one in found]


def test_pieces_go_back_to_the_begin_each_twice_as_long() -> None:
    assert [(NOW - start).days for start in pieces(BEGIN, NOW)] == [1, 3, 7, 15, 30]
    assert list(pieces(NOW, NOW)) == []


@pytest.mark.parametrize("brand", ["Acme", ""])
def test_piece_by_piece_finds_what_one_search_finds(of: Desk, brand: str) -> None:
    with of.database.read() as tx:
        at_once = explore.search(tx, ANN, brand, BEGIN, NOW)
    assert look_back(of.database, ANN, brand, BEGIN, NOW) == (at_once, BEGIN)
    assert names(at_once) == [f"p{age}" for age in AGES]


def test_a_full_page_is_enough(of: Desk, slow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore, "ON_A_PAGE", 2)
    slow(NOW - timedelta(days=4))
    found, reached = look_back(of.database, ANN, "Acme", BEGIN, NOW)
    assert (names(found)[:3], reached) == (["p0.5", "p2", "p2.5"], BEGIN)


def test_what_was_found_in_time_is_shown_with_how_far_back_it_was_looked(of: Desk, slow: Any) -> None:
    slow(NOW - timedelta(days=8))
    answer = browser(of).get("/explore?author=ann&span=30d")
    assert answer.status_code == 200
    assert "Time allowed to look back to" in answer.text
    assert "Nothing was found" not in answer.text


def test_where_nothing_was_looked_through_the_page_says_that_it_took_too_long(of: Desk, slow: Any) -> None:
    slow(NOW)
    answer = browser(of).get("/explore?author=ann&span=30d")
    assert "This takes longer than it may" in answer.text
    assert "Time allowed to look back to" not in answer.text


def test_words_are_looked_for_in_the_whole_span_at_once(of: Desk, slow: Any) -> None:
    slow(NOW - timedelta(days=8))
    database: Database = of.database
    with pytest.raises(TooSlowError):
        look_back(database, Asked(author="ann", q="acme"), "Acme", BEGIN, NOW)
