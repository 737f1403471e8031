"""Replies count for the brands of their thread, whichever of the two arrives first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from config.settings import Settings
from monitor.assembly import assemble
from monitor.pipeline import Batch, Pipeline
from storage import posts
from storage.database import Database
from storage.records import Post, PostKind

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SETTINGS = Settings.model_validate({"brands": [{"name": "Norrvik Mobile"}, {"name": "Sundelin Telecom"}]})

ROOT = Post("blog", "a1", NOW, "They left me a voicemail.", PostKind.ARTICLE, "Norrvik Mobile threatens a customer")
COMMENTS = [
    Post("blog", f"c{n}", NOW + timedelta(minutes=n), text, PostKind.COMMENT, thread_id="a1", parent_id="a1")
    for n, text in enumerate(("Shameful.", "I have written to them too.", "Sundelin Telecom would never.", "Awful."), 1)
]
ELSEWHERE = Post("blog", "c9", NOW, "Shameful.", PostKind.COMMENT, thread_id="a2", parent_id="a2")


@pytest.fixture
def pipeline(database: Database) -> Pipeline:
    return assemble(SETTINGS, database)


def mentioned(pipeline: Pipeline) -> set[tuple[str, str]]:
    with pipeline.database.read() as tx:
        found = posts.window(tx, NOW - timedelta(days=1), NOW + timedelta(days=1))
    return {(item.post.external_id, item.mention.brand) for item in found}


EXPECTED = {("a1", "Norrvik Mobile"), ("c3", "Sundelin Telecom"), *((f"c{n}", "Norrvik Mobile") for n in range(1, 5))}


def test_comments_under_an_article_count_for_its_brand_though_they_do_not_name_it(pipeline: Pipeline) -> None:
    pipeline.ingest(Batch([ROOT]))
    pipeline.ingest(Batch([*COMMENTS, ELSEWHERE]))
    assert mentioned(pipeline) == EXPECTED


def test_comments_that_came_before_their_article_count_once_it_is_there(pipeline: Pipeline) -> None:
    pipeline.ingest(Batch(COMMENTS))
    assert mentioned(pipeline) == {("c3", "Sundelin Telecom")}
    pipeline.ingest(Batch([ROOT]))
    assert mentioned(pipeline) == EXPECTED


@given(order=st.permutations([ROOT, ELSEWHERE, *COMMENTS]), cuts=st.sets(st.integers(1, 5)))
@examples(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_and_any_batching_ends_the_same(order: list[Post], cuts: set[int]) -> None:
    with Database.open("sqlite://") as database:
        pipeline = assemble(SETTINGS, database)
        edges = [0, *sorted(cuts), len(order)]
        for start, end in pairwise(edges):
            pipeline.ingest(Batch(order[start:end]))
        assert mentioned(pipeline) == EXPECTED


def test_a_comment_of_another_thread_stays_out(pipeline: Pipeline) -> None:
    pipeline.ingest(Batch([ROOT, ELSEWHERE]))
    assert mentioned(pipeline) == {("a1", "Norrvik Mobile")}
