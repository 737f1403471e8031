"""What the page of an incident reads of thousands of posts is what is stored of each."""

from __future__ import annotations

from storage import posts, remarks
from storage.database import Database
from storage.ingest import Intake, write
from storage.records import Engagement, EngagementSample, Label
from tests.storage.examples import NOON, after, mentioned, post

HOUR = after(hours=1)


def store(database: Database) -> None:
    said = [
        mentioned(post(str(number), created_at=after(minutes=number % 3), author=f"a{number}", author_reach=number))
        for number in range(9)
    ]
    loud = post("loud", title="Acme", thread_id="t", collected_at=after(minutes=2), engagement=Engagement(likes=7))
    grown = EngagementSample("forum", "loud", after(hours=2), Engagement(likes=900))
    with database.write() as tx:
        write(tx, Intake(mentions=[*said, mentioned(post("other"), "Bolt"), mentioned(loud, label=Label.UNSCORED)]))
        write(tx, Intake(samples=[EngagementSample("forum", "loud", after(minutes=2), Engagement(likes=7)), grown]))


def test_a_remark_says_what_the_mention_does(database: Database) -> None:
    store(database)
    with database.read() as tx:
        found = remarks.newest(tx, NOON, after(days=1), "Acme", 99)
        whole = posts.window(tx, NOON, after(days=1), "Acme")
    assert [(one.key, one.created_at, one.words, one.author, one.reach, one.thread_id) for one in found] == [
        (of.key, of.created_at, f"{of.title} {of.text}", of.author, of.author_reach, of.thread_id)
        for of in (item.post for item in whole)
    ]
    assert [(one.label, one.compound, one.content_key, one.has_kinds) for one in found] == [
        (item.score.label, item.score.compound, item.content_key, bool(item.kinds)) for item in whole
    ]
    assert remarks.terms(found) == ["acme"]


def test_only_the_newest_are_read(database: Database) -> None:
    store(database)
    with database.read() as tx:
        everything = remarks.newest(tx, NOON, HOUR, "Acme", 99)
        for count in (1, 2, 99):
            assert remarks.newest(tx, NOON, HOUR, "Acme", count) == everything[-count:]
        assert remarks.newest(tx, HOUR, after(days=1), "Acme", 99) == []


def test_a_remark_was_liked_as_often_as_was_known_then(database: Database) -> None:
    store(database)
    with database.read() as tx:
        likes = [
            {one.external_id: one.likes for one in remarks.newest(tx, NOON, until, "Acme", 99)}["loud"]
            for until in (after(minutes=1), HOUR, after(hours=3))
        ]
    assert likes == [None, 7, 900]
