"""Pictures that lie with a provider: each step is one process's, and what was taken back is let go of by all."""

from __future__ import annotations

from datetime import timedelta

from storage import incidents, pictures
from storage.database import Database
from storage.pictures import Picture, PictureState
from tests.storage.examples import NOON, after, incident

LEASE = timedelta(minutes=1)
PLACE = ("i1", "slack", "C0ROOM")


def test_a_step_is_claimed_once_and_a_lost_claim_records_nothing(database: Database) -> None:
    with database.write() as tx:
        incidents.insert(tx, incident())
        pictures.add(tx, Picture("p1", *PLACE, due_at=NOON))
        held = pictures.claim(tx, NOON, LEASE, ["slack"])
        assert held is not None
        assert (held.attempt, pictures.claim(tx, NOON, LEASE, ["slack"]), pictures.next_due(tx)) == (
            1,
            None,
            NOON + LEASE,
        )
        again = pictures.claim(tx, NOON + LEASE, LEASE, ["slack"])
        assert again is not None
        assert not pictures.record(tx, held, state=PictureState.UPLOADED, file="F1")
        assert pictures.record(tx, again, state=PictureState.UPLOADED, file="F2", due_at=after(minutes=3))
        assert pictures.files(tx, *PLACE) == ("F2",)
        assert pictures.claim(tx, after(minutes=9), LEASE, ["another"]) is None


def test_a_new_file_dooms_the_one_before_it_and_taking_back_dooms_all(database: Database) -> None:
    with database.write() as tx:
        incidents.insert(tx, incident())
        for name, state in (("p1", PictureState.SHOWN), ("p2", PictureState.UPLOADED), ("p3", PictureState.WANTED)):
            pictures.add(tx, Picture(name, *PLACE, state, None if name == "p3" else f"F{name}"))
        assert pictures.files(tx, *PLACE) == ("Fp2", "Fp1")
        pictures.shown(tx, *PLACE, "Fp2", NOON)
        assert pictures.files(tx, *PLACE) == ("Fp2",)
        assert {one.id: one.state for one in pictures.at_place(tx, *PLACE)}["p2"] is PictureState.SHOWN
        pictures.doom(tx, *PLACE, NOON)
        assert pictures.at_place(tx, *PLACE) == []
        doomed = [pictures.claim(tx, NOON, LEASE, ["slack"]) for _ in range(3)]
        assert [one and one.file for one in doomed] == ["Fp1", "Fp2", None]
