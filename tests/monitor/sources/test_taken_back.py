"""What a source tells to be gone or changed while it is read comes to the same as looking it up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from alerts.page import Quote, to_json
from alerts.policy import Change
from collectors.contract import Page, Recheck
from config.settings import Settings
from monitor.assembly import assemble
from monitor.collecting import SourceJob
from monitor.pipeline import Batch
from monitor.sources.rechecks import Rechecks, whole_round
from storage import post_rows, posts
from storage.database import Database
from storage.quotations import REMOVED
from storage.records import Post
from tests.alerts.desk import Desk, routing
from tests.alerts.examples import NOW, page

SETTINGS = Settings.model_validate({"brands": [{"name": "Norrvik"}]})
WORDS = "Norrvik threatened to cut my line over one bad review"
KEY = ("forum", "1")
EVERY = timedelta(hours=6)


def post(number: int, text: str = WORDS) -> Post:
    at = NOW - timedelta(minutes=number)
    return Post("forum", str(number), at, text, author=f"ann_{number}", thread_id=str(number), collected_at=at)


@dataclass
class Forum:
    """A source that tells what became of its posts, asked or not."""

    told: Sequence[Page] = ()
    gone: Sequence[str] = ()
    name: str = "forum"
    recheck_at_once: int = 10
    rechecks_mentions_only: bool = False

    def collect(self, _cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        yield from self.told

    def probe(self) -> str:
        return "there"

    def recheck(self, given: Sequence[Post], _state: Mapping[str, Any]) -> Recheck:
        return Recheck(gone={each.external_id: "deleted" for each in given if each.external_id in self.gone})


def read(desk: Desk, *told: Page) -> None:
    """A turn that brings these pages."""
    pipeline = assemble(SETTINGS, desk.database)
    SourceJob(Forum(told), EVERY, desk.database, pipeline, lambda: desk.now, routing=routing()).run()


def tell(desk: Desk) -> None:
    read(desk, Page({}, gone={"1": "deleted", "somebody else's": "deleted"}))


def look_up(desk: Desk) -> None:
    pipeline = assemble(SETTINGS, desk.database)
    whole_round(Rechecks(Forum(gone=["1"]), EVERY, desk.database, pipeline, routing(), lambda: desk.now))


@pytest.fixture
def desk(sqlite_database: Database) -> Desk:
    """Two posts are stored, and people were told of the first."""
    assemble(SETTINGS, sqlite_database).ingest(Batch([post(1), post(2, "Norrvik again")]))
    desk = Desk(sqlite_database)
    desk.say(Change.OPENED, replace(page(), quotes=(Quote(text=WORDS, source="forum", at=NOW, author="ann_1"),)))
    desk.send()
    return desk


def stored(desk: Desk) -> dict[str, Post]:
    with desk.database.read() as tx:
        return {each.external_id: each for each in posts.get(tx, [("forum", str(number)) for number in range(9)])}


def reasons(desk: Desk) -> list[tuple[str, str, str]]:
    with desk.database.read() as tx:
        rows = tx.exec_driver_sql("SELECT source, external_id, reason FROM erased").all()
    return [(row[0], row[1], row[2]) for row in rows]


@pytest.mark.parametrize("learn", [tell, look_up])
def test_a_post_that_was_paged_and_deleted_is_gone_from_store_search_and_message(
    desk: Desk, learn: Callable[[Desk], None]
) -> None:
    learn(desk.wait(minutes=9))
    desk.send()
    first, change = desk.ways["slack"].sent
    assert WORDS in str(to_json(first.page))
    assert WORDS not in str(to_json(change.page))
    assert (change.page.quotes[0].text, change.is_retraction) == (REMOVED, True)
    assert set(stored(desk)) == {"2"}
    assert reasons(desk) == [(*KEY, "deleted at its source")]
    with desk.database.read() as tx:
        assert posts.search(tx, "threatened") == []


def test_of_strangers_posts_that_are_deleted_nothing_is_kept(desk: Desk) -> None:
    read(desk, Page({}, gone={"7": "deleted"}))
    assert reasons(desk) == []
    read(desk, Page({}, [post(7)]))
    assert "7" in stored(desk)


def test_an_account_that_is_gone_takes_its_posts_and_nobody_else_s_with_it(desk: Desk) -> None:
    pipeline, forum = assemble(SETTINGS, desk.database), Forum()
    job = SourceJob(forum, EVERY, desk.database, pipeline, lambda: desk.now, routing=routing())

    def told(page: Page) -> None:
        forum.told = [page]
        job.run()

    told(Page({}, left={"a stranger": "its account was deleted"}))  # from now on it is known who is stored
    assert set(stored(desk)) == {"1", "2"}
    told(Page({}, [structs.replace(post(3), author="ann"), structs.replace(post(4), author="bo")]))
    told(Page({}, [structs.replace(post(5), author="ann")], left={"ann": "its account was deleted"}))
    assert set(stored(desk)) == {"1", "2", "4"}
    assert ("forum", "3", "its account was deleted at its source") in reasons(desk)


def test_a_post_that_was_deleted_before_it_was_stored_is_not(desk: Desk) -> None:
    read(desk, Page({"n": 1}, [post(3), post(4)], gone={"3": "deleted"}))
    assert set(stored(desk)) == {"1", "2", "4"}
    with desk.database.read() as tx:
        assert post_rows.erased(tx, [("forum", "3")])


def test_an_edit_is_a_new_wording_of_a_stored_post_in_its_thread(desk: Desk) -> None:
    edits = [
        structs.replace(post(number, "Never mind"), thread_id=None, edited_at=NOW, collected_at=NOW)
        for number in (2, 8)
    ]
    read(desk, Page({}, changed=edits))
    found = stored(desk)
    assert set(found) == {"1", "2"}
    assert (found["2"].text, found["2"].thread_id) == ("Never mind", "2")
    with desk.database.read() as tx:
        named = [each.post.external_id for each in posts.window(tx, NOW - EVERY, NOW + EVERY)]
    assert named == ["1"], "it names nobody any more"
