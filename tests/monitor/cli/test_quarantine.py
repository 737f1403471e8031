"""`tocsin quarantine`: what could not be read is listed, tried again and dropped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from storage import posts, quarantine
from storage.database import Database
from storage.records import SetAside, Stage
from tests.monitor.cli.conftest import Run
from tests.storage.examples import NOON

SOUND = b'{"id": "p1", "created_at": "2024-05-01T11:00:00Z", "text": "Acme is late"}'


def item(name: str, raw: bytes | None, source: str = "old", reason: str = "no \x1b[31mtime") -> SetAside:
    return SetAside(source, f"rows.jsonl:{name}", reason, name, Stage.READ, NOON, raw)


@pytest.fixture
def filled(stored: Database, configured: Path) -> Database:
    with configured.open("a", encoding="utf-8") as file:
        file.write('\n[[sources]]\ntype = "files"\nname = "old"\npaths = ["rows.jsonl"]\n')
    with stored.write() as tx:
        quarantine.add(tx, [item("a1", SOUND), item("b2", b'{"id": "p2"}'), item("b3", None)])
        quarantine.add(tx, [item("c4", b"{}", source="gone")])
    return stored


def left(database: Database) -> set[str]:
    with database.read() as tx:
        return {one.raw_hash for one in quarantine.every(tx)}


def test_the_list_says_where_and_why_without_the_words_of_outsiders_moving_the_cursor(
    tocsin: Run, filled: Database
) -> None:
    result = tocsin("quarantine", "list", "--source", "old")
    assert result.exit_code == 0, result.output
    assert "rows.jsonl:a1" in result.output
    assert "\x1b" not in result.output
    assert "c4" not in result.output


def test_the_list_is_there_for_machines_without_the_items_words(tocsin: Run, filled: Database) -> None:
    lines = [json.loads(line) for line in tocsin("quarantine", "list", "--json").output.splitlines()]
    assert {line["raw_hash"]: line["can_be_tried"] for line in lines} == {
        "a1": True,
        "b2": True,
        "b3": False,
        "c4": True,
    }
    assert all(line["raw"] is None for line in lines)


def test_nothing_set_aside_is_said(tocsin: Run, stored: Database) -> None:
    assert tocsin("quarantine", "list").output == "Nothing is set aside.\n"


def test_a_retry_stores_what_can_be_read_and_says_why_the_rest_cannot(tocsin: Run, filled: Database) -> None:
    result = tocsin("quarantine", "retry", "--all")
    assert result.exit_code == 1
    assert "a1  rows.jsonl:a1: stored" in result.output
    assert "b2  rows.jsonl:b2: still set aside: no time" in result.output
    assert "b3  rows.jsonl:b3: still set aside: its content was not kept" in result.output
    assert "there is no source gone in the configuration" in result.output
    assert "1 of 4 stored." in result.output
    assert left(filled) == {"b2", "b3", "c4"}
    with filled.read() as tx:
        assert len(posts.get(tx, [("old", "p1")])) == 1


def test_one_item_is_tried_by_the_beginning_of_its_name(tocsin: Run, filled: Database) -> None:
    assert tocsin("quarantine", "retry", "a").exit_code == 0
    assert left(filled) == {"b2", "b3", "c4"}


def test_a_name_that_means_several_items_or_none_is_refused(tocsin: Run, filled: Database) -> None:
    result = tocsin("quarantine", "drop", "b", "zz")
    assert result.exit_code == 1
    assert '"b" means 2 items' in result.output
    assert '"zz" means no items' in result.output
    assert "say which items" in tocsin("quarantine", "drop").output
    assert len(left(filled)) == 4


def test_items_are_dropped_for_good(tocsin: Run, filled: Database) -> None:
    assert tocsin("quarantine", "drop", "--source", "old", "--all").output == "3 dropped.\n"
    assert left(filled) == {"c4"}
