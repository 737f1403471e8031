"""Whose posts are stored is remembered for a day at the most."""

from __future__ import annotations

import gc
from datetime import timedelta

from monitor import remembered
from monitor.authors import READ_AGAIN_AFTER, Authors
from storage import erasure
from storage.database import Database
from storage.ingest import Intake, write
from tests.storage.examples import NOON, mentioned, post


def stored(database: Database, *authors: str) -> None:
    """A post of the forum by each of them."""
    with database.write() as tx:
        write(tx, Intake(mentions=[mentioned(post(f"of {author}", author=author)) for author in authors]))


def among(database: Database, authors: Authors, *names: str, after: timedelta = timedelta(0)) -> set[str]:
    with database.read() as tx:
        return authors.among(tx, names, NOON + after)


def test_strangers_are_told_from_authors(sqlite_database: Database) -> None:
    stored(sqlite_database, "ann", "bob")
    authors = Authors("forum")
    assert among(sqlite_database, authors, "ann", "eve") == {"ann"}
    authors.add([post("3", author="eve")])
    assert among(sqlite_database, authors, "ann", "eve") == {"ann", "eve"}


def test_whose_last_post_was_deleted_is_remembered_for_a_day_at_the_most(sqlite_database: Database) -> None:
    stored(sqlite_database, "ann", "bob")
    authors = Authors("forum")
    assert among(sqlite_database, authors, "ann") == {"ann"}
    with sqlite_database.write() as tx:
        erasure.erase(tx, erasure.posts_of(tx, "ann", "forum"), NOON, "asked")
    assert len(authors) == 2
    assert among(sqlite_database, authors, "ann", after=READ_AGAIN_AFTER) == set()
    assert len(authors) == 1


def test_no_name_of_an_author_is_in_memory_that_would_have_to_be_let_go_of(sqlite_database: Database) -> None:
    stored(sqlite_database, "ann", "bob")
    authors = Authors("forum")
    among(sqlite_database, authors, "ann")
    authors.add([post("3", author="eve")])
    remembered.let_go()
    assert not any(isinstance(held, str) for held in gc.get_referents(authors._known))
    assert among(sqlite_database, authors, "ann", "bob", "eve", "zoe") == {"ann", "bob", "eve"}
