"""Tables for analysts."""

from __future__ import annotations

import pandas as pd
import pytest

from storage import frames, gaps, incidents, outbox
from storage.database import Database
from storage.ingest import Intake, write
from storage.records import DeliveryState, Engagement, Gap, Label
from tests.storage.examples import NOON, after, alert, delivery, incident, mentioned, post


@pytest.fixture(name="database")
def _database(database: Database) -> Database:
    """A database with three posts, two incidents and a delivery that was sent."""
    counted = Engagement(likes=3)
    with database.write() as tx:
        page = [
            mentioned(post("1", author_reach=10, engagement=counted)),
            mentioned(post("2", created_at=after(minutes=6)), label=Label.POSITIVE),
            mentioned(post("3", created_at=after(hours=1)), "Bolt", Label.UNSCORED),
        ]
        write(tx, Intake(mentions=page))
        incidents.insert(tx, incident(acknowledged_at=after(minutes=4), acknowledged_by="Ann"))
        incidents.insert(tx, incident("i2", opened_at=after(hours=2)))
        incidents.add_alert(tx, alert())
        incidents.append_event(tx, "i1", NOON, "opened", details={"why": "40 voices"})
        incidents.append_event(tx, "i1", after(minutes=4), "acknowledged", "Ann", {"note": "calling legal"})
        gaps.add(
            tx, [Gap("forum", NOON, after(minutes=5), "refused"), Gap("forum", after(hours=1), after(hours=2), "")]
        )
        outbox.enqueue(tx, [delivery(sent_at=after(seconds=3), state=DeliveryState.SENT), delivery(2)])
    return database


FRAMES = {
    "incidents": (frames.incidents, frames.INCIDENTS),
    "posts": (frames.posts, frames.POSTS),
    "bins": (frames.bins, frames.BINS),
    "deliveries": (frames.deliveries, frames.DELIVERIES),
    "timeline": (frames.timeline, frames.TIMELINE),
    "gaps": (frames.gaps, frames.GAPS),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_has_the_columns_that_are_promised(database: Database, name: str) -> None:
    ask, promised = FRAMES[name]
    with database.read() as tx:
        full, empty = ask(tx), ask(tx, after(days=1), after(days=2))
    assert len(full) > 1
    assert len(empty) == 0
    for found in (full, empty):
        assert list(found.columns) == list(promised)
        assert {column: str(found[column].dtype) for column in promised} == {
            column: str(pd.Series(dtype=dtype).dtype) for column, dtype in promised.items()
        }


def test_incidents_tell_how_long_people_took(database: Database) -> None:
    with database.read() as tx:
        first = frames.incidents(tx).iloc[0]
    assert first.time_to_open == pd.Timedelta(minutes=30)
    assert first.time_to_tell == pd.Timedelta(seconds=3)
    assert first.time_to_acknowledge == pd.Timedelta(minutes=4)
    assert first.time_to_resolve is pd.NaT
    assert first.alerts == 1


def test_posts_stand_with_the_sentiment_toward_the_brand(database: Database) -> None:
    with database.read() as tx:
        found = frames.posts(tx, NOON, after(hours=1), "Acme")
    assert list(found.external_id) == ["1", "2"]
    assert list(found.label) == ["negative", "positive"]
    assert found.created_at[0] == pd.Timestamp(NOON)
    assert (found.likes[0], found.views[0], found.likes[1]) == (3, pd.NA, pd.NA)


def test_bins_can_be_joined_into_longer_slots(database: Database) -> None:
    with database.read() as tx:
        short = frames.bins(tx, brand="Acme")
        long = frames.bins(tx, every="1h")
    assert list(short.posts) == [1, 1]
    assert [(each.brand, each.posts, each.negative_share) for each in long.itertuples()] == [
        ("Acme", 2, 0.5),
        ("Bolt", 1, pd.NA),
    ]
    assert long.start[0] == pd.Timestamp(NOON)


def test_deliveries_tell_how_late_they_were(database: Database) -> None:
    with database.read() as tx:
        found = frames.deliveries(tx).set_index("seq")
    assert found.delay[1] == pd.Timedelta(seconds=3)
    assert found.delay[2] is pd.NaT
    assert found.severity.max() == "warning"


def test_posts_come_in_parts_that_together_are_the_whole(database: Database) -> None:
    with database.read() as tx:
        parts = list(frames.posts_in_parts(tx, size=2))
        nothing = list(frames.posts_in_parts(tx, after(days=1)))
        whole = frames.posts(tx)
    assert [len(part) for part in parts] == [2, 1]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)
    assert [len(part) for part in nothing] == [0]
    assert list(nothing[0].columns) == list(frames.POSTS)


def test_the_timeline_says_who_did_what_in_which_words(database: Database) -> None:
    with database.read() as tx:
        found = frames.timeline(tx)
    assert list(found.note) == ["40 voices", "calling legal"]
    assert list(found.who) == ["tocsin", "Ann"]


def test_gaps_have_a_length(database: Database) -> None:
    with database.read() as tx:
        assert frames.gaps(tx).length.sum() == pd.Timedelta(minutes=65)
