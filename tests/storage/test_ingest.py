"""Writing what was read."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import select

from storage import bins, cursors, gaps, posts, runs, samples
from storage.columns import to_micros
from storage.database import Database
from storage.ingest import Intake, Written, write
from storage.reading import PostState
from storage.records import (
    Bin,
    CollectorRun,
    Cursor,
    Engagement,
    EngagementSample,
    Gap,
    Label,
    MentionedPost,
    Post,
    PostKind,
    RunOutcome,
)
from storage.schema import engagement_sample
from tests.storage.examples import NOON, after, mentioned, post


def take(database: Database, *read: MentionedPost | Post, **more: Any) -> Written:
    """Write posts, with a mention where one is given."""
    page = Intake(
        posts=[each for each in read if isinstance(each, Post)],
        mentions=[each for each in read if isinstance(each, MentionedPost)],
        **more,
    )
    with database.write() as tx:
        return write(tx, page)


def stored(database: Database, key: tuple[str, str] = ("forum", "1")) -> Post:
    with database.read() as tx:
        return posts.get(tx, [key])[0]


def window(database: Database) -> list[MentionedPost]:
    with database.read() as tx:
        return posts.window(tx, after(days=-1), after(days=1))


def growth(database: Database) -> list[tuple[datetime, int | None]]:
    with database.read() as tx:
        return [(one.at, one.engagement.likes) for one in posts.samples(tx, after(days=-1), after(days=1))]


def rows_of_samples(database: Database) -> int:
    with database.read() as tx:
        return len(tx.execute(select(engagement_sample)).all())


def of_acme(database: Database) -> Sequence[Bin]:
    with database.read() as tx:
        return bins.series(tx, "Acme", after(days=-1), after(days=1))


def test_a_post_comes_back_as_it_was_given(database: Database) -> None:
    given = post(
        "a/b?c=ü",
        created_at=after(microseconds=1),
        text="Acme’s “parcels” are late 😡\n迟到了",
        kind=PostKind.REPLY,
        title="<b>Late</b>",
        url="https://forum.example/1",
        author="u1",
        author_name="Ω",
        author_reach=2**40,
        thread_id="root",
        parent_id="up",
        repost_of="other",
        language="zh",
        engagement=Engagement(1, 2, 0, None),
        edited_at=after(minutes=2),
        collected_at=after(minutes=3),
        brands=("Acme", "Bolt"),
    )
    take(database, given)
    assert stored(database, given.key) == given


def test_a_mention_brings_its_post_and_comes_back_with_its_score(database: Database) -> None:
    given = mentioned(post(), uncertainty=0.25)
    written = take(database, given)
    assert written.new_posts == 1
    assert written.new_mentions == [given]
    assert window(database) == [given]


def test_reading_the_same_again_changes_nothing(database: Database) -> None:
    given = mentioned(post())
    take(database, given)
    assert take(database, given) == Written()
    assert [each.posts for each in of_acme(database)] == [1]


@pytest.mark.parametrize("names", ["5", "456", "45", "56", "915"])
def test_a_known_post_is_found_wherever_its_name_lies_in_a_batch(database: Database, names: str) -> None:
    take(database, mentioned(post("5")))
    assert take(database, *(mentioned(post(name)) for name in names)).new_posts == len(names) - 1
    assert [each.posts for each in of_acme(database)] == [len(names)]


def test_an_edit_is_scored_anew_and_counted_by_its_difference(database: Database) -> None:
    take(database, mentioned(post(), label=Label.NEGATIVE))
    edited = mentioned(post(text="Acme solved it", edited_at=after(minutes=9)), label=Label.POSITIVE)
    written = take(database, edited)
    assert written.changed_mentions == [edited]
    assert of_acme(database) == [Bin("Acme", "forum", NOON, posts=1, positive=1)]


def test_an_edit_may_come_before_the_first_wording(database: Database) -> None:
    edited = mentioned(post(text="Acme solved it", collected_at=after(minutes=9)), label=Label.POSITIVE)
    take(database, edited)
    take(database, mentioned(post(collected_at=after(minutes=1)), label=Label.NEGATIVE))
    assert stored(database).text == "Acme solved it"
    assert of_acme(database) == [Bin("Acme", "forum", NOON, posts=1, positive=1)]


def test_an_edit_that_no_longer_names_the_brand_takes_its_mention_back(database: Database) -> None:
    first = mentioned(post(collected_at=NOON))
    take(database, first)
    written = take(database, post(text="never mind", collected_at=after(minutes=5)))
    assert [each.mention for each in written.removed_mentions] == [first.mention]
    assert window(database) == []
    assert of_acme(database) == []


def test_a_later_reading_without_the_brand_keeps_its_mention_while_the_words_stay(database: Database) -> None:
    take(database, mentioned(post(collected_at=NOON), "Acme"))
    take(database, mentioned(post(collected_at=after(minutes=5)), "Bolt"))
    assert [each.mention.brand for each in window(database)] == ["Acme", "Bolt"]


def test_a_newer_score_replaces_an_older_one_in_whatever_order_they_come(database: Database) -> None:
    newer = mentioned(post(collected_at=after(minutes=5)), label=Label.POSITIVE, version="2")
    take(database, newer)
    take(database, mentioned(post(collected_at=NOON), label=Label.NEGATIVE, version="1"))
    assert window(database)[0].score == newer.score


def test_engagement_is_the_newest_read(database: Database) -> None:
    take(database, post(collected_at=NOON, engagement=Engagement(likes=1)))
    take(database, samples=[EngagementSample("forum", "1", after(minutes=10), Engagement(likes=50))])
    take(database, post(collected_at=after(minutes=5), engagement=Engagement(likes=7)))
    assert stored(database).engagement == Engagement(likes=50)


def test_engagement_may_be_read_before_its_post(database: Database) -> None:
    take(database, samples=[EngagementSample("forum", "1", after(minutes=10), Engagement(likes=50))])
    take(database, post(collected_at=NOON, engagement=Engagement(likes=1)))
    assert stored(database).engagement == Engagement(likes=50)


def test_what_was_counted_at_first_sight_is_the_beginning_of_growth(database: Database) -> None:
    take(database, post(collected_at=NOON, engagement=Engagement(likes=1)), post("2", engagement=Engagement()))
    assert growth(database) == [(NOON, 1)]
    assert rows_of_samples(database) == 0, "it stands with the post, which most posts need nothing beside"
    take(database, post(collected_at=after(minutes=5), engagement=Engagement(likes=7)))
    take(database, samples=[EngagementSample("forum", "1", after(minutes=9), Engagement(likes=9))])
    take(database, post(collected_at=after(minutes=2), engagement=Engagement(likes=3)))
    assert growth(database) == [(NOON, 1), (after(minutes=2), 3), (after(minutes=5), 7), (after(minutes=9), 9)]
    assert rows_of_samples(database) == 3


def test_what_earlier_versions_stored_twice_is_read_once(database: Database) -> None:
    take(database, post(collected_at=NOON, engagement=Engagement(likes=4)))
    with database.write() as tx:
        samples.write(tx, [EngagementSample("forum", "1", NOON, Engagement(likes=4))])
    assert growth(database) == [(NOON, 4)]


def test_a_post_whose_language_was_recognised_is_one_reading_with_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = [post(str(number), text=f"Acme {number}") for number in range(3)]
    with monkeypatch.context() as patched:
        patched.setattr(PostState, "of", _joined_after_all)
        told = take(database, *bare, *(mentioned(structs.replace(one, language="en")) for one in bare[:2]))
    assert (told.new_posts, len(told.new_mentions), told.changed_posts) == (3, 2, 0)
    assert [stored(database, ("forum", name)).language for name in "012"] == ["en", "en", None]
    edited = structs.replace(bare[2], text="Acme, no more", language="en", edited_at=after(minutes=1))
    assert take(database, bare[2], mentioned(edited)).changed_posts == 1, "an edit is a reading of its own"
    assert stored(database, ("forum", "2")).text == "Acme, no more"


def _joined_after_all(_reading: object) -> PostState:
    raise AssertionError("one reading has nothing to be joined with")


def test_what_is_read_once_is_stored_as_what_is_joined(database: Database) -> None:
    once = [post(str(number), text=f"Acme {number}", brands=("Bolt",)) for number in range(3)]
    told = take(database, *map(mentioned, once), once[0], mentioned(post("0", text="Acme 0"), "Bolt"))
    assert (told.new_posts, len(told.new_mentions)) == (3, 4)
    assert [one.post.external_id for one in window(database)] == ["0", "0", "1", "2"]
    assert take(database, *map(mentioned, once)) == Written()


def test_the_first_reading_time_is_kept(database: Database) -> None:
    take(database, post(collected_at=after(minutes=5)))
    take(database, post(collected_at=after(minutes=1)))
    take(database, post(collected_at=after(minutes=9)))
    assert stored(database).collected_at == after(minutes=1)


def test_reposts_and_reach_are_counted(database: Database) -> None:
    take(
        database,
        mentioned(post("1", kind=PostKind.REPOST, author_reach=10)),
        mentioned(post("2", repost_of="1", author_reach=5)),
        mentioned(post("3"), label=Label.UNSCORED),
    )
    assert of_acme(database) == [Bin("Acme", "forum", NOON, posts=3, negative=2, unscored=1, reposts=2, reach=15)]


def test_bins_begin_at_whole_five_minutes_of_the_posts_own_time(database: Database) -> None:
    for name, passed in (("1", 0.0), ("2", 299.999999), ("3", 300.0), ("4", -0.000001)):
        take(database, mentioned(post(name, created_at=after(seconds=passed))))
    counted = [(each.start, each.posts) for each in of_acme(database)]
    assert counted == [(after(minutes=-5), 1), (NOON, 2), (after(minutes=5), 1)]


def test_words_that_no_database_keeps_are_replaced_once_and_for_all(database: Database) -> None:
    broken = mentioned(post(text="Acme \x00 is \ud83d late", title="\udfff", author_name="\x00"))
    take(database, broken)
    kept = stored(database)
    assert (kept.text, kept.title, kept.author_name) == ("Acme \ufffd is \ufffd late", "\ufffd", "\ufffd")
    assert take(database, broken) == Written()


def test_cursor_gaps_and_run_are_written_with_the_posts(database: Database) -> None:
    cursor = Cursor("forum", {"after": "t3_9", "pages": [1, 2]}, NOON)
    gap = Gap("forum", after(hours=-2), after(hours=-1), "the source did not answer", 0.5)
    run = CollectorRun("forum", NOON, after(seconds=3), RunOutcome.PARTIAL, 1, 1, 2, "page 3 failed")
    take(database, post(), cursor=cursor, gaps=[gap], run=run)
    with database.read() as tx:
        assert cursors.get(tx, "forum") == cursor
        assert gaps.between(tx, after(days=-1), NOON) == [gap]
        assert runs.recent(tx, "forum") == [run]


def test_nothing_of_a_page_is_kept_when_its_transaction_fails(database: Database) -> None:
    with suppress(KeyboardInterrupt), database.write() as tx:
        write(tx, Intake(mentions=[mentioned(post())], cursor=Cursor("forum", {"page": 2}, NOON)))
        raise KeyboardInterrupt
    with database.read() as tx:
        assert posts.latest(tx) is None
        assert cursors.get(tx, "forum") is None
    assert of_acme(database) == []


def test_a_cursor_never_goes_back(database: Database) -> None:
    take(database, cursor=Cursor("forum", {"page": 2}, after(minutes=1)))
    take(database, cursor=Cursor("forum", {"page": 1}, NOON))
    with database.read() as tx:
        assert cursors.every(tx) == [Cursor("forum", {"page": 2}, after(minutes=1))]


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(TypeError):
        to_micros(NOON.replace(tzinfo=None))
