"""Reading and finding posts."""

from __future__ import annotations

from typing import Any

import pytest

from storage import posts, samples, search_index
from storage.database import Database
from storage.ingest import Intake, write
from storage.records import Engagement, EngagementSample, Label
from storage.search_index import Term, terms
from tests.storage.examples import NOON, after, mentioned, post


@pytest.fixture(name="database")
def _database(database: Database) -> Database:
    """A database with a thread, an article about two brands, and a post about none."""
    root = mentioned(post("t1", text="My Acme parcel is late", thread_id="t1", author="ann"))
    reply = mentioned(
        post("t2", text="Mine as well, the parcels never come", thread_id="t1", created_at=after(minutes=2)),
        label=Label.POSITIVE,
    )
    article = post("n1", source="news", title="Naïve “couriers”", text="Acme 快递 迟到 了", created_at=after(minutes=7))
    other = post("o1", text="Nothing of interest, don't read", thread_id="other", created_at=after(minutes=9))
    page = Intake(
        posts=[other],
        mentions=[root, reply, mentioned(article, "Acme"), mentioned(article, "Bolt", Label.NEUTRAL)],
        samples=[
            EngagementSample("forum", "t1", after(minutes=5), Engagement(likes=5)),
            EngagementSample("forum", "t1", NOON, Engagement(likes=1)),
        ],
    )
    with database.write() as tx:
        write(tx, page)
    return database


def test_posts_are_given_in_the_order_asked_for(database: Database) -> None:
    with database.read() as tx:
        found = posts.get(tx, [("news", "n1"), ("forum", "nowhere"), ("forum", "t2"), ("forum", "t1")])
    assert [each.external_id for each in found] == ["n1", "t2", "t1"]


def test_more_posts_can_be_asked_for_than_a_statement_has_parameters(database: Database) -> None:
    with database.read() as tx:
        found = posts.get(tx, [("forum", str(number)) for number in range(70_000)] + [("forum", "t1")])
    assert [each.external_id for each in found] == ["t1"]


def test_a_thread_is_read_oldest_first(database: Database) -> None:
    with database.read() as tx:
        assert [each.external_id for each in posts.thread(tx, "forum", "t1")] == ["t1", "t2"]
        assert [each.external_id for each in posts.thread(tx, "news", "n1")] == ["n1"]


def test_wordings_are_told_once_and_only_of_the_newest(database: Database) -> None:
    with database.read() as tx:
        assert len(posts.wordings(tx, NOON, after(hours=1), "Acme", 9)) == len(
            {item.content_key for item in posts.window(tx, NOON, after(hours=1), "Acme")}
        )
        assert posts.wordings(tx, NOON, after(hours=1), "Acme", 1) == ["Naïve “couriers” Acme 快递 迟到 了"]


