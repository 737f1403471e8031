"""What no database holds does not keep a page from being stored, whatever the engine."""

from __future__ import annotations

import random
import string
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config.settings import Settings
from monitor.assembly import assemble
from monitor.bounds import LONGEST, MOST, posts_within
from monitor.pipeline import Batch
from storage import gaps, posts, runs
from storage.database import Database
from storage.records import (
    CollectorRun,
    Cursor,
    Engagement,
    EngagementSample,
    Gap,
    Post,
    RunOutcome,
    SetAside,
    Stage,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LETTERS = random.Random(1)  # of one letter it would be packed, and short again
LONG = "".join(LETTERS.choices(string.ascii_letters, k=20_000))
NONSENSE: Any = {"a": 1}
ODD: list[dict[str, Any]] = [
    {"engagement": Engagement(likes=2**70, shares=-3, replies=7, views=10**400)},
    {"engagement": Engagement(likes=NONSENSE, shares="many", replies=float("nan"), views=True)},  # type: ignore[arg-type]
    {"author_reach": 2**63},
    {"author": LONG},
    {"thread_id": LONG, "parent_id": LONG, "repost_of": LONG},
    {"url": f"https://a.example/{LONG}"},
    {"url": NONSENSE, "author": 7, "author_name": NONSENSE, "language": NONSENSE},
]


def odd_posts() -> list[Post]:
    return [Post("forum", f"odd{n}", NOW, "Acme again", **fields) for n, fields in enumerate(ODD)]


def test_a_page_is_stored_whatever_its_posts_say_of_themselves(database: Database) -> None:
    pipeline = assemble(Settings.model_validate({"brands": [{"name": "Acme"}]}), database)
    longs = [Post("forum", f"{LONG}{n}", NOW, "Acme again") for n in range(2)]
    sound = Post("forum", "sound", NOW, "Acme", engagement=Engagement(likes=3))
    samples = [
        EngagementSample("forum", "sound", NOW + timedelta(minutes=1), Engagement(likes=2**70, replies=4)),
        EngagementSample("forum", f"{LONG}0", NOW + timedelta(minutes=1), Engagement(likes=5)),
    ]
    for _ in range(2):  # what is known already changes nothing
        pipeline.ingest(Batch(posts=[*odd_posts(), *longs, sound], samples=samples))
    with database.read() as tx:
        found = posts.window(tx, NOW, NOW + timedelta(seconds=1))
    stored = {one.post.external_id: one.post for one in found}
    assert len(stored) == len(ODD) + 3
    assert stored["odd0"].engagement == Engagement(replies=7)
    assert stored["odd6"].author == "7"
    assert stored["sound"].engagement == Engagement(replies=4)
    assert sorted(post.engagement.likes or 0 for name, post in stored.items() if name.startswith(LONG[:100])) == [0, 5]


@pytest.mark.parametrize("odd", ["a\0b", "half of a pair \ud800", LONG], ids=["nul", "surrogate", "long"])
def test_what_is_said_about_a_page_keeps_none_from_being_booked(database: Database, odd: str) -> None:
    pipeline = assemble(Settings.model_validate({"brands": [{"name": "Acme"}]}), database)
    later = NOW + timedelta(minutes=1)
    run = CollectorRun("forum", NOW, later, RunOutcome.FAILED, error=odd)
    aside = SetAside("forum", odd, odd, "a hash", Stage.READ, NOW, b"\0")
    samples = [EngagementSample("forum", odd, at, Engagement(likes)) for at, likes in ((NOW, 1), (later, 2))]
    pipeline.ingest(
        Batch(
            posts=[Post("forum", odd, NOW, "Acme again")],
            samples=samples,
            run=run,
            gaps=[Gap("forum", NOW, later, odd)],
            set_aside=[aside],
            cursor=Cursor("forum", {odd: odd}, NOW),
        )
    )
    with database.read() as tx:
        ((stored),) = posts.window(tx, NOW, later)
        assert stored.post.engagement == Engagement(2)
        assert runs.latest(tx, "forum") is not None
        assert len(gaps.unfilled(tx, "forum")) == 1


def test_a_name_that_is_too_long_stays_the_name_of_one_thing() -> None:
    root, other, reply = posts_within(
        [
            Post("forum", LONG, NOW, "x", thread_id=LONG),
            Post("forum", LONG[:-1], NOW, "x"),
            Post("forum", "1", NOW, "x", thread_id=LONG, parent_id=LONG),
        ]
    )
    assert root.external_id == root.thread_id == reply.thread_id == reply.parent_id != other.external_id
    assert len(root.external_id) <= LONGEST


@pytest.mark.parametrize("likes", [None, 0, 3, MOST])
def test_a_sound_post_stays_the_same_object(likes: int | None) -> None:
    post = Post("forum", "1", NOW, "x", url="https://a.example/", author="kim", engagement=Engagement(likes))
    assert posts_within([post])[0] is post
