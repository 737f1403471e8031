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


def examples(engine: str) -> list[str]:
    """The page's SQL for an engine."""
    blocks = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    statements = [part.strip() for block in blocks for part in block.split(";") if part.strip()]
    found, current = [], ""
    for statement in statements:
        current = next((name for name in ("SQLite", "PostgreSQL") if name in statement.splitlines()[0]), current)
        found += [statement] if current == engine else []
    return found


def test_the_pages_examples_can_be_asked(database: Database) -> None:
    asked = examples({"sqlite": "SQLite", "postgresql": "PostgreSQL"}[database.engine.dialect.name])
    assert asked
    with database.write() as tx:
        write(tx, Intake(mentions=[mentioned(post())]))
        answers = [tx.exec_driver_sql(statement).all() for statement in asked]
    assert len(answers[0]) == 1


def test_a_page_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no <!-- tables -->"):
        describe.page("# The database")


def test_what_is_written_by_hand_stays() -> None:
    text = f"before\n{describe.BEGIN}\na former table\n{describe.END}\nafter\n"
    page = describe.page(text)
    assert page.startswith("before\n")
    assert page.endswith("\nafter\n")
    assert "a former table" not in page
    assert "### delivery_attempt" in page