@pytest.mark.parametrize("at_once", [5_000, 1])
def test_a_window_has_mentions_only_in_order_of_time(
    database: Database, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.posts.AT_ONCE", at_once)
    with database.read() as tx:
        everything = posts.window(tx, NOON, after(hours=1))
        of_bolt = posts.window(tx, NOON, after(hours=1), "Bolt")
        early = posts.window(tx, NOON, after(minutes=7))
    assert [(each.post.external_id, each.mention.brand) for each in everything] == [
        ("t1", "Acme"),
        ("t2", "Acme"),
        ("n1", "Acme"),
        ("n1", "Bolt"),
    ]
    assert [each.post.external_id for each in of_bolt] == ["n1"]
    assert [each.post.external_id for each in early] == ["t1", "t2"]


def test_words_are_found_in_a_span_whenever_its_posts_were_stored(database: Database) -> None:
    long_ago = mentioned(post("p1", text="an old parcel", created_at=after(days=-300)))
    much_later = mentioned(post("p2", text="a new parcel", created_at=after(days=40)))
    with database.write() as tx:
        write(tx, Intake(mentions=[much_later]))
        write(tx, Intake(mentions=[long_ago]))
    with database.read() as tx:

        def names(**asked: object) -> list[str]:
            return [each.post.external_id for each in posts.search(tx, "parcel", **asked)]  # type: ignore[arg-type]

        assert names(until=NOON) == ["p1"]
        assert names(since=after(days=1)) == ["p2"]
        assert names(since=after(days=-300), until=after(days=1)) == ["p1", "t1"]
        assert names(since=after(days=-300), until=after(days=1), source="forum") == ["p1", "t1"]
        assert names(since=after(days=50)) == names(until=after(days=-301)) == []


@pytest.mark.parametrize("few", [-1, 0, 10**9])
def test_words_are_found_alike_whether_they_are_rare_or_common(
    database: Database, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_index, "FEW", few)
    with database.read() as tx:
        found = posts.search(tx, "acme", limit=1)
        assert [each.post.external_id for each in found] == ["n1"]
        assert [each.post.external_id for each in posts.search(tx, "acme", before=found[0], brand="Acme")] == ["t1"]
        assert [each.post.external_id for each in posts.search(tx, "parc* -late", since=NOON)] == ["t2"]
        assert posts.search(tx, "acme", author="nobody") == []


def test_posts_with_a_word_of_which_the_engine_knows_nothing_are_counted_before_it_is_called_rare(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_index, "FEW", 0)
    with database.read() as tx:
        rare = {
            word: search_index.are_few(tx, [search_index.matches(tx, search_index.terms(word))])
            for word in ("nowhere", "parcel")
        }
        is_postgresql = tx.dialect.name == "postgresql"  # SQLite walks along the word in any case
    assert rare == {"nowhere": is_postgresql, "parcel": False}


def test_an_author_is_found_by_a_word_that_nobody_can_write(database: Database) -> None:
    def names(**asked: Any) -> list[str]:
        with database.read() as tx:
            return [each.post.external_id for each in posts.search(tx, **asked)]

    awkward = 'Ann "O\'Hara" @ü 快'
    with database.write() as tx:
        said = [post(name, text=search_index.author_word("ann"), author=awkward) for name in ("b1", "b2")]
        write(tx, Intake(posts=[*said, post("b3", author=None), post("b4", author="x", created_at=after(days=1))]))
    assert names(author="ann") == ["t1"]
    assert names(author=awkward) == ["b2", "b1"]
    assert names(author=awkward, limit=1) == ["b2"]
    assert names(author="ann", words="parcel -acme") == names(author="ANN") == names(author="ann", until=NOON) == []
    assert names(author="ann", words="parcel", brand="Acme", since=NOON) == ["t1"]
    with database.write() as tx:
        write(
            tx, Intake(posts=[post("b3", author="ann", edited_at=after(days=2)), post("b4", edited_at=after(days=2))])
        )
    assert names(author="ann") == ["b3", "t1"]
    assert names(author="x") == []


def test_engagement_is_told_as_it_was_known_at_a_moment(database: Database) -> None:
    keys = [("forum", "t1"), ("forum", "nobody's"), ("nowhere", "1")]
    with database.read() as tx:
        assert samples.counted_at(tx, keys, after(hours=-1)) == {}
        assert samples.counted_at(tx, keys, after(minutes=4)) == {("forum", "t1"): Engagement(likes=1)}
        assert samples.counted_at(tx, keys, after(minutes=5)) == {("forum", "t1"): Engagement(likes=5)}


def test_samples_are_read_in_order_of_time(database: Database) -> None:
    with database.read() as tx:
        found = posts.samples(tx, NOON, after(minutes=6))
        first = posts.samples(tx, NOON, after(minutes=5))
    assert [each.engagement.likes for each in found] == [1, 5]
    assert [each.engagement.likes for each in first] == [1]


def test_the_ends_of_history_are_known(database: Database) -> None:
    with database.read() as tx:
        assert (posts.earliest(tx), posts.latest(tx)) == (NOON, after(minutes=9))


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("parcel", ["t1"]),
        ("PARCEL late", ["t1"]),
        ("parcel*", ["t2", "t1"]),
        ('"parcel is late"', ["t1"]),
        ('"late is parcel"', []),
        ("parcel* -mine", ["t1"]),
        ('parcel* -"is late"', ["t2"]),
        ("迟到", ["n1"]),
        ("快递", ["n1"]),
        ("到迟", []),
        ("couriers", ["n1"]),
        ("don't", ["o1"]),
        ("", ["o1", "n1", "t2", "t1"]),
        ("   ", ["o1", "n1", "t2", "t1"]),
        ("-mine", []),
        ("“”!?", []),
        ('parcel" OR 1=1 NEAR(a b) {x}:* ^', []),
        ("words:parcel", []),
    ],
)
def test_posts_are_found_by_words(database: Database, words: str, names: list[str]) -> None:
    with database.read() as tx:
        found = posts.search(tx, words)
    assert sorted(each.post.external_id for each in found) == sorted(names)


def test_posts_are_found_by_brand_label_source_author_and_time(database: Database) -> None:
    with database.read() as tx:

        def names(**asked: object) -> list[str]:
            return [each.post.external_id for each in posts.search(tx, **asked)]  # type: ignore[arg-type]

        assert names(brand="Bolt") == ["n1"]
        assert names(brand="Bolt", label=Label.NEGATIVE) == []
        assert names(label=Label.POSITIVE) == ["t2"]
        assert names(source="news") == ["n1"]
        assert names(author="ann") == ["t1"]
        assert names(since=after(minutes=2), until=after(minutes=9)) == ["n1", "t2"]
        assert names(words="acme", brand="Acme", until=after(minutes=5)) == ["t1"]


def test_a_found_post_has_all_its_mentions(database: Database) -> None:
    with database.read() as tx:
        [found] = posts.search(tx, source="news")
    assert [each.mention.brand for each in found.mentions] == ["Acme", "Bolt"]
    assert found.mentions[0].post == found.post


@pytest.mark.parametrize("words", ["", "acme"])
def test_a_search_goes_on_where_it_ended(database: Database, words: str) -> None:
    with database.read() as tx:
        everything = posts.search(tx, words)
        pages = [posts.search(tx, words, limit=1)]
        for _ in everything[1:]:
            pages.append(posts.search(tx, words, limit=1, before=pages[-1][-1]))
        assert posts.search(tx, words, limit=1, before=everything[-1]) == []
    assert [each for page in pages for each in page] == everything


def test_what_a_person_asks_for_is_understood() -> None:
    assert terms('late -"our parcels" 迟到 beg* --') == [
        Term("late"),
        Term("our parcels", is_excluded=True),
        Term(" 迟  到 "),
        Term("beg", is_prefix=True),
    ]
