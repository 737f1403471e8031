"""What a name would have matched, before it goes into the configuration."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from config.settings import BrandSettings, Settings
from monitor.assembly import assemble
from monitor.pipeline import Batch
from monitor.preview import PAGE, look, stored, unseen
from storage import posts as post_store
from storage.database import Database
from storage.records import Post
from tests.storage.examples import NOON, after

ACME = BrandSettings(name="Acme", aliases=["Acme Parcels"], handles=["acme_cares"], exclude=["acme trees"])
BOLT = BrandSettings(name="Bolt", ambiguous=True)
TEXTS = (
    "Acme lost it",
    "Big A lost it",
    "Acme, the Big A, lost it",
    "The BIG A again",
    "Thing big and small",
    "big a",
    "big a!",
)
POSTS = [Post("forum" if n % 2 else "news", str(n), after(minutes=n), text) for n, text in enumerate(TEXTS)]


def test_posts_are_counted_that_a_new_name_would_match_and_those_nothing_matches_today() -> None:
    looked = look(POSTS, [ACME, BOLT], [("Acme", "Big A")], seconds=9)
    (preview,) = looked.previews
    assert (preview.matched, preview.new, preview.doubtful) == (5, 4, 0)
    assert (preview.sources, preview.new_sources) == ({"forum": 3, "news": 2}, {"forum": 3, "news": 1})
    assert preview.mean_relevance == pytest.approx(0.95)
    assert [one.is_new for one in preview.examples] == [True] * 4 + [False]
    assert (looked.posts, looked.first_at, looked.last_at, looked.is_complete) == (7, NOON, after(minutes=6), True)


def test_examples_are_of_different_wordings_and_new_ones_go_first() -> None:
    copies = [Post("forum", f"c{n}", NOON, "RT @a: Big A lost it") for n in range(30)]
    known = [Post("forum", f"k{n}", NOON, f"Acme, the Big A, number {n}") for n in range(30)]
    (preview,) = look([*known, *copies, *POSTS[3:4]], [ACME], [("Acme", "Big A")], seconds=9).previews
    assert (preview.matched, preview.new) == (61, 31)
    assert [one.is_new for one in preview.examples] == [True, True, False, False, False]


def test_what_is_too_doubtful_is_no_match() -> None:
    posts = [Post("forum", "1", NOON, "a bolt of lightning"), Post("forum", "2", NOON, "the spark of life")]
    (preview,) = look(posts, [BOLT], [("Bolt", "Spark")], seconds=9).previews
    assert (preview.matched, preview.new, preview.doubtful, preview.mean_relevance) == (0, 0, 1, None)


def test_a_configured_name_is_compared_with_the_configuration_without_it() -> None:
    posts = [Post("forum", "1", NOON, "ask @acme_cares"), Post("forum", "2", NOON, "Acme said: ask @acme_cares")]
    (preview,) = look(posts, [ACME], [("Acme", "@acme_cares")], seconds=9).previews
    assert (preview.matched, preview.new) == (2, 1)


def test_several_names_are_looked_for_in_one_reading() -> None:
    def once() -> Iterator[Post]:
        yield from POSTS

    names = [("Acme", "Big A"), ("Acme", "Acme Parcels"), ("Bolt", "Lightning")]
    assert [each.matched for each in look(once(), [ACME, BOLT], names, seconds=9).previews] == [5, 0, 0]


def test_the_reading_ends_when_its_time_is_up_and_says_so() -> None:
    ticking = iter(range(100))
    endless = (Post("forum", str(n), NOON, "Big A") for n in range(10 * PAGE))
    looked = look(endless, [ACME], [("Acme", "Big A")], seconds=3, clock=lambda: float(next(ticking)))
    assert (looked.posts, looked.is_complete) == (3 * PAGE, False)
    assert looked.previews[0].matched == 3 * PAGE


def test_stored_posts_come_newest_first_whether_or_not_they_were_mentions(sqlite_database: Database) -> None:
    with sqlite_database.read() as tx:
        assert post_store.matched_terms(tx) == {}
    settings = watching()
    assemble(settings, sqlite_database).ingest(Batch(POSTS))
    assert [post.external_id for post in stored(sqlite_database)] == list("6543210")
    assert [post.external_id for post in stored(sqlite_database, since=after(minutes=5))] == list("65")


def test_names_that_no_stored_mention_has_are_found(database: Database) -> None:
    settings = watching()
    assemble(settings, database).ingest(Batch([*POSTS, Post("forum", "9", NOON, "@acme_cares hello")]))
    assert unseen(database, settings.brands) == [("Acme", "Acme Parcels")]


def watching() -> Settings:
    return Settings.model_validate({"brands": [ACME.model_dump(), BOLT.model_dump()]})
