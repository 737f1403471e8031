"""The thread in context: which one carries an incident, and what a reply replies to."""

from __future__ import annotations

from monitor.conversation import answered, carrying
from storage import ingest, remarks
from storage.database import Database
from storage.records import Engagement, Post
from storage.remarks import Remark
from tests.storage.examples import NOON, after, mentioned, post

ROOT = post("root", title="They sent a lawyer", thread_id="root", engagement=Engagement(replies=40))


def replies(number: int, thread: str = "root") -> list[Post]:
    return [
        post(f"{thread}-{place}", thread_id=thread, parent_id=thread, created_at=after(minutes=10 * place))
        for place in range(number)
    ]


def stored(database: Database, *posts: Post) -> list[Remark]:
    with database.write() as tx:
        ingest.write(tx, ingest.Intake(posts=posts, mentions=[mentioned(one) for one in posts]))
        return remarks.newest(tx, NOON, after(days=1), "Acme", 100)


def test_the_thread_with_most_of_the_posts_carries_it(database: Database) -> None:
    said = stored(database, ROOT, *replies(8), *replies(2, "other"))
    with database.read() as tx:
        found = carrying(tx, said, after(minutes=70))
    assert found is not None
    assert (found.title, found.source, found.replies) == ("They sent a lawyer", "forum", 40)
    assert (found.started_at, found.replies_per_hour) == (NOON, 6)


def test_scattered_posts_have_no_thread_that_carries_them(sqlite_database: Database) -> None:
    lone = [post(f"lone-{number}") for number in range(30)]
    said = stored(sqlite_database, *lone, *replies(5), *replies(4, "other"))
    with sqlite_database.read() as tx:
        assert carrying(tx, said, after(hours=1)) is None
        assert carrying(tx, said[:3], after(hours=1)) is None
        assert carrying(tx, [], after(hours=1)) is None


def test_a_reply_is_shown_with_what_it_replies_to(database: Database) -> None:
    first, second = replies(2)
    deep = post("deep", thread_id="root", parent_id=first.external_id, text="So do I", created_at=NOON)
    lost = post("lost", thread_id="gone", parent_id="gone")
    stored(database, ROOT, first, second, deep, lost)
    with database.read() as tx:
        words = answered(tx, [ROOT, second, deep, lost])
    assert words == {second.key: "They sent a lawyer", deep.key: first.text}
