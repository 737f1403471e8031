"""Erasing posts on request, and pruning old ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import bins, erasure, incidents, outbox, post_rows, posts, receipts, stored_days, upkeep
from storage.database import Database, Transaction
from storage.errors import StorageError
from storage.ingest import Intake, Written, write
from storage.quotations import REMOVED, without
from storage.receipts import Untold
from storage.records import Engagement, EngagementSample, Post
from tests.storage.examples import NOON, after, alert, delivery, incident, mentioned, post, signal

SECRET = "My flat in Canary Lane was flooded by Acme's parcel"  # the word that must not stay
KEY = ("forum", "1")


def fill(database: Database) -> None:
    """A post that was edited, counted, taken as evidence, quoted, and sent to people."""
    first = mentioned(post("1", text=f"{SECRET} yesterday", author="ann_1", collected_at=NOON))
    edited = mentioned(post("1", text=SECRET, author="ann_1", collected_at=after(minutes=5)))
    page = {"headline": "Acme's parcels are late", "quotes": [{"text": f"{SECRET[:30]}…", "author": "ann_1"}]}
    evidence = (KEY, ("forum", "2"))
    with database.write() as tx:
        write(tx, Intake(mentions=[first], samples=[EngagementSample("forum", "1", NOON, Engagement(likes=1))]))
        write(tx, Intake(mentions=[edited, mentioned(post("2", author="bob", created_at=after(days=1)))]))
        incidents.insert(tx, incident(origin=KEY, evidence=evidence))
        incidents.add_signals(tx, "i1", [signal(evidence=evidence)])
        incidents.add_alert(tx, alert(page=page))
        outbox.enqueue(tx, [delivery(page=page), delivery(2)])


def test_an_erased_post_is_nowhere_any_more(database: Database) -> None:
    fill(database)
    with database.write() as tx:
        erased = erasure.erase(tx, [KEY], after(days=2), "the author asked")
    assert erased.posts == (KEY,)
    assert erased.remote_pages == (delivery().id,)
    with database.read() as tx:
        assert posts.get(tx, [KEY]) == []
        assert posts.search(tx, "canary") == []
        assert posts.samples(tx, NOON, after(days=1)) == []
        found = incidents.get(tx, "i1")
        assert found is not None
        assert (found.origin, found.evidence) == (None, (("forum", "2"),))
        assert incidents.signals(tx, "i1")[0].evidence == (("forum", "2"),)
        page = incidents.alerts(tx, "i1")[0].page
        assert page == {"headline": "Acme's parcels are late", "quotes": [{"text": REMOVED, "author": REMOVED}]}
        assert outbox.history(tx, "i1")[0].page == page


def test_the_reason_of_a_message_may_quote_another_incident_and_is_erased_too(database: Database) -> None:
    fill(database)
    why = f"it is the same story as: Acme: “{SECRET[:30]}…” and 3 other voices"
    with database.write() as tx:
        incidents.add_alert(tx, alert(3, why=why))
        outbox.enqueue(tx, [delivery(3, why=why)])
        erasure.erase(tx, [KEY], after(days=2), "the author asked")
        told = [item.why for item in (*incidents.alerts(tx, "i1"), *outbox.history(tx, "i1"))]
    assert sum(REMOVED in reason for reason in told) == 2
    assert not any("Canary" in reason for reason in told)


def test_what_is_not_told_yet_of_an_erasure_outlives_posts_that_say_its_words(database: Database) -> None:
    untold = Untold(NOON, {"forum": 2}, changed=("4711",))
    with database.write() as tx:
        write(tx, Intake(mentions=[mentioned(post("4711", text="forum"))]))
        receipts.save(tx, untold)
        erasure.erase(tx, [("forum", "4711")], after(days=2), "the author asked")
        assert receipts.load(tx) == untold


def test_counts_stay_when_a_post_is_erased(database: Database) -> None:
    fill(database)
    with database.write() as tx:
        erasure.erase(tx, [KEY], after(days=2), "the author asked")
        assert [each.posts for each in bins.series(tx, "Acme", NOON, after(hours=1))] == [1]


def test_an_erased_post_is_not_stored_again(database: Database) -> None:
    fill(database)
    with database.write() as tx:
        erasure.erase(tx, [KEY], after(days=2), "the author asked")
        written = write(tx, Intake(mentions=[mentioned(post("1", text=SECRET)), mentioned(post("3"))]))
        assert [each.post.external_id for each in written.new_mentions] == ["3"]
        assert written.new_posts == 1
        assert post_rows.erased(tx, [KEY]) == {KEY}
        assert write(tx, Intake(mentions=[mentioned(post("1"))])) == Written()


def test_all_of_an_author_is_found_and_erased(database: Database) -> None:
    fill(database)
    with database.write() as tx:
        assert erasure.posts_of(tx, "nobody", "forum") == erasure.posts_of(tx, "ann_1", "press") == []
        assert erasure.erase(tx, erasure.posts_of(tx, "@ann_1", "forum"), after(days=2), "asked").posts == (KEY,)
        assert [each.author for each in posts.get(tx, [KEY, ("forum", "2")])] == ["bob"]


def test_after_a_purge_no_byte_is_left_of_what_was_erased(sqlite_database: Database, tmp_path: Path) -> None:
    fill(sqlite_database)
    files = [tmp_path / "tocsin.db", tmp_path / "tocsin.db-wal"]
    assert any(b"Canary" in file.read_bytes() for file in files)
    with sqlite_database.write() as tx:
        erasure.erase(tx, [KEY], after(days=2), "the author asked")
    upkeep.purge(sqlite_database)
    left = b"".join(file.read_bytes() for file in files if file.exists())
    assert b"anary" not in left
    assert b"ann_1" not in left
    assert b"flooded" not in left


@pytest.mark.parametrize(
    ("value", "left"),
    [
        ("Ann", REMOVED),
        ("Ann Smith", "Ann Smith"),
        ("she said: my parcel never came!", f"she said: {REMOVED}!"),
        ("40 voices in an hour: “my parcel never…” and more", f"40 voices in an hour: “{REMOVED}…” and more"),
        ("@Ann and others", f"{REMOVED} and others"),
        ("my parcel never…", REMOVED),
        ("my parcel", "my parcel"),
        ({"a": ["Ann", 1, None, True]}, {"a": [REMOVED, 1, None, True]}),
    ],
)
def test_quotes_are_told_from_other_words(value: object, left: object) -> None:
    assert without(value, ["Ann", "my parcel never came"]) == left


def test_old_posts_are_pruned_but_not_what_incidents_rest_on(database: Database) -> None:
    with database.write() as tx:
        write(tx, Intake(mentions=[mentioned(post(str(hour), created_at=after(hours=hour))) for hour in range(6)]))
        incidents.insert(tx, incident(origin=("forum", "0"), evidence=(("forum", "1"),)))
        incidents.add_signals(tx, "i1", [signal(evidence=(("forum", "2"),))])
        assert erasure.prune(tx, "forum", after(hours=5), limit=1) == 1
        assert erasure.prune(tx, "news", after(hours=5)) == 0
        assert erasure.prune(tx, "forum", after(hours=5)) == 1
        assert erasure.prune(tx, "forum", after(hours=5)) == 0
        left = [each.post.external_id for each in posts.window(tx, NOON, after(hours=9))]
        assert left == ["0", "1", "2", "5"]
        assert len(posts.search(tx, "acme")) == 4
        assert len(bins.series(tx, "Acme", NOON, after(hours=9))) == 6


def test_each_source_is_pruned_by_itself_the_oldest_first_in_portions(database: Database) -> None:
    days = {"new": 2, "noon": 0, "older": -0.1, "old": 1}
    with database.write() as tx:
        write(tx, Intake(posts=[post(name, created_at=after(days=day)) for name, day in days.items()]))
        write(tx, Intake(posts=[post("others", source="news", created_at=after(days=-9))]))
        assert erasure.prune(tx, "forum", after(days=2), limit=2) == 2
        assert [each.post.external_id for each in posts.search(tx)] == ["new", "old", "others"]
        assert [erasure.prune(tx, "forum", after(days=2), limit=2) for _ in range(2)] == [1, 0]
        assert [each.post.external_id for each in posts.search(tx)] == ["new", "others"]


def test_a_day_that_was_pruned_is_searched_for_what_is_left_and_what_comes_later(database: Database) -> None:
    def found(tx: Transaction) -> list[str]:
        return [each.post.external_id for each in posts.search(tx, "acme", since=NOON, until=after(hours=9))]

    with database.write() as tx:
        write(tx, Intake(posts=[post(str(hour), created_at=after(hours=hour)) for hour in range(4)]))
        incidents.insert(tx, incident(origin=("forum", "1"), evidence=(("forum", "2"),)))
        assert erasure.prune(tx, "forum", after(days=9)) == 2
        assert found(tx) == ["2", "1"]
        first, last = stored_days.numbers(tx, NOON, after(hours=9)) or (0, 0)
        assert last - first == 1
        erasure.erase(tx, [("forum", "1"), ("forum", "2")], after(days=9), "asked")
        assert erasure.prune(tx, "forum", after(days=9)) == 0
        assert stored_days.numbers(tx, NOON, after(hours=9)) is None
        write(tx, Intake(posts=[post("late", created_at=after(hours=1))]))
        assert found(tx) == ["late"]
        assert erasure.prune(tx, "forum", after(days=9)) == 1


@pytest.mark.postgresql
def test_nobody_writes_to_a_source_while_it_is_pruned(postgresql_url: str) -> None:
    with Database.open(postgresql_url) as database, database.write() as pruning:
        erasure.prune(pruning, "forum", after(days=9))
        with pytest.raises(StorageError, match="lock timeout"):
            _write_at_once(database, post())


def _write_at_once(database: Database, of: Post) -> None:
    with database.write() as tx:
        tx.exec_driver_sql("SET LOCAL lock_timeout = '1ms'")
        write(tx, Intake(posts=[of]))


def test_a_pruned_post_takes_its_engagement_along_and_may_be_stored_again(database: Database) -> None:
    with database.write() as tx:
        write(tx, Intake(posts=[post()], samples=[EngagementSample("forum", "1", NOON, Engagement(likes=1))]))
        erasure.prune(tx, "forum", after(hours=1))
        assert posts.samples(tx, NOON, after(hours=1)) == []
        assert write(tx, Intake(posts=[post()])).new_posts == 1
