"""The page about the database."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from storage import describe
from storage.database import Database
from storage.ingest import Intake, write
from tests.storage.examples import mentioned, post

PAGE = Path(__file__).parents[2] / "docs" / "database.md"


def test_the_page_shows_the_tables_as_they_are() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert describe.page(text) == text, "run: python -m storage.describe docs/database.md"


def examples() -> list[str]:
    """The page's SQL, which is the same for both engines."""
    blocks = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [part.strip() for block in blocks for part in block.split(";") if part.strip()]


def test_the_pages_examples_can_be_asked(database: Database) -> None:
    asked = examples()
    with database.write() as tx:
        write(tx, Intake(mentions=[mentioned(post(), brand="Harbour & Pine")]))
        answers = [tx.exec_driver_sql(statement).all() for statement in asked]
    assert [len(answer) for answer in answers] == [0, 0, 1, 1]


def test_a_page_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no <!-- views -->"):
        describe.page("# The database")


def test_what_is_written_by_hand_stays() -> None:
    views, tables = (f"<!-- {name} -->\na former one\n<!-- end of {name} -->" for name in ("views", "tables"))
    text = f"before\n{views}\nbetween\n{tables}\nafter\n"
    page = describe.page(text)
    assert page.startswith("before\n")
    assert page.endswith("\nafter\n")
    assert "\nbetween\n" in page
    assert "a former one" not in page
    assert "### v_incidents" in page
    assert "### delivery_attempt" in page
