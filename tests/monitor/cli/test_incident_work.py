"""`tocsin incidents`: working on incidents by commands."""

from __future__ import annotations

import json

import pytest

from storage import audit, incidents
from storage.database import Database
from storage.ingest import Intake, write
from storage.records import Severity
from tests.monitor.cli.conftest import Run
from tests.storage.examples import NOON, incident, mentioned, post

FIRST, SECOND = "01HWRX5Z00AAAAAAAAAAAAAAA1", "01HWRX6Z00BBBBBBBBBBBBBBB2"


@pytest.fixture
def known(stored: Database) -> Database:
    """A database with two live incidents, the first of which rests on two posts."""
    with stored.write() as tx:
        write(tx, Intake(mentions=[mentioned(post(name, text=text)) for name, text in (("1", "glass"), ("2", "late"))]))
        incidents.insert(tx, incident(FIRST, evidence=(("forum", "1"), ("forum", "2"))))
        incidents.insert(tx, incident(SECOND, severity=Severity.WATCH))
    return stored


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("assign", FIRST, "Bo"), "You gave it to Bo."),
        (("tag", FIRST, "Recall", "legal"), "You tagged it recall, legal."),
        (("untag", FIRST, "recall"), "It is so already; nothing changed."),
        (("link", FIRST, SECOND), f"You linked it to {SECOND}."),
        (("correct", FIRST, "--severity", "critical"), "You corrected the severity from warning to critical."),
        (("correct", FIRST, "--headline", "A rumour"), "to A rumour."),
        (("merge", SECOND, FIRST), f"You merged it into {FIRST}."),
        (("move", FIRST, "bolt"), "You moved it to Bolt (01"),
        (("move", FIRST, "Acme"), "It is so already; nothing changed."),
        (("split", FIRST, "--term", "glass"), "You split 01"),
        (("split", FIRST, "--post", "forum/1", "--headline", "Glass"), "You split 01"),
    ],
)
def test_each_kind_of_work_says_what_it_did_and_is_taken_back(
    tocsin: Run, known: Database, arguments: tuple[str, ...], said: str
) -> None:
    result = tocsin("incidents", *arguments, "--by", "Ada")
    assert result.exit_code == 0, result.output
    assert said in " ".join(result.output.split())
    back = tocsin("incidents", "undo", arguments[1], "--by", "Bo")
    assert back.exit_code == ("nothing changed" in said)
    with known.read() as tx:
        assert {line.actor for line in audit.recent(tx)} >= {"Ada"}


def test_a_list_is_narrowed_to_a_tag_and_to_who_carries_it(tocsin: Run, known: Database) -> None:
    tocsin("incidents", "tag", FIRST, "Recall")
    tocsin("incidents", "assign", SECOND, "Bo")
    assert SECOND not in tocsin("incidents", "list", "--tag", "recall").output
    assert FIRST not in tocsin("incidents", "list", "--live", "--assigned-to", "Bo").output
    (found,) = (
        json.loads(line) for line in tocsin("incidents", "list", "--tag", "recall", "--json").output.splitlines()
    )
    assert (found["tags"], found["merged_into"]) == (["recall"], None)


def test_an_incident_is_shown_with_what_people_made_of_it(tocsin: Run, known: Database) -> None:
    tocsin("incidents", "assign", FIRST, "Bo", "--note", "knows the supplier", "--by", "Ada")
    tocsin("incidents", "merge", SECOND, FIRST)
    tocsin("incidents", "undo", FIRST, "--line", "1")
    shown = tocsin("incidents", "show", FIRST, "--no-alternatives").output
    for words in (f"merged into it {SECOND}", "gave it to Bo: knows the supplier (taken back)", "took back line 1"):
        assert words in " ".join(shown.split())
    assert f"part of {FIRST}" in tocsin("incidents", "show", SECOND, "--no-alternatives").output


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("merge", FIRST, FIRST), "cannot be merged into itself"),
        (("split", FIRST, "--post", "forum"), "write SOURCE/ID"),
        (("undo", FIRST), "nothing to take back"),
        (("correct", FIRST), "what is to be corrected"),
        (("merge", FIRST, "NOBODY"), "no incident is called"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_reason(
    tocsin: Run, known: Database, arguments: tuple[str, ...], why: str
) -> None:
    result = tocsin("incidents", *arguments)
    assert result.exit_code != 0
    assert why in " ".join(result.output.split())


def test_the_work_for_machines_holds_the_line_and_the_other_incident(tocsin: Run, known: Database) -> None:
    done = json.loads(tocsin("incidents", "split", FIRST, "--term", "glass", "--json").output)
    assert done["changed"]
    assert done["event"]["kind"] == "split"
    assert done["other"]["evidence"] == [["forum", "1"]]
    assert done["opened_at"] == NOON.isoformat()
