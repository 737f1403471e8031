"""What people said of posts, and what of it counts."""

from __future__ import annotations

from typing import Any

from storage import corrections, erasure
from storage.corrections import Correction
from storage.database import Database
from storage.ingest import Intake, write
from storage.records import CorrectedLabel, MentionedPost
from tests.storage.examples import NOON, after, mentioned, post


def said(name: str = "c1", label: CorrectedLabel = CorrectedLabel.POSITIVE, **fields: Any) -> Correction:
    made = {"source": "forum", "external_id": "1", "brand": "Acme", "content_key": "a1", "copies": True}
    return Correction(**{"id": name, "label": label, "at": NOON, "author": "Ada", **made, **fields})


def counting(database: Database, item: MentionedPost) -> str | None:
    with database.read() as tx:
        found = corrections.standing(tx, [item])
    return found[item.post.key, item.mention.brand].id if found else None


def test_a_correction_counts_for_its_post_and_for_copies_of_its_wording(database: Database) -> None:
    with database.write() as tx:
        corrections.add(tx, said())
    assert counting(database, mentioned(post("1"))) == "c1"
    assert counting(database, mentioned(post("2"))) == "c1"
    assert counting(database, mentioned(post("1"), brand="Bolt")) is None


def test_one_of_a_short_wording_counts_for_its_post_alone(database: Database) -> None:
    with database.write() as tx:
        corrections.add(tx, said(copies=False))
    assert counting(database, mentioned(post("1"))) == "c1"
    assert counting(database, mentioned(post("2"))) is None


def test_the_newest_counts_until_it_is_taken_back(database: Database) -> None:
    with database.write() as tx:
        corrections.add(tx, said("new", at=after(hours=1), external_id="2"))
        corrections.add(tx, said("old"))
    assert counting(database, mentioned(post("1"))) == "new"
    with database.write() as tx:
        assert corrections.undo(tx, "new", after(hours=2), "Ada")
        assert not corrections.undo(tx, "new", after(hours=3), "Bob")
    assert counting(database, mentioned(post("1"))) == "old"
    with database.read() as tx:
        assert [each.id for each in corrections.recent(tx)] == ["old"]
        assert [(each.id, each.undone_by) for each in corrections.recent(tx, undone=True)] == [
            ("new", "Ada"),
            ("old", None),
        ]
        assert corrections.count(tx) == (2, 1)


def test_corrections_are_found_by_either_end_of_their_id(database: Database) -> None:
    with database.write() as tx:
        for name in ("01AB", "01CB", "2%CD"):
            corrections.add(tx, said(name))
    with database.read() as tx:
        assert [each.id for each in corrections.named(tx, "01")] == ["01AB", "01CB"]
        assert [each.id for each in corrections.named(tx, "AB")] == ["01AB"]
        assert corrections.named(tx, "%") == []


def test_what_was_said_of_an_erased_post_goes_with_it(database: Database) -> None:
    with database.write() as tx:
        write(tx, Intake(mentions=[mentioned(post("1"))]))
        corrections.add(tx, said())
        corrections.add(tx, said("c2", external_id="2"))
        erasure.erase(tx, [("forum", "1")], NOON, "asked for")
        assert [each.id for each in corrections.recent(tx)] == ["c2"]


def test_copies_are_found_among_stored_mentions(database: Database) -> None:
    with database.write() as tx:
        later, first = (mentioned(post(name, created_at=after(hours=hour))) for name, hour in (("9", 2), ("7", 1)))
        write(tx, Intake(mentions=[later, first, mentioned(post("8"), brand="Bolt")]))
        assert corrections.copies(tx, "Acme", "a1") == [("forum", "7"), ("forum", "9")]
        assert corrections.copies(tx, "Acme", "other") == []
