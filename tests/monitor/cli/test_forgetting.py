"""`tocsin db forget`, `compliance` and `prune`."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from unittest.mock import DEFAULT, Mock

import pytest

from monitor.sources import erasing
from storage import incidents, outbox, post_rows, posts, quarantine, upkeep
from storage.database import Database
from storage.ingest import Intake, write
from storage.records import DeliveryState, PostKey, SetAside, Stage
from tests.monitor.cli.conftest import Run
from tests.storage.examples import NOON, after, delivery, incident, mentioned, post

ANN = {"author": "u77", "author_name": "ann_longname"}


def fill(database: Database) -> None:
    with database.write() as tx:
        theirs = [mentioned(post(str(n), text=f"my canary words, number {n}", **ANN)) for n in range(3)]
        write(tx, Intake(mentions=[*theirs, mentioned(post("9", author="bob"))]))
        write(tx, Intake(mentions=[mentioned(post("1", source="news", text="canary too", author="ann_longname"))]))


def kept(database: Database) -> set[PostKey]:
    with database.read() as tx:
        return {item.post.key for item in posts.window(tx, NOON - timedelta(days=200), after(days=1))}


def test_an_author_is_forgotten_on_every_source_and_a_receipt_is_given(tocsin: Run, stored: Database) -> None:
    fill(stored)
    result = tocsin("db", "forget", "@ann_longname", "--yes")
    assert result.exit_code == 0
    assert result.output.startswith("Erased 3 posts on forum, 1 post on news at ")
    assert "Backups and exports made before still hold them." in result.output
    assert kept(stored) == {("forum", "9")}


@pytest.mark.parametrize("name", ["u77", "ann_longname"])
def test_an_author_is_known_by_name_and_identity_and_may_be_forgotten_on_one_source(
    tocsin: Run, stored: Database, name: str
) -> None:
    fill(stored)
    found = json.loads(tocsin("db", "forget", name, "--source", "forum", "--yes", "--json").output)
    assert found["posts"] == {"forum": 3}
    assert ("news", "1") in kept(stored)


def test_nothing_is_erased_without_being_asked_for(tocsin: Run, stored: Database) -> None:
    fill(stored)
    result = tocsin("db", "forget", "u77", input="n\n")
    assert result.exit_code != 0
    assert "Erase 3 posts on forum by u77?" in result.output
    assert len(kept(stored)) == 5


def test_an_author_who_wrote_nothing_is_a_mistake(tocsin: Run, stored: Database) -> None:
    fill(stored)
    result = tocsin("db", "forget", "nobody", "--yes")
    assert result.exit_code == 2
    assert 'no post of "nobody" is stored' in result.output


def test_an_author_of_whom_something_was_only_set_aside_is_forgotten_too(
    tocsin: Run, stored: Database, configured: Path
) -> None:
    item = SetAside("forum", "row 1", "no time", "a1", Stage.READ, NOON, b'{"user": "canary_author"}')
    with stored.write() as tx:
        quarantine.add(tx, [item])
    result = tocsin("db", "forget", "canary_author", "--yes")
    assert result.exit_code == 0, result.output
    assert "1 that waited or were set aside are erased" in result.output
    left = b"".join(path.read_bytes() for path in configured.parent.glob("tocsin.db*"))
    assert b"canary_author" not in left


def test_no_byte_of_the_author_is_left_in_the_files(tocsin: Run, stored: Database, configured: Path) -> None:
    fill(stored)
    tocsin("db", "forget", "u77", "--yes")
    tocsin("db", "forget", "ann_longname", "--yes")
    files = [file for file in configured.parent.iterdir() if file.name.startswith("tocsin.db")]
    left = b"".join(file.read_bytes() for file in files)
    assert b"bob" in left
    assert b"canary" not in left
    assert b"ann_longname" not in left


def test_old_posts_are_deleted_as_each_source_says(tocsin: Run, stored: Database, configured: Path) -> None:
    text = configured.read_text().replace('name = "letters"', 'name = "letters"\nkeep = "30d"')
    configured.write_text(text + '[[sources]]\ntype = "letterbox.source"\nname = "notes"\n')
    with stored.write() as tx:
        for source in ("letters", "notes"):
            told = [post(str(age), source=source, created_at=after(days=-age)) for age in (1, 29, 31, 89, 91)]
            write(tx, Intake(mentions=[mentioned(one) for one in told]))
    result = tocsin("db", "prune")
    assert result.output == "Deleted 3 posts on letters, 1 post on notes.\n"
    assert kept(stored) == {
        (name, str(age)) for name, ages in (("letters", (1, 29)), ("notes", (1, 29, 31, 89))) for age in ages
    }
    assert tocsin("db", "prune").output == "There was nothing older than is to be kept.\n"
    assert json.loads(tocsin("db", "prune", "--json", "--rewrite").output) == {"deleted": {}, "rewritten": True}


def test_posts_that_are_gone_at_their_source_are_removed_now(tocsin: Run, stored: Database, configured: Path) -> None:
    text = configured.read_text().replace('name = "letters"', 'name = "letters"\ntaken_back = ["2"]')
    configured.write_text(text + '[[sources]]\ntype = "letterbox.source"\nname = "notes"\n')
    with stored.write() as tx:
        write(tx, Intake(mentions=[mentioned(post(str(n), source="letters")) for n in (1, 2, 3)]))
    result = tocsin("db", "compliance")
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "letters: 3 posts looked up, 1 removed, 0 edited.",
        "notes: 0 posts looked up, 0 removed, 0 edited.",
    ]
    assert kept(stored) == {("letters", "1"), ("letters", "3")}
    with stored.read() as tx:
        assert post_rows.erased(tx, [("letters", "2")])


def test_a_source_that_cannot_be_asked_is_said_and_fails(tocsin: Run, stored: Database, configured: Path) -> None:
    configured.write_text(configured.read_text().replace('name = "letters"', 'name = "letters"\nbroken = "no key"'))
    with stored.write() as tx:
        write(tx, Intake(posts=[post("1", source="letters")]))
    result = tocsin("db", "compliance", "--source", "letters")
    assert result.exit_code == 1
    assert "Stopped: no key" in result.output
    assert tocsin("db", "compliance", "--source", "nowhere").exit_code == 2


class DeathError(BaseException):
    """The end of the process: nothing of ours catches it."""


def die(*_: object, **__: object) -> None:
    raise DeathError


def mailed(database: Database, name: str, quoting: PostKey) -> None:
    """A mail that was sent and quotes a post of theirs."""
    with database.write() as tx:
        (quoted,) = posts.get(tx, [quoting])
        sent = delivery(name, channel="mail", state=DeliveryState.SENT, sent_at=NOON, page={"quote": quoted.text})
        outbox.enqueue(tx, [sent])


def test_an_erasure_that_is_cut_off_is_gone_on_with_and_told_whole(
    tocsin: Run, stored: Database, configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(stored)
    with stored.write() as tx:
        incidents.insert(tx, incident())
    mailed(stored, "d1", ("forum", "0"))
    monkeypatch.setattr(erasing, "AT_ONCE", 1)
    calls = Mock(side_effect=[DEFAULT, DeathError], wraps=erasing.remove)
    with monkeypatch.context() as patched:
        patched.setattr(erasing, "remove", calls)
        with pytest.raises(DeathError):
            tocsin("db", "forget", "u77", "--yes")
    assert len(kept(stored)) == 4
    checked = tocsin("db", "check")
    assert checked.exit_code == 1
    assert 'run the same "tocsin db forget" again' in checked.output

    result = tocsin("db", "forget", "u77", "--yes")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[:2] == [
        "Erased 3 posts on forum at 2024-05-01 12:00.",
        "An erasure of 2024-05-01 12:00 was cut off; what it erased and did not come to tell is among this.",
    ]
    assert "Not within reach: a message of 2024-05-01 12:00 to #press through mail." in result.output
    assert tocsin("db", "check").exit_code == 0
    assert tocsin("db", "forget", "u77", "--yes").exit_code == 2


def test_an_erasure_that_is_cut_off_before_the_files_are_rewritten_leaves_no_byte_after_the_next(
    tocsin: Run, stored: Database, configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(stored)
    with monkeypatch.context() as patched:
        patched.setattr(upkeep, "purge", die)
        for name in ("u77", "ann_longname"):
            with pytest.raises(DeathError):
                tocsin("db", "forget", name, "--yes")
    result = tocsin("db", "forget", "ann_longname", "--yes")
    assert result.output.startswith("Erased 3 posts on forum, 1 post on news at "), result.output
    left = b"".join(path.read_bytes() for path in configured.parent.glob("tocsin.db*"))
    assert b"bob" in left
    assert b"canary" not in left
    assert b"ann_longname" not in left
